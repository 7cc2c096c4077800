//! Inpainting: smooth holes to be filled.

use imaging::Cube;
use imaging::filter::field::Basis;
use imaging::filter::lowest;
use imaging::random::{index, one_of, within};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// Sets voxels to the image's smallest value wherever a random field exceeds a threshold. The field interpolates
/// linearly between lattice points of value 1/2, 0 or −1/2 with probability 5/16, 6/16 and 5/16.
///
/// The authors implement Perlin noise but sample it only at the origins of its gradients, which is equivalent to this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holes {
    /// Lattice points along each axis; each image draws one of these numbers. The authors' points are 8 or 16 voxels
    /// apart on 128.
    pub points: Vec<usize>,
    /// Range of the threshold.
    pub threshold: [f32; 2],
}

impl Holes {
    /// Cuts randomly drawn holes into an image.
    pub fn apply(&self, image: &mut Cube, rng: &mut dyn Rng) {
        let points = one_of(&self.points, rng);
        let threshold = within(self.threshold, rng);
        let lattice: Vec<f32> = (0..points.pow(3))
            .map(|_| match index(16, rng) {
                0..5 => 0.5,
                5..10 => -0.5,
                _ => 0.0,
            })
            .collect();
        let field = Basis::linear(image.side, points).field(&lattice);
        let low = lowest(image);
        for (value, field) in image.voxels.iter_mut().zip(field) {
            if field > threshold {
                *value = low;
            }
        }
    }
}
