//! What is done value by value: GELU and its slope, sums of maps, and sums over all voxels.

use super::adjoint::Add;
use crate::Result;
use crate::network::cpu::gelu::{gelu, gelu_slope};
use crate::network::cpu::gemm::vectorize;
use crate::network::cpu::map::{Map, Pool};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// GELU of every value.
pub fn activated(x: &Map, pool: &Pool) -> Result<Map> {
    let mut map = pool.map(x.shape.side, x.channels)?;
    let line = x.shape.line();
    let lines = map.own()?.par_chunks_mut(line).zip(x.values.par_chunks(line));
    lines.for_each(|(to, from)| vectorize(line, Activate { to, from }));
    Ok(map)
}

/// The gradient with respect to `x` from that with respect to GELU(x), in its place.
pub fn through_gelu(gradient: &mut Map, x: &Map) -> Result<()> {
    let line = x.shape.line();
    let lines = gradient.own()?.par_chunks_mut(line).zip(x.values.par_chunks(line));
    lines.for_each(|(to, from)| vectorize(line, Slope { to, from }));
    Ok(())
}

/// `to += factor · from`.
pub fn add(to: &mut Map, from: &Map, factor: f32) -> Result<()> {
    let line = from.shape.line();
    let lines = to.own()?.par_chunks_mut(line).zip(from.values.par_chunks(line));
    lines.for_each(|(to, from)| vectorize(line, Add { to, from, factor }));
    Ok(())
}

/// Sums over all voxels, one for each channel: the gradient of a bias.
pub fn sums(gradient: &Map) -> Vec<f32> {
    let (width, plane) = (gradient.shape.width, gradient.shape.side * gradient.shape.line());
    let of_plane = |plane: &[f32]| {
        let mut sums = vec![0.0; width];
        for voxel in plane.chunks_exact(width) {
            sums.iter_mut().zip(voxel).for_each(|(sum, value)| *sum += value);
        }
        sums
    };
    let planes: Vec<Vec<f32>> = gradient.values.par_chunks(plane).map(of_plane).collect();
    (0..gradient.channels).map(|channel| planes.iter().map(|plane| plane[channel]).sum()).collect()
}

struct Activate<'a> {
    to: &'a mut [f32],
    from: &'a [f32],
}

impl WithSimd for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let to: &mut [S::f32s] = bytemuck::cast_slice_mut(self.to);
        let from: &[S::f32s] = bytemuck::cast_slice(self.from);
        for (to, from) in to.iter_mut().zip(from) {
            *to = gelu(simd, *from);
        }
    }
}

struct Slope<'a> {
    to: &'a mut [f32],
    from: &'a [f32],
}

impl WithSimd for Slope<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let to: &mut [S::f32s] = bytemuck::cast_slice_mut(self.to);
        let from: &[S::f32s] = bytemuck::cast_slice(self.from);
        for (to, from) in to.iter_mut().zip(from) {
            *to = simd.mul_f32s(*to, gelu_slope(simd, *from));
        }
    }
}
