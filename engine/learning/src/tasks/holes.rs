//! Inpainting: smooth holes that are to be filled.

use imaging::Cube;
use imaging::filter::field::Basis;
use imaging::filter::lowest;
use imaging::random::{index, one_of, within};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// The image's smallest value wherever a field is above a threshold. The field interpolates linearly between the
/// points of a lattice that are 1/2, 0 or −1/2 with probability 5/16, 6/16 and 5/16.
///
/// The authors write Perlin noise but look at it only where its gradients begin, and that is what it amounts to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holes {
    /// Points of the lattice along each axis, one of these for each image; theirs are 8 or 16 voxels apart on 128.
    pub points: Vec<usize>,
    /// Range of the threshold.
    pub threshold: [f32; 2],
}

impl Holes {
    /// Cuts holes that are drawn for this image.
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
