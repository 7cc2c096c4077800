//! Element-wise operations: GELU and its derivative, sums of maps, and sums over all voxels.

use crate::cpu::gelu::{gelu, gelu_slope};
use crate::cpu::map::{Map, Pool};
use crate::cpu::vectors::{multiply_add, vectorize};
use imaging::Result;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// The new value of an element, from its value and the corresponding value of another map.
#[derive(Clone, Copy)]
pub enum Change {
    /// GELU(other).
    Gelu,
    /// own · GELU′(other).
    TimesSlope,
    /// factor · other.
    Times(f32),
    /// own + factor · other.
    Plus(f32),
}

/// Applies a change to all values of `to`, with `from` as the other map.
pub fn each(to: &mut Map, from: &Map, change: Change) -> Result<()> {
    let line = from.shape.line();
    let lines = to.own()?.par_chunks_mut(line).zip(from.values.par_chunks(line));
    lines.for_each(|(to, from)| each_of_line(to, from, change));
    Ok(())
}

/// A new map, computed from the values of `x` alone.
pub fn made(pool: &Pool, x: &Map, change: Change) -> Result<Map> {
    let mut map = pool.map(x.shape.side, x.channels)?;
    each(&mut map, x, change)?;
    Ok(map)
}

/// The same for slices whose length is a multiple of a voxel's.
pub fn each_of_line(to: &mut [f32], from: &[f32], change: Change) {
    vectorize(from.len(), Each { to, from, change });
}

/// The sum over all voxels for each channel: the gradient of a bias.
pub fn sums(gradient: &Map) -> Vec<f32> {
    let shape = gradient.shape;
    let of_plane = |plane: &[f32]| {
        let mut sums = vec![0.0; shape.place()];
        let mut of_line = vec![0.0; shape.place()];
        for line in plane.chunks_exact(shape.line()) {
            of_line.fill(0.0);
            for place in line.chunks_exact(shape.place()).skip(shape.ends()).take(shape.half()) {
                of_line.iter_mut().zip(place).for_each(|(sum, value)| *sum += value);
            }
            sums.iter_mut().zip(&of_line).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        sums
    };
    let planes: Vec<Vec<f64>> = gradient.values.par_chunks(shape.side * shape.line()).map(of_plane).collect();
    let of_channel = |channel: usize| {
        let voxels = channel * shape.groups..(channel + 1) * shape.groups;
        planes.iter().flat_map(|plane| &plane[voxels.clone()]).sum::<f64>() as f32
    };
    (0..gradient.channels).map(of_channel).collect()
}

struct Each<'a> {
    to: &'a mut [f32],
    from: &'a [f32],
    change: Change,
}

impl WithSimd for Each<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let to: &mut [S::f32s] = bytemuck::cast_slice_mut(self.to);
        let from: &[S::f32s] = bytemuck::cast_slice(self.from);
        for (to, from) in to.iter_mut().zip(from) {
            *to = match self.change {
                Change::Gelu => gelu(simd, *from),
                Change::TimesSlope => simd.mul_f32s(*to, gelu_slope(simd, *from)),
                Change::Times(factor) => simd.mul_f32s(*from, simd.splat_f32s(factor)),
                Change::Plus(factor) => multiply_add(simd, *from, simd.splat_f32s(factor), *to),
            };
        }
    }
}
