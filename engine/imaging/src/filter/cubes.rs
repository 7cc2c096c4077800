//! Cubes changed value by value, and their voxels rearranged.

use crate::Cube;
use crate::statistics::quantiles;
use rayon::prelude::*;

/// Changes every value by itself.
pub fn change(cube: &mut Cube, by: impl Fn(f32) -> f32 + Sync) {
    cube.voxels.par_iter_mut().for_each(|value| *value = by(*value));
}

/// Brings the values at these two fractions (0 smallest, 1 largest) to 0 and 1 and clamps what lies beyond.
pub fn stretch(cube: &mut Cube, fractions: [f64; 2]) {
    let rows: Vec<&[f32]> = cube.voxels.chunks(cube.side.pow(2).max(1)).collect();
    let [low, high] = quantiles(&rows, fractions);
    let range = (high - low).max(f32::MIN_POSITIVE);
    change(cube, |value| ((value - low) / range).clamp(0.0, 1.0));
}

/// The smallest value.
pub fn lowest(cube: &Cube) -> f32 {
    cube.voxels.iter().copied().fold(f32::INFINITY, f32::min)
}

/// The largest value.
pub fn highest(cube: &Cube) -> f32 {
    cube.voxels.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// A cube of `side`³ voxels, each the one of `voxels` at the position that `from` gives for its own.
pub fn rearranged<T: Copy + Send + Sync>(
    side: usize,
    voxels: &[T],
    from: impl Fn([usize; 3]) -> [usize; 3] + Sync,
) -> Vec<T> {
    let mut to = voxels.to_vec();
    to.par_chunks_mut(side * side).enumerate().for_each(|(z, plane)| {
        for (y, row) in plane.chunks_mut(side).enumerate() {
            for (x, voxel) in row.iter_mut().enumerate() {
                let [i, j, k] = from([x, y, z]);
                *voxel = voxels[i + side * (j + side * k)];
            }
        }
    });
    to
}

/// Mirrored along an axis.
pub fn flipped(cube: &Cube, axis: usize) -> Cube {
    let from = |mut at: [usize; 3]| {
        at[axis] = cube.side - 1 - at[axis];
        at
    };
    Cube { side: cube.side, voxels: rearranged(cube.side, &cube.voxels, from) }
}

/// Turned by `quarters` right angles in the plane of two axes, from the first to the second.
pub fn turned(cube: &Cube, [a, b]: [usize; 2], quarters: usize) -> Cube {
    let last = cube.side - 1;
    let from = |mut at: [usize; 3]| {
        for _ in 0..quarters {
            (at[a], at[b]) = (at[b], last - at[a]);
        }
        at
    };
    Cube { side: cube.side, voxels: rearranged(cube.side, &cube.voxels, from) }
}

/// Every `factor`-th voxel along each axis, repeated until the next.
pub fn blocks(cube: &Cube, factor: [usize; 3]) -> Cube {
    let from = |at: [usize; 3]| std::array::from_fn(|a| at[a] / factor[a] * factor[a]);
    Cube { side: cube.side, voxels: rearranged(cube.side, &cube.voxels, from) }
}

/// Every `factor`-th voxel along one axis, put together in the middle, with the smallest value around them.
pub fn squeezed(cube: &Cube, axis: usize, factor: usize) -> Cube {
    let count = cube.side.div_ceil(factor);
    let start = (cube.side - count) / 2;
    let inside = |at: usize| (start..start + count).contains(&at);
    let from = |mut at: [usize; 3]| {
        at[axis] = if inside(at[axis]) { (at[axis] - start) * factor } else { 0 };
        at
    };
    let mut voxels = rearranged(cube.side, &cube.voxels, from);
    fill_slices(&mut voxels, (cube.side, axis), |slice| !inside(slice), lowest(cube));
    Cube { side: cube.side, voxels }
}

/// Gives all voxels of some slices across an axis of a cube of this side one value.
pub fn fill_slices<T: Copy>(
    voxels: &mut [T],
    (side, axis): (usize, usize),
    which: impl Fn(usize) -> bool,
    value: T,
) {
    for (n, part) in voxels.chunks_mut(side.pow(axis as u32)).enumerate() {
        if which(n % side) {
            part.fill(value);
        }
    }
}
