//! Tasks to train and to measure on: what of a subject is the input and what the output.
//!
//! The tasks are those of Neuroverse3D (Hu et al., ICCV 2025): segmentation and eight generation tasks. A [`Task`] is
//! drawn once for an episode and then gives the target's and every example's pair; what differs from image to image
//! (noise, field, place of the holes and their extent) is drawn anew for each, as its authors do.

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

/// Where probabilities and parameters come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// A public training configuration that names what are, as far as one can tell, the paper's data sets and tasks, and the
    /// data loader that goes with it. That its authors are the paper's is inferred; the paper's own text was not at hand.
    /// Where this room says "the authors", it means those.
    Paper,
    /// The repository github.com/jiesihu/Neuroverse3D, commit 02a007b, which trains segmentation only.
    Release,
    /// Ours: the paper's tasks and augmentations, intensities as the aligned pipeline brings them, and scans of
    /// ordinary contrast, sharpness and slice thickness besides.
    Exemplar,
}

/// One person on the working grid.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The modalities, in the data set's order, each in [0, 1].
    pub images: Vec<Cube>,
    /// What the structures fill.
    pub structures: Structures,
}

/// What the network is shown and what it shall answer, both in [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The image.
    pub input: Cube,
    /// A soft mask or an image.
    pub output: Cube,
}

/// What is asked for. `image`, `from` and `to` count a subject's modalities.
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
        /// What is wrong with the input.
        corruption: Corruption,
    },
    /// The image with nothing but the brain.
    StripSkull {
        /// The image to strip.
        image: usize,
        /// The labels of the brain; every label above 0 where this is empty.
        brain: Vec<u16>,
    },
    /// Another modality.
    Transform {
        /// The modality that is shown.
        from: usize,
        /// The modality that is asked for.
        to: usize,
    },
}

/// A task of one episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// What is asked for.
    pub goal: Goal,
    /// What is wrong with the input besides, in this order.
    pub extra: Vec<Corruption>,
    /// After a corruption that leaves [0, 1] the values at these fractions (0 smallest, 1 largest) become 0 and 1.
    pub range: [f64; 2],
}

impl Task {
    /// Its kind.
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

    /// Input and output of a subject that has the modalities of the goal.
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

    /// The goal's corruption comes first, as the authors have it; but slices are cut out last, since percentiles of an
    /// almost empty volume say nothing.
    fn corruptions(&self) -> Vec<&Corruption> {
        let mut all: Vec<&Corruption> = self.extra.iter().collect();
        if let Goal::Restore { corruption, .. } = &self.goal {
            let place = if matches!(corruption, Corruption::Slices(_)) { all.len() } else { 0 };
            all.insert(place, corruption);
        }
        all
    }
}

/// The image times the brain's mask.
fn stripped(mut image: Cube, structures: &Structures, brain: &[u16]) -> Cube {
    let mask = if brain.is_empty() { structures.mask(&structures.labels()) } else { structures.mask(brain) };
    image.voxels.iter_mut().zip(mask.voxels).for_each(|(value, part)| *value *= part);
    image
}
