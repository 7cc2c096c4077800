//! Global intensity non-linear augmentation (GIN): a shallow network with random weights changes the contrasts of an
//! image and keeps its shapes (Ouyang et al., "Causality-inspired single-source domain generalization for medical image
//! segmentation", 2023).

use imaging::Cube;
use imaging::filter::{change, stretch};
use imaging::random::{normal, one_of, within};
use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Slope of the leaky ReLU below 0.
const LEAK: f32 = 0.01;

/// The distribution of random networks; the defaults are those of the released Neuroverse3D.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gin {
    /// Number of channels between the first and the last layer.
    pub channels: usize,
    /// Number of layers, at least 2. The first and the last have kernels of 1³ voxels.
    pub layers: usize,
    /// Sides of the other layers' kernels, odd; each layer draws one of them.
    pub kernels: Vec<usize>,
    /// Range of the network's weight in the result; the remainder is the image itself.
    pub share: [f32; 2],
}

impl Default for Gin {
    fn default() -> Self {
        Self { channels: 10, layers: 4, kernels: vec![1, 3, 1, 1], share: [0.7, 1.0] }
    }
}

/// A convolution with zero padding.
#[derive(Clone, Debug)]
struct Layer {
    inputs: usize,
    /// Side of the kernel.
    side: usize,
    /// Kernel weights, indexed `[output, input, z, y, x]`.
    weights: Vec<f32>,
    /// One bias for each output channel.
    biases: Vec<f32>,
}

/// A drawn network.
#[derive(Clone, Debug)]
pub struct Network {
    layers: Vec<Layer>,
    share: f32,
}

impl Gin {
    /// Draws a network: weights and biases normal with standard deviation 1.
    pub fn draw(&self, rng: &mut dyn Rng) -> Network {
        let last = self.layers - 1;
        let layer = |n: usize| {
            let side = if n == 0 || n == last { 1 } else { one_of(&self.kernels, rng) };
            let inputs = if n == 0 { 1 } else { self.channels };
            let outputs = if n == last { 1 } else { self.channels };
            let weights = (0..outputs * inputs * side.pow(3)).map(|_| normal(rng)).collect();
            Layer { inputs, side, weights, biases: (0..outputs).map(|_| normal(rng)).collect() }
        };
        Network { layers: (0..self.layers).map(layer).collect(), share: within(self.share, rng) }
    }
}

impl Network {
    /// The image with other contrasts, stretched to [0, 1].
    pub fn image(&self, cube: &Cube) -> Cube {
        let mut mixed = self.mixed(cube);
        stretch(&mut mixed, [0.0, 1.0]);
        mixed
    }

    /// The network's output mixed with the image, scaled to the image's Euclidean norm.
    pub fn mixed(&self, cube: &Cube) -> Cube {
        let mut channels = vec![cube.voxels.clone()];
        for (n, layer) in self.layers.iter().enumerate() {
            channels = layer.apply(cube.side, &channels, n + 1 < self.layers.len());
        }
        let share = self.share;
        let mix = |(out, own): (&f32, &f32)| share * out + (1.0 - share) * own;
        let mut mixed =
            Cube { side: cube.side, voxels: channels[0].iter().zip(&cube.voxels).map(mix).collect() };
        let norm = |cube: &Cube| cube.voxels.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
        let scale = (norm(cube) / norm(&mixed).max(1e-5)) as f32;
        change(&mut mixed, |value| value * scale);
        mixed
    }
}

impl Layer {
    /// All output channels, followed by the leaky ReLU if `rectified`.
    fn apply(&self, side: usize, channels: &[Vec<f32>], rectified: bool) -> Vec<Vec<f32>> {
        let output = |(n, &bias): (usize, &f32)| {
            let kernel = self.side.pow(3);
            let weights = &self.weights[n * self.inputs * kernel..][..self.inputs * kernel];
            let mut out = vec![bias; side.pow(3)];
            out.par_chunks_mut(side * side).enumerate().for_each(|(z, plane)| {
                for (channel, weights) in channels.iter().zip(weights.chunks(kernel)) {
                    self.add_plane(side, z, plane, channel, weights);
                }
                if rectified {
                    plane.iter_mut().for_each(|v| *v = v.max(LEAK * *v));
                }
            });
            out
        };
        self.biases.iter().enumerate().map(output).collect()
    }

    /// Adds the contribution of one input channel to plane `z` of an output channel.
    fn add_plane(&self, side: usize, z: usize, plane: &mut [f32], channel: &[f32], weights: &[f32]) {
        let reach = self.side / 2;
        // The position along an axis that a kernel offset reads, if it lies in the cube.
        let source = |at: usize, offset: usize| (at + offset).checked_sub(reach).filter(|&from| from < side);
        for (k, &weight) in weights.iter().enumerate() {
            let [dx, dy, dz] = [k % self.side, k / self.side % self.side, k / self.side.pow(2)];
            let Some(from_z) = source(z, dz) else { continue };
            for (y, row) in plane.chunks_mut(side).enumerate() {
                let Some(from_y) = source(y, dy) else { continue };
                let from = &channel[side * (from_y + side * from_z)..][..side];
                // The part of the row whose inputs lie inside the row.
                let (first, skip) = (reach.saturating_sub(dx), dx.saturating_sub(reach));
                let to = &mut row[first..side - skip];
                to.iter_mut().zip(&from[skip..]).for_each(|(sum, value)| *sum += weight * value);
            }
        }
    }
}
