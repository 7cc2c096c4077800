//! Small documents, and what two of them are compared by.

use exemplar::document::*;
use glam::{DAffine3, DVec3};
use imaging::io::{Facts, Header, Scan};
use imaging::{Grid, LabelMap, Volume};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Two bricks along x and y with a rest of 8 and 1 voxels, a part of one along z.
pub const SHAPE: [usize; 3] = [40, 33, 12];

pub const START: Duration = Duration::ZERO;

pub fn grid(shape: [usize; 3]) -> Grid {
    Grid { shape, world_from_voxel: DAffine3::from_scale(DVec3::new(1.0, 1.0, 2.0)) }
}

/// A scan whose intensities are 0 to 99, other ones for each `seed`.
pub fn scan(shape: [usize; 3], seed: usize) -> Arc<Scan> {
    let grid = grid(shape);
    let voxels = (0..grid.len()).map(|i| ((i + seed) * 7919 % 100) as f32).collect();
    let facts = Facts {
        format: String::new(),
        datatype: String::new(),
        shape: shape.to_vec(),
        spacing_mm: grid.spacing_mm(),
        orientation: grid.orientation(),
        transform: String::new(),
        transform_reason: String::new(),
        frames: 1,
        range: [0.0, 99.0],
        label_values: None,
        non_finite: 0,
        warnings: Vec::new(),
    };
    let (name, header) = (format!("scan-{seed}"), Header::for_grid(&grid));
    Arc::new(Scan {
        path: name.clone().into(),
        name,
        volume: Arc::new(Volume { grid, voxels }),
        header,
        facts,
    })
}

pub fn found(values: &[u16]) -> Vec<FoundLabel> {
    values.iter().map(|&value| FoundLabel { value, name: None, colour: None }).collect()
}

pub fn info(name: &str, status: Status) -> MaskInfo {
    MaskInfo { name: name.into(), status, provenance: Provenance::Drawn, remarks: Vec::new() }
}

pub fn example_info(name: &str) -> ExampleInfo {
    ExampleInfo { name: name.into(), on: true, remarks: Vec::new() }
}

/// A document with a target, labels 1 to 4 and an empty mask that can be edited.
pub fn opened(shape: [usize; 3]) -> (Document, History, MaskId) {
    let mut document = Document::default();
    let mut history = History::new(&document);
    let mut draft = document.draft();
    draft.set_target(Some(scan(shape, 0))).unwrap();
    let voxels = Bricks::filled(shape, 0);
    let mask = draft.add_mask(voxels, &found(&[1, 2, 3, 4]), info("mask", Status::Edited)).unwrap();
    draft.commit(&mut history, "Open", START).unwrap();
    (document, history, mask)
}

/// The voxels at a distance of `radius` voxels or less from `centre` that lie on the grid.
pub fn ball(shape: [usize; 3], centre: [usize; 3], radius: usize) -> impl Iterator<Item = [usize; 3]> {
    let bounds = Bounds {
        min: centre.map(|c| c.saturating_sub(radius)),
        max: std::array::from_fn(|a| (centre[a] + radius + 1).min(shape[a])),
    };
    bounds.voxels().filter(move |voxel| {
        (0..3).map(|a| voxel[a].abs_diff(centre[a]).pow(2)).sum::<usize>() <= radius.pow(2)
    })
}

/// Writes voxels as one step.
pub fn write(
    (document, history, mask): (&mut Document, &mut History, MaskId),
    rule: WriteRule,
    voxels: impl IntoIterator<Item = [usize; 3]>,
) -> Result<Changes, Refusal> {
    let mut stroke = Stroke::begin(document, mask, rule)?;
    stroke.set_all(voxels);
    let mut draft = document.draft();
    draft.paint(stroke.finish()?)?;
    Ok(draft.commit(history, "Brush", START).expect("a stroke that did something is a step"))
}

pub fn labels_of(document: &Document, mask: MaskId) -> LabelMap {
    document.mask(mask).unwrap().voxels().to_label_map(DAffine3::IDENTITY).unwrap()
}

/// Everything that a document says of itself; voxels by their hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    revision: Revision,
    target: Option<(TargetId, Revision, String)>,
    examples: Vec<(ExampleId, Revision, ExampleInfo, BTreeSet<u16>)>,
    masks: Vec<(MaskId, Revision, MaskInfo, u64)>,
    labels: (Revision, Vec<(u16, Label)>),
}

impl Snapshot {
    pub fn of(document: &Document) -> Self {
        let hash = |mask: &Mask| {
            let mut hasher = DefaultHasher::new();
            mask.voxels().region(&Bounds::whole(mask.voxels().shape())).hash(&mut hasher);
            hasher.finish()
        };
        let labels = document.labels();
        let masks = document.masks().iter();
        let examples = document.examples().iter();
        Self {
            revision: document.revision(),
            target: document.target().map(|t| (t.id(), t.revision(), t.scan().name.clone())),
            examples: examples
                .map(|e| (e.id(), e.revision(), e.info().clone(), e.values().clone()))
                .collect(),
            masks: masks.map(|m| (m.id(), m.revision(), m.info().clone(), hash(m))).collect(),
            labels: (labels.revision(), labels.iter().map(|(v, label)| (v, label.clone())).collect()),
        }
    }
}
