//! Noise: Gaussian and salt-and-pepper.

use imaging::Cube;
use imaging::filter::{highest, lowest};
use imaging::random::{normal, within};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Independent normal noise in every voxel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GaussianNoise {
    /// Range of the standard deviation, in intensities of [0, 1].
    pub sd: [f32; 2],
}

impl GaussianNoise {
    /// Adds noise of a randomly drawn standard deviation.
    pub fn apply(&self, image: &mut Cube, rng: &mut dyn Rng) {
        let sd = within(self.sd, rng);
        image.voxels.iter_mut().for_each(|value| *value += sd * normal(rng));
    }
}

/// Sets voxels independently to the image's largest (salt) or smallest value (pepper).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SaltAndPepper {
    /// Range of the fraction of voxels that become white.
    pub salt: [f32; 2],
    /// Range of the fraction of voxels that become black.
    pub pepper: [f32; 2],
}

impl SaltAndPepper {
    /// Adds both, each with a randomly drawn density.
    pub fn apply(&self, image: &mut Cube, rng: &mut dyn Rng) {
        let (salt, pepper) = (within(self.salt, rng), within(self.pepper, rng));
        let (black, white) = (lowest(image), highest(image));
        for value in &mut image.voxels {
            let sample: f32 = rng.random();
            if sample < salt {
                *value = white;
            } else if sample < salt + pepper {
                *value = black;
            }
        }
    }
}
