//! Lane `analysis`: what is derived from volumes for the window. All of it takes time that grows with the image.

use crate::document::{Bricks, JobKey};
use crate::viewer::{Palette, Statistics, middle_mm, thumbnail};
use ecolor::Color32;
use glam::{DAffine3, DVec3};
use imaging::io::Scan;
use imaging::metrics::{LabelScore, compare};
use imaging::{CancelToken, LabelMap, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is derived; with the contents that it is derived from, the name of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnalysisKind {
    /// Statistics and thumbnail of the image of a target or an example.
    Pictures,
    /// Volumes and middle of a mask.
    Summary,
    /// Scores of a mask (first input) against the ground truth (second input).
    Scores,
}

/// Names an analysis and its result.
pub type AnalysisKey = JobKey<AnalysisKind>;

/// The volumes of an analysis.
pub enum Analysis {
    /// For [`AnalysisKind::Pictures`].
    Pictures {
        /// The image.
        scan: Arc<Scan>,
        /// Its labels, drawn over it.
        labels: Option<Arc<LabelMap>>,
        /// Their colours.
        palette: Palette,
    },
    /// For [`AnalysisKind::Summary`].
    Summary {
        /// The mask.
        mask: Bricks,
        /// Where it lies.
        world_from_voxel: DAffine3,
    },
    /// For [`AnalysisKind::Scores`].
    Scores {
        /// The mask.
        prediction: Bricks,
        /// The ground truth, on the same grid.
        truth: Bricks,
        /// Where both lie.
        world_from_voxel: DAffine3,
    },
}

/// What lane `analysis` answers.
pub enum Analysed {
    /// Statistics and thumbnail.
    Pictures(Pictures),
    /// Volumes and middle.
    Summary(MaskSummary),
    /// Scores by label.
    Scores(Vec<LabelScore>),
}

/// What the pictures of a scan need.
pub struct Pictures {
    /// Range and contrast.
    pub statistics: Statistics,
    /// The middle slice with labels, of [`crate::viewer::THUMBNAIL_SIZE`] pixels squared.
    pub thumbnail: Vec<Color32>,
}

/// What is said of a mask.
pub struct MaskSummary {
    /// Millilitres by label value.
    pub volumes_ml: BTreeMap<u16, f64>,
    /// Mean position of all labelled voxels; None where there is none.
    pub middle_mm: Option<DVec3>,
}

pub fn analyse(request: Analysis, cancel: &CancelToken) -> Result<Analysed> {
    Ok(match request {
        Analysis::Pictures { scan, labels, palette } => {
            let thumbnail = thumbnail(&scan.volume, labels.as_deref(), &palette);
            cancel.check()?;
            Analysed::Pictures(Pictures { statistics: Statistics::of(&scan.volume), thumbnail })
        }
        Analysis::Summary { mask, world_from_voxel } => {
            let map = mask.to_label_map(world_from_voxel)?;
            cancel.check()?;
            let ml = map.grid.voxel_ml();
            let volumes_ml =
                map.counts().into_iter().map(|(value, voxels)| (value, voxels as f64 * ml)).collect();
            Analysed::Summary(MaskSummary { volumes_ml, middle_mm: middle_mm(&map) })
        }
        Analysis::Scores { prediction, truth, world_from_voxel } => {
            let prediction = prediction.to_label_map(world_from_voxel)?;
            let truth = truth.to_label_map(world_from_voxel)?;
            cancel.check()?;
            Analysed::Scores(compare(&prediction, &truth)?)
        }
    })
}
