//! Super-resolution: the image at a lower resolution.

use imaging::Cube;
use imaging::filter::blocks;
use serde::{Deserialize, Serialize};

/// Keeps every nth voxel along each axis, repeated to fill a block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LowResolution {
    /// Voxels per block along each axis (n).
    pub factor: usize,
}

impl LowResolution {
    /// Reduces the resolution of an image; its size stays the same.
    pub fn apply(&self, image: &mut Cube) {
        *image = blocks(image, [self.factor; 3]);
    }
}
