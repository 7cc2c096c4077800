//! From images to labels: four steps, each with its own result, and complete runs that loop over them.
//!
//! | step | input | result |
//! | --- | --- | --- |
//! | [`prepare()`] | an image | [`Prepared`]: axes in RAS order, foreground, working grid, intensities from 0 to 1 |
//! | [`register()`] | an example and a target | [`Registered`]: its alignment with the target, and its deformation |
//! | [`predict()`] | a label, a target and examples | [`Probabilities`] on the target's working grid |
//! | [`fuse()`] | the probabilities of all labels | the label map on the target's own grid |
//!
//! The first two depend on the images alone. A [`Cache`] keeps their results by content.

mod cache;
mod content;
mod findings;
mod fuse;
mod image;
mod labelled;
mod memory_budget;
mod placement;
mod predict;
mod prepare;
mod progress;
mod reference;
mod refine;
mod register;
mod report;
mod run;
mod scene;
mod segment;
mod transform;

pub use cache::{CACHE_BYTES, Cache, Computed};
pub use fuse::{LabelFusion, Threshold, fuse, probability, probability_volume, threshold};
pub use image::{Example, NamedImage};
pub use labelled::Labelled;
pub use memory_budget::{MOST_AT_ONCE, comfortable, volumes_bytes};
pub use placement::Placement;
pub use predict::{Probabilities, predict};
pub use prepare::{Prepared, prepare};
pub use progress::{Plan, Progress, Stage};
pub use register::{Deformation, Registered, register};
pub use report::{LabelVolume, PreprocessingRecord, Report, Seconds};
pub use run::Run;

use findings::Findings;
use imaging::labels::Names;
use imaging::{Error, LabelMap, Result, Volume, Voxel};
use memory_budget::Need;
use network::Model;
use serde::{Deserialize, Serialize};

/// Side of the working grid if the weights do not state the one they were trained on.
pub const DEFAULT_GRID: usize = 64;

/// How scans are brought to the network's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pipeline {
    /// Foreground box, isotropic working grid, calibrated probabilities.
    #[default]
    Aligned,
    /// The published script, for parity and papers.
    Reference,
}

/// Side of the working grid that a model was trained on.
pub fn working_side(model: &Model) -> usize {
    model.info.grid.unwrap_or(DEFAULT_GRID)
}

/// Whether the aligned pipeline refines a structure in a box around it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refinement {
    /// If the weights were trained for it.
    #[default]
    AsTrained,
    /// Never: a single pass over the whole field of view.
    One,
    /// Always: the whole field of view, then a box around the structure.
    Closer,
}

/// Options of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How scans are brought to the network's input.
    pub pipeline: Pipeline,
    /// Pairs read at once (mini-context ℓ); `None`: as many as memory allows.
    pub mini_context: Option<usize>,
    /// Labels to segment; empty: every value above 0 in the examples.
    pub labels: Vec<u16>,
    /// Whether the aligned pipeline refines a structure in a box around it.
    pub refinement: Refinement,
    /// Keep one probability volume for each label.
    pub probabilities: bool,
    /// Names of the labels, for report and warnings.
    pub names: Names,
}

/// Receives progress; an error (such as [`Error::Cancelled`]) stops the run.
pub type Observer<'a> = dyn FnMut(Progress) -> Result<()> + 'a;

/// The result of [`segment()`].
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// Labels on the target's grid.
    pub mask: LabelMap,
    /// If requested, one volume for each label in the order of the report, values from 0 to 1.
    pub probabilities: Vec<Volume>,
    /// Timings, memory, records and warnings.
    pub report: Report,
}

/// The result of [`transform()`].
#[derive(Clone, Debug)]
pub struct Transformation {
    /// Image on the target's grid, in the examples' intensity units.
    pub image: Volume,
    /// Timings, memory, records and warnings.
    pub report: Report,
}

/// Segments `target` by example: all four steps for all labels.
///
/// # Errors
/// [`Error::Request`] without an example or for a label that no example holds, [`Error::Geometry`] if a label does not
/// lie on its image, [`Error::TooLarge`] before any work if the run cannot fit into memory, and the errors of the
/// observer and the device.
pub fn segment(
    model: &Model,
    cache: &Cache,
    target: &NamedImage,
    examples: &[Example<LabelMap>],
    options: &Options,
    observer: &mut Observer,
) -> Result<Segmentation> {
    must_have_examples(examples)?;
    let voxel_counts: Vec<segment::VoxelCounts> =
        examples.iter().map(|example| example.label.counts().into_iter().collect()).collect();
    let labels = options.wanted(model, voxel_counts.iter().flat_map(|counts| counts.keys().copied()))?;
    let refined = options.pipeline == Pipeline::Aligned
        && match options.refinement {
            Refinement::AsTrained => model.info.closer,
            Refinement::One => false,
            Refinement::Closer => true,
        };
    let deformed = options.pipeline == Pipeline::Aligned;
    let plan = Plan { examples: examples.len(), deformed, labels: labels.len(), refined };
    let volumes = if options.probabilities { labels.len() } else { 0 };
    let run = begin(model, cache, (target, examples), options, (plan, volumes), observer)?;
    match options.pipeline {
        Pipeline::Aligned => {
            segment::segment(run, cache, target, (examples, &voxel_counts), &labels, refined)
        }
        Pipeline::Reference => reference::segment(run, target, examples, &labels),
    }
}

/// Transforms `target` by example: the examples' labels are images.
///
/// The aligned pipeline brings each example's result image to [0, 1] by its own 2nd and 98th percentile inside the
/// image's box, and the network's 0 and 1 back to the mean of these percentiles over the examples. The reference
/// pipeline leaves the network's own units, as the published script does.
///
/// # Errors
/// As [`segment()`].
pub fn transform(
    model: &Model,
    cache: &Cache,
    target: &NamedImage,
    examples: &[Example<Volume>],
    options: &Options,
    observer: &mut Observer,
) -> Result<Transformation> {
    must_have_examples(examples)?;
    let plan = Plan { examples: examples.len(), deformed: false, labels: 1, refined: false };
    let run = begin(model, cache, (target, examples), options, (plan, 0), observer)?;
    match options.pipeline {
        Pipeline::Aligned => transform::transform(run, cache, target, examples),
        Pipeline::Reference => reference::transform(run, target, examples),
    }
}

fn must_have_examples<L>(examples: &[Example<L>]) -> Result<()> {
    if examples.is_empty() {
        return Err(Error::Request(
            "There is no example to learn from; add at least one image with its label.".into(),
        ));
    }
    Ok(())
}

/// Begins a run that returns `volumes` volumes of probabilities, if it fits into memory.
fn begin<'a, 'o, T: Voxel>(
    model: &'a Model,
    cache: &Cache,
    (target, examples): (&NamedImage, &[Example<imaging::Image<T>>]),
    options: &'a Options,
    (plan, volumes): (Plan, usize),
    observer: &'a mut Observer<'o>,
) -> Result<(Run<'a, 'o>, Findings<'a>)> {
    let side = match options.pipeline {
        Pipeline::Aligned => working_side(model),
        Pipeline::Reference => reference::SIDE,
    };
    let need = Need::of((model, side), cache, &target.volume.grid, examples, options, volumes)?;
    let run = Run::on_grid(side, model, need.at_once, plan, observer)?;
    Ok((run, Findings::new(model, need, options)))
}
