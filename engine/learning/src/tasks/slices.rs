//! From 2D to 3D: of the whole volume only a few slices were acquired.

use imaging::Cube;
use imaging::filter::{fill_slices, lowest};
use imaging::random::around_zero;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// A few neighbouring slices near the middle of an axis; everything else has the image's smallest value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slices {
    /// The axis that the slices lie across.
    pub axis: usize,
    /// How many slices.
    pub count: usize,
    /// Largest distance of their middle from the middle of the axis, as a part of the side, drawn for each image.
    pub off_centre: f32,
}

impl Slices {
    /// Blanks everything but the slices.
    pub fn apply(&self, image: &mut Cube, rng: &mut dyn Rng) {
        let side = image.side;
        let shift = around_zero(self.off_centre * side as f32, rng);
        let first = side as f32 / 2.0 + shift - self.count as f32 / 2.0;
        let first = first.round().clamp(0.0, side.saturating_sub(self.count) as f32) as usize;
        let (inside, low) = (first..first + self.count, lowest(image));
        fill_slices(&mut image.voxels, (side, self.axis), |slice| !inside.contains(&slice), low);
    }
}
