//! 3³ convolution with padding 1 by Winograd's F(2, 3) along all three axes (Lavin and Gray, 2016): 64 multiplications
//! for 8 outputs instead of 216, with bias, residual and GELU applied while a tile is in cache.
//!
//! One block of tiles at a time goes through transform, products and inverse transform for each of the four transformed
//! positions along z, so that its 16 matrices fit the second-level cache at every channel count.

// Voxels are loaded by computed offsets: bounds checks inside the transforms would double their time. Each offset
// is that of a voxel inside the map (`Tile::inside`), and rows of scratch are cut to the length that is written.
#![allow(unsafe_code)]

use super::gelu::gelu;
use super::gemm::{Packed, Rows, lanes, product, vectorize};
use super::map::{Map, padded};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::cell::RefCell;

/// A 3³ convolution, transformed.
#[derive(Clone, Debug)]
pub struct Conv3 {
    /// One product for each of the 64 transformed positions, z slowest.
    positions: Vec<Packed>,
    bias: Vec<f32>,
    width: usize,
}

/// Rows of G: a filter of three taps on four transformed positions.
const G: [[f32; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

/// Floats that a block's matrices may take together, about half of a second-level cache.
const BLOCK_FLOATS: usize = 120_000;

impl Conv3 {
    /// Transforms weights `[out, in, z, y, x]` of a convolution that keeps the number of channels.
    pub fn new(channels: usize, weight: &[f32], bias: &[f32]) -> Self {
        let width = padded(channels);
        let lanes = lanes(width);
        let filter = |output: usize, input: usize, [pz, py, px]: [usize; 3]| -> f32 {
            let taps = &weight[(output * channels + input) * 27..][..27];
            let mut sum = 0.0;
            for z in 0..3 {
                for y in 0..3 {
                    for x in 0..3 {
                        let factor = f64::from(G[pz][z]) * f64::from(G[py][y]) * f64::from(G[px][x]);
                        sum += factor * f64::from(taps[z * 9 + y * 3 + x]);
                    }
                }
            }
            sum as f32
        };
        let position = |p: usize| {
            let at = [p / 16, p / 4 % 4, p % 4];
            Packed::new(lanes, width, width, |input, output| {
                if input < channels && output < channels { filter(output, input, at) } else { 0.0 }
            })
        };
        let mut padded_bias = bias.to_vec();
        padded_bias.resize(width, 0.0);
        Self { positions: (0..64).into_par_iter().map(position).collect(), bias: padded_bias, width }
    }

    /// Values that are kept.
    pub fn len(&self) -> usize {
        self.positions.iter().map(Packed::len).sum()
    }

    /// `out = GELU(conv(x))`, or `out = GELU(out + conv(x))` with `residual`.
    pub fn run(&self, x: &Map, out: &mut Map, residual: bool) {
        assert_eq!((x.width, out.width, x.side), (self.width, self.width, out.side));
        let (side, tiles) = (x.side, x.side.div_ceil(2));
        // Slabs of tiles along z, thick enough that weights are read for many tiles at once.
        let wanted = if self.width >= 128 { 32 } else { 1 };
        let slab = wanted_rows(wanted, tiles * tiles).min(tiles.div_ceil(rayon::current_num_threads())).max(1);
        let planes = 2 * slab * side * side * self.width;
        out.values.par_chunks_mut(planes).enumerate().for_each(|(number, out)| {
            let first = number * slab;
            let job = Slab { conv: self, x, out, first, tiles, residual };
            vectorize(self.width, job);
        });
    }
}

fn wanted_rows(tiles: usize, in_a_plane: usize) -> usize {
    tiles.div_ceil(in_a_plane)
}

/// Tiles `first ..` along z, whose outputs are `out`.
struct Slab<'a> {
    conv: &'a Conv3,
    x: &'a Map,
    out: &'a mut [f32],
    first: usize,
    tiles: usize,
    residual: bool,
}

thread_local! {
    /// Matrices of a block: transformed inputs, products, sums of outputs.
    static SCRATCH: RefCell<[Vec<f32>; 3]> = const { RefCell::new([Vec::new(), Vec::new(), Vec::new()]) };
}

impl WithSimd for Slab<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (side, width) = (self.x.side, self.conv.width);
        let depth = (self.out.len() / (side * side * width)).div_ceil(2);
        let count = depth * self.tiles * self.tiles;
        let fitting = (BLOCK_FLOATS / (40 * width)).next_multiple_of(8);
        let block = fitting.clamp(if width >= 128 { 32 } else { 8 }, 64).min(count);
        // Taken out instead of borrowed within a closure, which would be compiled without this function's vectors.
        let mut scratch = SCRATCH.take();
        let [inputs, products, sums] = &mut scratch;
        inputs.resize(inputs.len().max(16 * block * width), 0.0);
        products.resize(products.len().max(16 * block * width), 0.0);
        sums.resize(sums.len().max(8 * block * width), 0.0);
        let mut slab = self;
        for start in (0..count).step_by(block) {
            let tiles = start..(start + block).min(count);
            let part = tiles.len() * width;
            let (inputs, products) = (&mut inputs[..16 * part], &mut products[..16 * part]);
            for pz in 0..4 {
                slab.transform(simd, tiles.clone(), pz, inputs);
                for p in 0..16 {
                    let rows = Rows {
                        values: &inputs[p * part..][..part],
                        count: tiles.len(),
                        row: width,
                        segments: 1,
                        segment: 0,
                    };
                    let weights = &slab.conv.positions[pz * 16 + p];
                    product(simd, &rows, weights, &mut products[p * part..][..part]);
                }
                slab.gather(simd, tiles.len(), pz, products, sums);
            }
            slab.finish(simd, tiles, sums);
        }
        SCRATCH.set(scratch);
    }
}

/// Where a tile lies, in tiles along x, y, z of the whole map.
#[derive(Clone, Copy)]
struct Tile([usize; 3]);

impl Tile {
    /// Map coordinate of sample `i` (0 to 3) of the tile along an axis, where it lies inside.
    #[inline(always)]
    fn inside(self, axis: usize, i: usize, side: usize) -> Option<usize> {
        let at = (2 * self.0[axis] + i).wrapping_sub(1);
        (at < side).then_some(at)
    }
}

impl Slab<'_> {
    #[inline(always)]
    fn tile(&self, number: usize) -> Tile {
        let n = self.tiles;
        Tile([number % n, number / n % n, self.first + number / (n * n)])
    }

    /// Bᵀ d B along y and x of row `pz` of Bᵀ d along z: 16 matrices `[tile, channel]`.
    #[inline(always)]
    fn transform<S: Simd>(&self, simd: S, tiles: std::ops::Range<usize>, pz: usize, inputs: &mut [f32]) {
        let (side, vectors) = (self.x.side, self.conv.width / S::F32_LANES);
        let values: &[S::f32s] = bytemuck::cast_slice(&self.x.values);
        let inputs: &mut [S::f32s] = bytemuck::cast_slice_mut(inputs);
        let count = tiles.len();
        let zero = simd.splat_f32s(0.0);
        // Rows of Bᵀ: d0 − d2, d1 + d2, d2 − d1, d1 − d3.
        let [plus, minus] = [[0, 2], [1, 2], [2, 1], [1, 3]][pz];
        for (row, number) in tiles.enumerate() {
            let tile = self.tile(number);
            let planes = [plus, minus].map(|i| tile.inside(2, i, side));
            let lines: [[Option<usize>; 4]; 2] = planes.map(|z| {
                std::array::from_fn(|i| {
                    tile.inside(1, i, side).and_then(|y| z.map(|z| (z * side + y) * side * vectors))
                })
            });
            let columns: [Option<usize>; 4] =
                std::array::from_fn(|i| tile.inside(0, i, side).map(|x| x * vectors));
            for v in 0..vectors {
                let load = |line: Option<usize>, column: Option<usize>| match (line, column) {
                    // SAFETY: the voxel lies inside the map.
                    (Some(line), Some(column)) => unsafe { *values.get_unchecked(line + column + v) },
                    _ => zero,
                };
                let mut d = [[zero; 4]; 4];
                for y in 0..4 {
                    for x in 0..4 {
                        let (a, b) = (load(lines[0][y], columns[x]), load(lines[1][y], columns[x]));
                        d[y][x] = if pz == 1 { simd.add_f32s(a, b) } else { simd.sub_f32s(a, b) };
                    }
                }
                let transposed = |d: [S::f32s; 4]| {
                    let [a, b, c, e] = d;
                    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, e)]
                };
                for x in 0..4 {
                    let column = transposed([d[0][x], d[1][x], d[2][x], d[3][x]]);
                    for y in 0..4 {
                        d[y][x] = column[y];
                    }
                }
                for (y, line) in d.into_iter().enumerate() {
                    for (x, value) in transposed(line).into_iter().enumerate() {
                        let at = ((y * 4 + x) * count + row) * vectors + v;
                        // SAFETY: 16 matrices of `count` rows of `vectors` vectors.
                        unsafe { *inputs.get_unchecked_mut(at) = value };
                    }
                }
            }
        }
    }

    /// Aᵀ m A along y and x, added along z into the sums `[tile, output z, y, x, channel]`.
    #[inline(always)]
    fn gather<S: Simd>(&self, simd: S, count: usize, pz: usize, products: &[f32], sums: &mut [f32]) {
        let vectors = self.conv.width / S::F32_LANES;
        let products: &[S::f32s] = bytemuck::cast_slice(products);
        let sums: &mut [S::f32s] = bytemuck::cast_slice_mut(sums);
        // Rows of Aᵀ: m0 + m1 + m2 and m1 − m2 − m3.
        let inverse = |m: [S::f32s; 4]| {
            let [a, b, c, d] = m;
            [simd.add_f32s(simd.add_f32s(a, b), c), simd.sub_f32s(simd.sub_f32s(b, c), d)]
        };
        for row in 0..count {
            for v in 0..vectors {
                let mut half = [[simd.splat_f32s(0.0); 2]; 4];
                for (y, half) in half.iter_mut().enumerate() {
                    *half = inverse(std::array::from_fn(|x| {
                        let at = ((y * 4 + x) * count + row) * vectors + v;
                        // SAFETY: 16 matrices of `count` rows of `vectors` vectors.
                        unsafe { *products.get_unchecked(at) }
                    }));
                }
                for x in 0..2 {
                    let column = inverse(std::array::from_fn(|y| half[y][x]));
                    for (y, value) in column.into_iter().enumerate() {
                        let at = |z: usize| (row * 8 + z * 4 + y * 2 + x) * vectors + v;
                        let (near, far) = (at(0), at(1));
                        match pz {
                            0 => sums[near] = value,
                            1 => {
                                sums[near] = simd.add_f32s(sums[near], value);
                                sums[far] = value;
                            }
                            2 => {
                                sums[near] = simd.add_f32s(sums[near], value);
                                sums[far] = simd.sub_f32s(sums[far], value);
                            }
                            _ => sums[far] = simd.sub_f32s(sums[far], value),
                        }
                    }
                }
            }
        }
    }

    /// Bias, residual and GELU on the sums, written to the voxels that lie inside.
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, tiles: std::ops::Range<usize>, sums: &[f32]) {
        let (side, vectors) = (self.x.side, self.conv.width / S::F32_LANES);
        let sums: &[S::f32s] = bytemuck::cast_slice(sums);
        let bias: &[S::f32s] = bytemuck::cast_slice(&self.conv.bias);
        let top = 2 * self.first;
        for (row, number) in tiles.enumerate() {
            let Tile([tx, ty, tz]) = self.tile(number);
            for i in 0..8 {
                let [x, y, z] = [2 * tx + i % 2, 2 * ty + i / 2 % 2, 2 * tz + i / 4];
                if x >= side || y >= side || z >= side {
                    continue;
                }
                let at = (((z - top) * side + y) * side + x) * self.conv.width;
                let out: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut self.out[at..][..self.conv.width]);
                let sums = &sums[(row * 8 + i) * vectors..][..vectors];
                for ((out, sum), bias) in out.iter_mut().zip(sums).zip(bias) {
                    let mut value = simd.add_f32s(*sum, *bias);
                    if self.residual {
                        value = simd.add_f32s(value, *out);
                    }
                    *out = gelu(simd, value);
                }
            }
        }
    }
}
