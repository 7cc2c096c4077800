//! Random shapes: label maps of non-anatomical structures, which force a network to rely on its examples.
//!
//! After the synthetic tasks of UniverSeg (Butoi et al., ICCV 2023): each structure is the region in which its own
//! smooth random field is the largest. One map is the template of an episode; [`super::Synthesis`] makes its subjects.
//! All numbers are this project's own.

use imaging::filter::LabelCube;
use imaging::filter::field::{Basis, SPLINE_SPREAD};
use imaging::random::{index, normal, within};
use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The distribution of random shapes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shapes {
    /// Minimum and maximum number of structures.
    pub structures: [usize; 2],
    /// Minimum and maximum number of lattice points of the structures' fields along each axis; more points make smaller
    /// pieces.
    pub points: [usize; 2],
    /// Range of the mean radius of the body that contains the structures, as a fraction of the side.
    pub radius: [f32; 2],
    /// Standard deviation of the body's radius, as a fraction of the side.
    pub dents: f32,
}

impl Default for Shapes {
    fn default() -> Self {
        Self { structures: [3, 12], points: [6, 10], radius: [0.3, 0.45], dents: 0.06 }
    }
}

/// Lattice points along each axis of the field that varies the body's radius.
const BODY_POINTS: usize = 6;

impl Shapes {
    /// Draws a map of labels 1 … n in a body, with background (0) around it.
    pub fn draw(&self, side: usize, rng: &mut dyn Rng) -> LabelCube {
        let between = |[low, high]: [usize; 2], rng: &mut dyn Rng| low + index(high - low + 1, rng);
        let structures = between(self.structures, rng);
        let basis = Basis::spline(side, between(self.points, rng));
        let mut field = |basis: &Basis| -> Vec<f32> {
            basis.field(&(0..basis.count().pow(3)).map(|_| normal(rng)).collect::<Vec<_>>())
        };
        let body = field(&Basis::spline(side, BODY_POINTS));
        let mut best = field(&basis);
        let mut voxels = vec![1; side.pow(3)];
        for label in 2..=structures as u16 {
            let own = field(&basis);
            for ((voxel, best), own) in voxels.iter_mut().zip(&mut best).zip(own) {
                if own > *best {
                    (*voxel, *best) = (label, own);
                }
            }
        }
        let radius = within(self.radius, rng);
        voxels.par_iter_mut().zip(body).enumerate().for_each(|(at, (voxel, dent))| {
            let place = [at % side, at / side % side, at / side.pow(2)];
            let from_middle = place.map(|p| (p as f32 + 0.5) / side as f32 - 0.5);
            let distance = from_middle.iter().map(|d| d * d).sum::<f32>().sqrt();
            if distance > radius + self.dents * dent / SPLINE_SPREAD {
                *voxel = 0;
            }
        });
        LabelCube { side, voxels }
    }
}
