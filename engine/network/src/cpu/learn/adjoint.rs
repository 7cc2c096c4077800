//! The adjoints of the operations that change the side: of the 4³ convolution that halves it, and of upsampling.

use super::pointwise::{Change, each_of_line};
use crate::cpu::gemm::{Matrix, Packed, Rows, product};
use crate::cpu::map::{Map, Pool, Scratch, padded};
use crate::cpu::vectors::vectorize;
use imaging::Result;
use pulp::{Simd, WithSimd};

/// The adjoint of a 4³ convolution with stride 2 and padding 1. Voxels of the result are even or odd along each axis,
/// and each of these eight kinds sums over two taps along each axis.
pub struct Spread {
    /// One matrix per kind; its index in binary says whether voxels are odd along z, y, x.
    kinds: Packed,
    /// Channels of the result, and padded channels of the gradient.
    inputs: usize,
    from: usize,
}

impl Spread {
    /// Packs the convolution's weights `[out, in, z, y, x]`.
    pub fn new(pool: &Pool, inputs: usize, outputs: usize, weight: &[f32]) -> Result<Self> {
        let from = padded(outputs);
        let kinds = Packed::new(pool, [8, 8 * from, padded(inputs)], |kind, row, input| {
            let (number, output) = (row / from, row % from);
            // Along each axis, the farther voxel contributes by the smaller tap.
            let tap = |axis: usize| 3 - (kind >> axis & 1) - 2 * (number >> axis & 1);
            let inside = input < inputs && output < outputs;
            let at = 16 * tap(2) + 4 * tap(1) + tap(0);
            if inside { weight[(output * inputs + input) * 64 + at] } else { 0.0 }
        })?;
        Ok(Self { kinds, inputs, from })
    }

    /// The gradient of the convolution's inputs from that of its outputs.
    pub fn run(&self, gradient: &Map, pool: &Pool) -> Result<Map> {
        let half = gradient.shape.side;
        let mut map = pool.map(2 * half, self.inputs)?;
        let (shape, length) = (map.shape, (half + 2) * self.from);
        let scratch = Scratch::new(pool, 4 * length + half * shape.width)?;
        map.write(pool, |number, out| {
            let scratch = &mut scratch.mine();
            let (lines, products) = scratch.split_at_mut(4 * length);
            let (y, z) = (number % shape.side, number / shape.side);
            for (i, line) in lines.chunks_exact_mut(length).enumerate() {
                // Two lines along each axis; for even voxels they begin one line earlier.
                let [y, z] = [y.div_ceil(2) + i % 2, z.div_ceil(2) + i / 2].map(|at| at.wrapping_sub(1));
                line.fill(0.0);
                if y < half && z < half {
                    let from = gradient.shape.line();
                    let from = &gradient.values[(z * half + y) * from..][..from];
                    gradient.shape.deinterleave(from, &mut line[self.from..][..half * self.from]);
                }
            }
            for odd in 0..2 {
                let weights = self.kinds.matrix(4 * (z % 2) + 2 * (y % 2) + odd);
                let values = &lines[odd * self.from..];
                let (row, segment, width) = (self.from, length, shape.width);
                vectorize(width, Kind { values, row, width, segment, weights, products });
                let places = out.chunks_exact_mut(shape.width).skip(odd).step_by(2);
                for (place, product) in places.zip(products.chunks_exact(shape.width)) {
                    place.copy_from_slice(product);
                }
            }
        })?;
        Ok(map)
    }
}

/// A line of voxels of the same kind.
struct Kind<'a> {
    values: &'a [f32],
    row: usize,
    /// Values per voxel of the result.
    width: usize,
    segment: usize,
    weights: Matrix<'a>,
    products: &'a mut [f32],
}

impl WithSimd for Kind<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { values, row, width, segment, weights, products } = self;
        let rows = Rows { values, count: products.len() / width, row, segments: 4, segment, groups: 1 };
        product(simd, &rows, weights, products, false);
    }
}

/// Weights of the fine samples 2i − 1, 2i, 2i + 1 and 2i + 2 in coarse sample i; at the border the last sample replaces
/// the missing one.
const SHARES: [f32; 4] = [0.25, 0.75, 0.75, 0.25];

/// The adjoint of upsampling ×2; halves the side.
pub fn reduce(gradient: &Map, pool: &Pool) -> Result<Map> {
    let fine = gradient.shape;
    let mut map = pool.map(fine.side / 2, gradient.channels)?;
    let shape = map.shape;
    let scratch = Scratch::new(pool, fine.line() + fine.side * fine.width)?;
    let around = move |i: usize| [0, 1, 2, 3].map(|tap| (2 * i + tap).saturating_sub(1).min(fine.side - 1));
    map.write(pool, |number, out| {
        let scratch = &mut scratch.mine();
        let (line, voxels) = scratch.split_at_mut(fine.line());
        let (y, z) = (number % shape.side, number / shape.side);
        line.fill(0.0);
        for (z, share_z) in around(z).into_iter().zip(SHARES) {
            for (y, share_y) in around(y).into_iter().zip(SHARES) {
                let from = &gradient.values[(z * fine.side + y) * fine.line()..][..fine.line()];
                each_of_line(line, from, Change::Plus(share_z * share_y));
            }
        }
        fine.deinterleave(line, voxels);
        out.fill(0.0);
        for (x, out) in out.chunks_exact_mut(shape.width).enumerate() {
            for (x, share) in around(x).into_iter().zip(SHARES) {
                each_of_line(out, &voxels[x * shape.width..][..shape.width], Change::Plus(share));
            }
        }
    })?;
    Ok(map)
}
