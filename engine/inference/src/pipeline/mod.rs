//! From scans to network and back: what `exemplar segment` and the window's Run do.

mod aligned;
mod fuse;
mod memory_budget;
mod placement;
mod progress;
mod reference;
mod refine;
mod report;
mod run;

pub use fuse::{probability, threshold};
pub use memory_budget::{MOST_AT_ONCE, comfortable, volumes_bytes};
pub use placement::Placement;
pub use progress::{Progress, Stage};
pub use report::{LabelVolume, PreprocessingRecord, Report, Seconds};

use imaging::io::Scan;
use imaging::labels::Names;
use imaging::{LabelMap, Result, Volume};
use network::Model;
use run::Run;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Side of the working grid where the weights do not say which one they were trained for.
pub const DEFAULT_GRID: usize = 64;

/// How scans reach the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pipeline {
    /// Foreground box, isotropic working grid, calibrated probabilities.
    #[default]
    Aligned,
    /// The published script, for parity and papers.
    Reference,
}

impl Pipeline {
    /// Side of the working grid with this model.
    fn side(self, model: &Model) -> usize {
        match self {
            Self::Aligned => model.info.grid.unwrap_or(DEFAULT_GRID),
            Self::Reference => reference::SIDE,
        }
    }
}

/// How often the aligned pipeline looks at a structure.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refinement {
    /// Closer where the weights were trained for that.
    #[default]
    AsTrained,
    /// At the whole body only.
    One,
    /// At the whole body, then at a box around what was found.
    Closer,
}

/// A scan and what somebody made of it.
#[derive(Clone)]
pub struct Example<L> {
    /// Shown in progress and warnings.
    pub name: String,
    /// The image.
    pub image: Arc<Scan>,
    /// Its label map (segmentation) or result image (transformation), in agreement with the image in the world.
    pub label: Arc<L>,
}

/// How to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How scans reach the network.
    pub pipeline: Pipeline,
    /// Pairs read at once (ℓ); None takes what memory allows.
    pub mini_context: Option<usize>,
    /// Labels to segment; empty: every value above 0 in the examples.
    pub labels: Vec<u16>,
    /// How often the aligned pipeline looks at a structure.
    pub looks: Refinement,
    /// Keep one probability volume for each label.
    pub probabilities: bool,
    /// Names of the labels, for report and warnings.
    pub names: Names,
}

/// Receives progress; an error (such as [`imaging::Error`]) stops the run.
pub type Observer<'a> = dyn FnMut(Progress) -> Result<()> + 'a;

/// A segmentation that was run.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// Labels on the target's grid.
    pub mask: LabelMap,
    /// One volume for each label in the order of the report, if asked for.
    pub probabilities: Vec<Volume>,
    /// How it was made.
    pub report: Report,
}

/// A transformation that was run.
#[derive(Clone, Debug)]
pub struct Transformation {
    /// Image on the target's grid, in the examples' intensity units.
    pub image: Volume,
    /// How it was made.
    pub report: Report,
}

/// Segments `target` by example.
///
/// # Errors
/// [`imaging::Error`] without an example or for a label that none holds, [`imaging::Error`] where a label
/// does not lie on its image, [`imaging::Error`] before anything is done where it cannot fit into memory, and what
/// the observer or the device return.
pub fn segment(
    model: &Model,
    target: &Scan,
    examples: &[Example<LabelMap>],
    options: &Options,
    observer: &mut Observer,
) -> Result<Segmentation> {
    let side = options.pipeline.side(model);
    let probabilities = if options.probabilities { memory_budget::labels(examples, options) } else { 0 };
    let run = Run::start(model, (side, target, examples), options, probabilities, observer)?;
    match options.pipeline {
        Pipeline::Aligned => aligned::segment(run, target, examples),
        Pipeline::Reference => reference::segment(run, target, examples),
    }
}

/// Transforms `target` by example: the examples' labels are images.
///
/// The aligned pipeline brings each example's result image to [0, 1] by its own 2nd and 98th percentile inside the
/// image's box, and the network's 0 and 1 back to the mean of these percentiles over the examples. The reference
/// pipeline leaves the network's own units, as the published script does.
///
/// # Errors
/// As [`segment`].
pub fn transform(
    model: &Model,
    target: &Scan,
    examples: &[Example<Volume>],
    options: &Options,
    observer: &mut Observer,
) -> Result<Transformation> {
    let side = options.pipeline.side(model);
    let run = Run::start(model, (side, target, examples), options, 0, observer)?;
    match options.pipeline {
        Pipeline::Aligned => aligned::transform(run, target, examples),
        Pipeline::Reference => reference::transform(run, target, examples),
    }
}
