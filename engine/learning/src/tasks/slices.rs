//! Slices to volume: only a few slices of the volume were acquired.

use imaging::Cube;
use imaging::filter::{fill_slices, lowest};
use imaging::random::around_zero;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Keeps a few adjacent slices near the middle of an axis; all other voxels become the image's smallest value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slices {
    /// The axis perpendicular to the slices.
    pub axis: usize,
    /// Number of slices.
    pub count: usize,
    /// Largest distance of their centre from the middle of the axis, as a fraction of the side; drawn for each image.
    pub off_centre: f32,
}

impl Slices {
    /// Removes all other slices.
    pub fn apply(&self, image: &mut Cube, rng: &mut dyn Rng) {
        let side = image.side;
        let shift = around_zero(self.off_centre * side as f32, rng);
        let first = side as f32 / 2.0 + shift - self.count as f32 / 2.0;
        let first = first.round().clamp(0.0, side.saturating_sub(self.count) as f32) as usize;
        let (inside, low) = (first..first + self.count, lowest(image));
        fill_slices(&mut image.voxels, (side, self.axis), |slice| !inside.contains(&slice), low);
    }
}
