//! Linear maps along one axis after the other: Gaussian smoothing, slices thicker than a voxel.

use crate::Cube;
use rayon::prelude::*;

/// One output position of a linear map along an axis: the sum of `weights[i]` · input at `first + i`.
pub struct Tap {
    first: usize,
    weights: Vec<f32>,
}

impl Tap {
    /// A Gaussian (standard deviation `sd` voxels, cut at three of them) around position `centre` of `side` voxels.
    /// Its weights sum to 1, also where part of it lies outside.
    fn gaussian(side: usize, centre: f32, sd: f32) -> Self {
        let reach = 3.0 * sd;
        let last = side as f32 - 1.0;
        let first = (centre - reach).ceil().clamp(0.0, last) as usize;
        let end = (centre + reach).floor().clamp(first as f32, last) as usize;
        let weight = |i: usize| (-((i as f32 - centre) / sd).powi(2) / 2.0).exp();
        let weights: Vec<f32> = (first..=end).map(weight).collect();
        let sum: f32 = weights.iter().sum();
        Self { first, weights: weights.iter().map(|w| w / sum).collect() }
    }

    /// `part` of another tap and the rest of this one.
    fn mixed(&self, other: &Self, part: f32) -> Self {
        let first = self.first.min(other.first);
        let end = |tap: &Self| tap.first + tap.weights.len();
        let mut weights = vec![0.0; end(self).max(end(other)) - first];
        for (tap, share) in [(self, 1.0 - part), (other, part)] {
            let there = &mut weights[tap.first - first..];
            there.iter_mut().zip(&tap.weights).for_each(|(sum, w)| *sum += share * w);
        }
        Self { first, weights }
    }

    /// Weights for the voxel before, the voxel itself and the one after; beyond the edge lies the edge itself.
    pub fn three(side: usize, weights: [f32; 3]) -> Vec<Self> {
        let tap = |j: usize| {
            let (first, end) = (j.saturating_sub(1), (j + 1).min(side - 1));
            let mut own = vec![0.0; end - first + 1];
            for (step, weight) in weights.into_iter().enumerate() {
                own[(j + step).saturating_sub(1).clamp(first, end) - first] += weight;
            }
            Self { first, weights: own }
        };
        (0..side).map(tap).collect()
    }
}

/// Fewer voxels than this are not worth the change of threads.
const WORTH: usize = 1 << 14;

/// Applies a map along an axis.
pub fn along(cube: &Cube, axis: usize, taps: &[Tap]) -> Cube {
    let side = cube.side;
    let stride = side.pow(axis as u32);
    let mut voxels = vec![0.0; cube.voxels.len()];
    if axis == 0 {
        // Values come one after the other here, so each input spreads over the outputs that it counts in.
        let mut spread = vec![vec![0.0; side]; side];
        for (output, tap) in taps.iter().enumerate() {
            tap.weights.iter().enumerate().for_each(|(i, &weight)| spread[tap.first + i][output] = weight);
        }
        let rows = voxels.par_chunks_mut(side).zip(cube.voxels.par_chunks(side));
        rows.with_min_len(WORTH / side).for_each(|(to, from)| {
            for (value, weights) in from.iter().zip(&spread) {
                to.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight * value);
            }
        });
        return Cube { side, voxels };
    }
    voxels.par_chunks_mut(stride).with_min_len(WORTH / stride).enumerate().for_each(|(n, to)| {
        let (block, tap) = (n / side, &taps[n % side]);
        let from = &cube.voxels[(block * side + tap.first) * stride..];
        for (part, &weight) in from.chunks(stride).zip(&tap.weights) {
            to.iter_mut().zip(part).for_each(|(sum, value)| *sum += weight * value);
        }
    });
    Cube { side, voxels }
}

/// Smoothed by Gaussians of these standard deviations, in voxels along each axis; 0 leaves an axis as it is.
pub fn blurred(cube: &Cube, sd: [f32; 3]) -> Cube {
    let smooth = |cube: Cube, axis: usize| {
        let taps: Vec<Tap> = (0..cube.side).map(|j| Tap::gaussian(cube.side, j as f32, sd[axis])).collect();
        along(&cube, axis, &taps)
    };
    (0..3).filter(|&axis| sd[axis] > 0.0).fold(cube.clone(), smooth)
}

/// As if acquired in slices `spacing` voxels apart and `thickness` voxels thick along each axis, and brought back to
/// the working grid by linear interpolation. A slice is smoothed by a Gaussian of 3/4 of its thickness, as in SynthSeg
/// (Billot et al. 2023). A spacing of 1 leaves an axis as it is.
pub fn thick_slices(cube: &Cube, spacing: [f32; 3], thickness: [f32; 3]) -> Cube {
    let side = cube.side;
    let acquire = |cube: Cube, axis: usize| {
        let (step, sd) = (spacing[axis], 0.75 * thickness[axis]);
        // The slices lie in the middle of the axis and cover it.
        let count = (side as f32 / step).ceil().max(2.0);
        let first = (side as f32 - 1.0 - (count - 1.0) * step) / 2.0;
        let slice = |k: f32| Tap::gaussian(side, first + k * step, sd);
        let tap = |j: usize| {
            let at = ((j as f32 - first) / step).clamp(0.0, count - 1.0);
            let before = at.floor().min(count - 2.0);
            slice(before).mixed(&slice(before + 1.0), at - before)
        };
        along(&cube, axis, &(0..side).map(tap).collect::<Vec<_>>())
    };
    (0..3).filter(|&axis| spacing[axis] > 1.0).fold(cube.clone(), acquire)
}
