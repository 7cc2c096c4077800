//! Grey-scale morphology and edges, for binary and soft masks alike.

use super::cubes::{change, highest};
use super::separable::{Tap, along};
use crate::Cube;
use rayon::prelude::*;

/// The largest value of each voxel and its 26 neighbours; nothing lies outside.
pub fn dilated(cube: &Cube) -> Cube {
    extremes(cube, f32::max)
}

/// The smallest value of each voxel and its 26 neighbours; 0 lies outside.
pub fn eroded(cube: &Cube) -> Cube {
    extremes(cube, f32::min)
}

/// Values are at least 0, so that 0 beyond the edge changes no maximum.
fn extremes(cube: &Cube, pick: fn(f32, f32) -> f32) -> Cube {
    let side = cube.side;
    let beyond = vec![0.0; side * side];
    (0..3).fold(cube.clone(), |cube, axis| {
        let stride = side.pow(axis as u32);
        let at = |n: usize| &cube.voxels[n * stride..][..stride];
        let mut voxels = cube.voxels.clone();
        voxels.par_chunks_mut(stride).with_min_len(side * side / stride).enumerate().for_each(|(n, to)| {
            let before = if n % side == 0 { &beyond[..stride] } else { at(n - 1) };
            let after = if n % side == side - 1 { &beyond[..stride] } else { at(n + 1) };
            for ((value, &before), &after) in to.iter_mut().zip(before).zip(after) {
                *value = pick(pick(before, after), *value);
            }
        });
        Cube { side, voxels }
    })
}

/// 1 where the mean of the three absolute Sobel derivatives is above `threshold` of its maximum, else 0.
pub fn edges(cube: &Cube, threshold: f32) -> Cube {
    let smooth = Tap::three(cube.side, [1.0, 2.0, 1.0]);
    let slope = Tap::three(cube.side, [-1.0, 0.0, 1.0]);
    let derivative = |of: usize| {
        (0..3).fold(cube.clone(), |cube, axis| along(&cube, axis, if axis == of { &slope } else { &smooth }))
    };
    let mut sum = Cube { side: cube.side, voxels: vec![0.0; cube.voxels.len()] };
    for axis in 0..3 {
        let derivative = derivative(axis);
        sum.voxels.iter_mut().zip(&derivative.voxels).for_each(|(sum, d)| *sum += d.abs());
    }
    let limit = threshold * highest(&sum);
    change(&mut sum, |value| f32::from(value > limit));
    sum
}
