//! 3³ convolutions with padding 1 by Winograd's F(2, 3) along all three axes (Lavin and Gray, 2016): 64 multiplications
//! for 8 outputs instead of 216, with bias, residual and GELU applied while a tile is in cache.
//!
//! A block of tiles is so small that its values between transform, products and inverse transform stay in cache, while
//! its weights are read once for all its tiles.

mod block;
mod planes;

pub use planes::Planes;

use super::gemm::{Packed, ROWS};
use super::map::{Bias, Map, Pool, Scratch, Shape, padded};
use super::vectors::vectorize;
use block::Block;
use imaging::Result;
use rayon::prelude::*;
use std::ops::Range;

/// A 3³ convolution with transformed weights.
pub struct Conv3 {
    /// A matrix for each of the 64 transformed positions, z slowest.
    positions: Packed,
    bias: Bias,
    /// Number of channels, padded.
    pub width: usize,
}

/// From this number of channels on, the weights are too large to stay in cache between blocks.
pub const HEAVY: usize = 128;

impl Conv3 {
    /// Transforms weights `[out, in, z, y, x]` of a convolution that keeps the number of channels.
    pub fn new(pool: &Pool, channels: usize, weight: &[f32], bias: &[f32]) -> Result<Self> {
        let weight = |input, output, tap| weight[(output * channels + input) * 27 + tap];
        Self::transformed(pool, channels, weight, bias)
    }

    /// The adjoint of the convolution with these weights: inputs and outputs exchanged, taps reversed, no bias.
    pub fn adjoint(pool: &Pool, channels: usize, weight: &[f32]) -> Result<Self> {
        let weight = |input, output, tap| weight[(input * channels + output) * 27 + 26 - tap];
        Self::transformed(pool, channels, weight, &[])
    }

    fn transformed(
        pool: &Pool,
        channels: usize,
        weight: impl Fn(usize, usize, usize) -> f32,
        bias: &[f32],
    ) -> Result<Self> {
        let width = padded(channels);
        let mut positions = Packed::unset(pool, [64, width, width])?;
        let mut filters = Filters::default();
        for (first, input) in
            (0..width).flat_map(|input| (0..width).step_by(8).map(move |first| (first, input)))
        {
            for (output, tap) in (0..8).flat_map(|output| (0..27).map(move |tap| (output, tap))) {
                let inside = input < channels && first + output < channels;
                filters.taps[tap][output] = if inside { weight(input, first + output, tap) } else { 0.0 };
            }
            positions.set(input, first, filters.transformed());
        }
        Ok(Self { positions, bias: Bias::new(bias, width), width })
    }

    /// The layers of `to = GELU(to + conv(from))`.
    pub fn residual(&self, from: Planes, to: Planes, shape: Shape, layers: Range<usize>) -> Layers<'_> {
        Layers { conv: self, from, to, shape, layers, add: true, activate: true }
    }

    /// `to = conv(from)` or, with `add`, `to += conv(from)`.
    pub fn run(&self, from: &Map, to: &mut Map, add: bool, pool: &Pool) -> Result<()> {
        let shape = from.shape;
        let scratch = Scratch::new(pool, scratch(shape))?;
        let (from, to) = (Planes::to_read(&from.values, shape), Planes::new(to.own()?, shape));
        let layers = 0..shape.side.div_ceil(2);
        run(&[Layers { conv: self, from, to, shape, layers, add, activate: false }], &scratch);
        Ok(())
    }
}

/// Eight filters during the transform from 3³ taps to 4³ positions.
struct Filters {
    taps: [[f32; 8]; 27],
    /// Intermediate results: transformed along x, along x and y, and along all axes.
    rows: [[f32; 8]; 36],
    planes: [[f32; 8]; 48],
    positions: [[f32; 8]; 64],
}

impl Default for Filters {
    fn default() -> Self {
        Self { taps: [[0.0; 8]; 27], rows: [[0.0; 8]; 36], planes: [[0.0; 8]; 48], positions: [[0.0; 8]; 64] }
    }
}

impl Filters {
    /// G g along x, y and z, one axis after another.
    fn transformed(&mut self) -> &[[f32; 8]] {
        let Self { taps, rows, planes, positions } = self;
        for (taps, row) in taps.chunks_exact(3).zip(rows.chunks_exact_mut(4)) {
            row.copy_from_slice(&transform_taps([taps[0], taps[1], taps[2]]));
        }
        for (rows, plane) in rows.chunks_exact(12).zip(planes.chunks_exact_mut(16)) {
            for x in 0..4 {
                let column = transform_taps([rows[x], rows[4 + x], rows[8 + x]]);
                column.into_iter().enumerate().for_each(|(y, value)| plane[4 * y + x] = value);
            }
        }
        for line in 0..16 {
            let column = transform_taps([planes[line], planes[16 + line], planes[32 + line]]);
            column.into_iter().enumerate().for_each(|(z, value)| positions[16 * z + line] = value);
        }
        positions
    }
}

/// G g: transforms three taps to four positions.
fn transform_taps([a, b, c]: [[f32; 8]; 3]) -> [[f32; 8]; 4] {
    let sides: [f32; 8] = std::array::from_fn(|i| 0.5 * (a[i] + c[i]));
    let plus = std::array::from_fn(|i| sides[i] + 0.5 * b[i]);
    [a, plus, std::array::from_fn(|i| sides[i] - 0.5 * b[i]), c]
}

/// Tiles per block. With more channels the weights take longer to read, so more tiles must share them; but few enough
/// that every thread gets a part of `all`, in whole groups of rows of the products.
fn block(width: usize, all: usize) -> usize {
    let most = match width {
        ..HEAVY => 24,
        HEAVY..256 => 48,
        _ => 120,
    };
    most.min(all.div_ceil(rayon::current_num_threads()).next_multiple_of(ROWS))
}

/// Distance between the matrices of a block of `tiles`: an odd number of cache lines, so that corresponding rows do not
/// collide in a few sets of the first-level cache.
fn stride(tiles: usize, width: usize) -> usize {
    (tiles * width).next_multiple_of(32) + 16
}

/// Number of values that a thread needs for blocks of `tiles`: 64 matrices of transformed inputs, 16 of products, and 8
/// sums of outputs for each tile.
fn block_values(tiles: usize, width: usize) -> usize {
    80 * stride(tiles, width) + 8 * tiles * width
}

/// Number of values that a thread needs for a map of this shape, on which two convolutions may run in parallel.
pub fn scratch(shape: Shape) -> usize {
    let all = 2 * layer_tiles(shape) * shape.side.div_ceil(2);
    block_values(block(shape.width, all), shape.place())
}

/// Tiles per layer; a tile covers 2³ voxels in each group.
fn layer_tiles(shape: Shape) -> usize {
    shape.half().div_ceil(2) * shape.side.div_ceil(2)
}

/// A layer of tiles of one convolution: outputs on planes `2 · layers.start .. 2 · layers.end`.
#[derive(Clone)]
pub struct Layers<'a> {
    /// The convolution.
    pub conv: &'a Conv3,
    /// Input planes, from one below to one above the outputs.
    pub from: Planes,
    /// Output planes.
    pub to: Planes,
    /// Shape of the whole map.
    pub shape: Shape,
    /// Range of tiles along z.
    pub layers: Range<usize>,
    /// Whether to add the present values of the outputs: `to + conv(from)` instead of `conv(from)`.
    pub add: bool,
    /// Whether GELU follows.
    pub activate: bool,
}

impl Layers<'_> {
    fn count(&self) -> usize {
        self.layers.len() * layer_tiles(self.shape)
    }
}

/// Computes all layers in parallel, with [`scratch`] for each thread. No job may write voxels that another reads or
/// writes.
pub fn run(jobs: &[Layers], scratch: &Scratch) {
    let threads = rayon::current_num_threads();
    let all: usize = jobs.iter().map(Layers::count).sum();
    let mut runs = Vec::new();
    for job in jobs {
        let block = block(job.conv.width, all);
        let blocks = job.count().div_ceil(block);
        let run = blocks.div_ceil(RUNS * threads);
        runs.extend(
            (0..blocks)
                .step_by(run)
                .map(|first| (job, block, first * block..((first + run) * block).min(job.count()))),
        );
    }
    runs.into_par_iter().with_max_len(1).for_each(|(job, block, tiles)| {
        let mut scratch = scratch.mine();
        for start in tiles.clone().step_by(block) {
            let end = (start + block).min(tiles.end);
            let next = end..(end + block).min(tiles.end);
            vectorize(job.shape.place(), Block { job, tiles: start..end, next, scratch: &mut scratch });
        }
    });
}

/// Runs of blocks per thread: more than one, so that other threads can take over from a delayed one.
const RUNS: usize = 4;
