//! Super-resolution: the image in larger voxels.

use imaging::Cube;
use imaging::filter::blocks;
use serde::{Deserialize, Serialize};

/// Every so manieth voxel along each axis, shown as a block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LowResolution {
    /// Voxels to a block along each axis.
    pub factor: usize,
}

impl LowResolution {
    /// Coarsens an image.
    pub fn apply(&self, image: &mut Cube) {
        *image = blocks(image, [self.factor; 3]);
    }
}
