//! Tasks for training and evaluation: they derive an input and an output from a subject.
//!
//! The tasks are those of Neuroverse3D (Hu et al., ICCV 2025): segmentation and eight generation tasks. A [`Task`] is
//! drawn once per episode and makes the pairs of the target and of every example. Noise, bias field and the holes'
//! position and extent are drawn for each image separately, as in the authors' code.

mod bias;
mod corruption;
mod draw;
mod holes;
mod noise;
mod resolution;
mod slices;
mod structures;

pub use bias::BiasField;
pub use corruption::Corruption;
pub use draw::{Extra, Kind, Tasks};
pub use holes::Holes;
pub use noise::{GaussianNoise, SaltAndPepper};
pub use resolution::LowResolution;
pub use slices::Slices;
pub use structures::Structures;

use imaging::Cube;
use imaging::filter::stretch;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// The origin of probabilities and parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// A public training configuration with its data loader. It names what appear to be the paper's data sets and
    /// tasks. That its authors are the paper's is inferred; the paper's own text was not available. In this module,
    /// "the authors" are those of this configuration.
    Paper,
    /// The repository github.com/jiesihu/Neuroverse3D, commit 02a007b, which trains segmentation only.
    Release,
    /// This project's preset: the paper's tasks and augmentations, intensities scaled as in the aligned pipeline, and
    /// additional scans of ordinary contrast, sharpness and slice thickness.
    Exemplar,
}

/// One subject on the working grid.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The modalities, in the data set's order, each in [0, 1].
    pub images: Vec<Cube>,
    /// The partial volumes of its structures.
    pub structures: Structures,
}

/// An input of the network and its true output, both in [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The input image.
    pub input: Cube,
    /// A mask of partial volumes, or an image.
    pub output: Cube,
}

/// The goal of a task. `image`, `from` and `to` are indices of a subject's modalities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The mask of these labels, merged.
    Segment {
        /// The image to segment.
        image: usize,
        /// The structures that make the mask.
        labels: Vec<u16>,
    },
    /// The image without a corruption.
    Restore {
        /// The image to corrupt and to restore.
        image: usize,
        /// The corruption of the input.
        corruption: Corruption,
    },
    /// The image masked to the brain.
    StripSkull {
        /// The image to strip.
        image: usize,
        /// The labels of the brain; empty: every label above 0.
        brain: Vec<u16>,
    },
    /// Another modality.
    Transform {
        /// The input modality.
        from: usize,
        /// The output modality.
        to: usize,
    },
}

/// A task of one episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The goal, with its own corruption if it has one.
    pub goal: Goal,
    /// Additional corruptions of the input, in the order of their application.
    pub extra: Vec<Corruption>,
    /// After a corruption that leaves [0, 1], the values at these quantiles (0 smallest, 1 largest) become 0 and 1.
    pub range: [f64; 2],
}

impl Task {
    /// The kind of its goal.
    pub fn kind(&self) -> Kind {
        match &self.goal {
            Goal::Segment { .. } => Kind::Segmentation,
            Goal::StripSkull { .. } => Kind::SkullStripping,
            Goal::Transform { .. } => Kind::ModalityTransform,
            Goal::Restore { corruption, .. } => match corruption {
                Corruption::BiasField(_) => Kind::BiasRemoval,
                Corruption::GaussianNoise(_) => Kind::GaussianNoiseRemoval,
                Corruption::SaltAndPepper(_) => Kind::SaltAndPepperRemoval,
                Corruption::Slices(_) => Kind::SlicesToVolume,
                Corruption::Holes(_) => Kind::Inpainting,
                Corruption::LowResolution(_) => Kind::SuperResolution,
            },
        }
    }

    /// The pair of a subject, which must have the modalities of the goal.
    pub fn pair(&self, subject: &Subject, rng: &mut dyn Rng) -> Pair {
        let image = |n: usize| subject.images[n].clone();
        let (mut input, output) = match &self.goal {
            Goal::Segment { image: n, labels } => (image(*n), subject.structures.mask(labels)),
            Goal::Restore { image: n, .. } => (image(*n), image(*n)),
            Goal::StripSkull { image: n, brain } => {
                (image(*n), stripped(image(*n), &subject.structures, brain))
            }
            Goal::Transform { from, to } => (image(*from), image(*to)),
        };
        for corruption in self.corruptions() {
            corruption.apply(&mut input, rng);
            if corruption.leaves_range() {
                stretch(&mut input, self.range);
            }
        }
        Pair { input, output }
    }

    /// The goal's corruption comes first, as in the authors' code, except that slices are removed last, since
    /// percentiles of an almost empty volume are meaningless.
    fn corruptions(&self) -> Vec<&Corruption> {
        let mut all: Vec<&Corruption> = self.extra.iter().collect();
        if let Goal::Restore { corruption, .. } = &self.goal {
            let place = if matches!(corruption, Corruption::Slices(_)) { all.len() } else { 0 };
            all.insert(place, corruption);
        }
        all
    }
}

/// The image multiplied by the brain's mask.
fn stripped(mut image: Cube, structures: &Structures, brain: &[u16]) -> Cube {
    let mask = if brain.is_empty() { structures.mask(&structures.labels()) } else { structures.mask(brain) };
    image.voxels.iter_mut().zip(mask.voxels).for_each(|(value, part)| *value *= part);
    image
}
