//! Corruptions of an image.

use super::{BiasField, GaussianNoise, Holes, LowResolution, SaltAndPepper, Slices};
use imaging::Cube;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// A corruption with its parameters, or with the ranges that they are drawn from for each image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Corruption {
    /// A smooth multiplicative field.
    BiasField(BiasField),
    /// Additive Gaussian noise.
    GaussianNoise(GaussianNoise),
    /// Single black or white voxels.
    SaltAndPepper(SaltAndPepper),
    /// All slices but a few removed.
    Slices(Slices),
    /// Smooth holes.
    Holes(Holes),
    /// Reduced resolution.
    LowResolution(LowResolution),
}

impl Corruption {
    /// Whether values may leave their original range.
    pub fn leaves_range(&self) -> bool {
        matches!(self, Self::BiasField(_) | Self::GaussianNoise(_))
    }

    /// Corrupts an image.
    pub fn apply(&self, image: &mut Cube, rng: &mut dyn Rng) {
        match self {
            Self::BiasField(it) => it.apply(image, rng),
            Self::GaussianNoise(it) => it.apply(image, rng),
            Self::SaltAndPepper(it) => it.apply(image, rng),
            Self::Slices(it) => it.apply(image, rng),
            Self::Holes(it) => it.apply(image, rng),
            Self::LowResolution(it) => it.apply(image),
        }
    }
}
