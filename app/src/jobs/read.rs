//! Lane `read`: files are found, probed and opened.

use super::lane::attempt;
use super::protocol::{ConformedLabels, Event, ImageFile, ImageSource, JobId, Probe, Read};
use crate::document::FoundLabel;
use imaging::conform::{GeometryChoice, reconcile};
use imaging::io::{self, Scan, pairing};
use imaging::labels::Names;
use imaging::{CancelToken, Result};
use std::path::Path;
use std::sync::Arc;

pub fn carry_out(id: JobId, request: Read, cancel: &CancelToken) -> Event {
    match request {
        Read::List(paths) => Event::Listed(id, attempt(cancel, || pairing::expand(&paths))),
        Read::Probe { path, values } => Event::Probed(id, attempt(cancel, || probe(&path, values, cancel))),
        Read::Open(file) => Event::Opened(id, attempt(cancel, || open(&file, cancel).map(Arc::new))),
        Read::ConformLabels { labels, image, geometry } => {
            Event::Conformed(id, attempt(cancel, || conform(&labels, image, geometry, cancel)))
        }
    }
}

fn open(file: &ImageFile, cancel: &CancelToken) -> Result<Scan> {
    Scan::open_unless(&file.path, file.frame, cancel)
}

fn conform(
    labels: &ImageFile,
    image: ImageSource,
    geometry: GeometryChoice,
    cancel: &CancelToken,
) -> Result<ConformedLabels> {
    let image = match image {
        ImageSource::Scan(scan) => scan,
        ImageSource::File(file) => Arc::new(open(&file, cancel)?),
    };
    let scan = open(labels, cancel)?;
    // Of a series, the plan has shown which volume is taken.
    let map = reconcile(&image.volume.grid, scan.labels_of_volume()?, geometry)?;
    let mut warnings = image.facts.warnings.clone();
    warnings.extend(scan.facts.warnings);
    let values = map.counts().into_iter().map(|(value, _)| value);
    let found = FoundLabel::named(values, &Names::beside(&labels.path));
    Ok(ConformedLabels { image, map: Arc::new(map), found, warnings })
}

/// What the import plan shows of a file.
fn probe(path: &Path, values: bool, cancel: &CancelToken) -> Result<Probe> {
    if !values {
        let io::Probe { name, grid, frames, warnings, .. } = io::probe(path)?;
        return Ok(Probe { name, grid, frames, values: None, warnings });
    }
    let Scan { name, volume, facts, .. } = Scan::open_unless(path, 0, cancel)?;
    let values = Some(facts.label_values.unwrap_or_default());
    Ok(Probe { name, grid: volume.grid, frames: facts.frames, values, warnings: facts.warnings })
}
