//! What the threads that open, compare and save do.

use super::{Event, EventSender, Fitted, Image, Job, Payload, Probe, Request};
use imaging::conform::{GeometryChoice, reconcile};
use imaging::io::{self, Scan, pairing};
use imaging::labels::Names;
use imaging::{Result, metrics};
use std::path::Path;
use std::sync::Arc;

/// Answers a request about files.
pub fn answer(job: &Job, _: &EventSender) -> Result<Event> {
    let ticket = job.ticket;
    Ok(match &job.request {
        Request::List { paths } => Event::Listed(ticket, pairing::expand(paths)?),
        Request::Probe { path, values } => Event::Probed(ticket, probe(path, *values)?),
        Request::Fit { label, frame, image, geometry } => {
            Event::Fitted(ticket, fit(job, (label, *frame), image, *geometry)?)
        }
        Request::Compute(compute) => {
            compute();
            Event::Computed(ticket)
        }
        Request::Compare { prediction, truth } => {
            Event::Compared(ticket, metrics::compare(prediction, truth)?)
        }
        Request::Save { path, what, like } => {
            match what {
                Payload::Labels(labels) => io::write_labels(path, labels, like)?,
                Payload::Image(volume) => io::write_image(path, volume, like)?,
            }
            Event::Saved(ticket, path.clone())
        }
        Request::Prepare { .. } | Request::Segment { .. } | Request::Transform { .. } => {
            unreachable!("sent to the network's room")
        }
    })
}

fn fit(job: &Job, label: (&Path, usize), image: &Image, geometry: GeometryChoice) -> Result<Fitted> {
    let image = match image {
        Image::Scan(scan) => scan.clone(),
        Image::File(path, frame) => Arc::new(Scan::open(path, *frame)?),
    };
    job.check()?;
    let scan = Scan::open(label.0, label.1)?;
    // Of a series, the plan has shown which volume is taken.
    let map = reconcile(&image.volume.grid, scan.labels_of_volume()?, geometry)?;
    let mut warnings = image.facts.warnings.clone();
    warnings.extend(scan.facts.warnings);
    let (counts, names) = (map.counts(), Names::beside(label.0));
    Ok(Fitted { image, map: Arc::new(map), counts, names, warnings })
}

/// What the import plan shows of a file.
fn probe(path: &Path, values: bool) -> Result<Probe> {
    if !values {
        let io::Probe { name, grid, frames, warnings, .. } = io::probe(path)?;
        return Ok(Probe { name, grid, frames, values: None, warnings });
    }
    let Scan { name, volume, facts, .. } = Scan::open(path, 0)?;
    let values = Some(facts.label_values.unwrap_or_default());
    Ok(Probe { name, grid: volume.grid, frames: facts.frames, values, warnings: facts.warnings })
}
