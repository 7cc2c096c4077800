//! 3³ convolutions with padding 1 by Winograd's F(2, 3) along all three axes (Lavin and Gray, 2016): 64 multiplications
//! for 8 outputs instead of 216, with bias, residual and GELU applied while a tile is in cache.
//!
//! Blocks of tiles go through transform, products and inverse transform, so small that what lies between these steps
//! stays in cache while a block's weights are read once for all its tiles.

mod block;
mod planes;

pub use planes::Planes;

use super::gemm::{Packed, ROWS, vectorize};
use super::map::{Bias, Map, Pool, Scratch, Shape, padded};
use crate::{Result, memory};
use block::Block;
use rayon::prelude::*;
use std::ops::Range;

/// A 3³ convolution, transformed.
pub struct Conv3 {
    /// One product for each of the 64 transformed positions, z slowest.
    positions: Vec<Packed>,
    bias: Bias,
    /// Padded channels.
    pub width: usize,
}

/// Channels from which on weights are too large for a cache to keep between blocks.
pub const HEAVY: usize = 128;

impl Conv3 {
    /// Transforms weights `[out, in, z, y, x]` of a convolution that keeps the number of channels.
    pub fn new(channels: usize, weight: &[f32], bias: &[f32]) -> Result<Self> {
        Self::forward(channels, &transformed(channels, weight)?, bias)
    }

    /// The same and its adjoint, without the bias.
    pub fn both(channels: usize, weight: &[f32], bias: &[f32]) -> Result<[Self; 2]> {
        let transformed = transformed(channels, weight)?;
        // Turned around, a filter has its outer positions exchanged along each axis.
        let turned = |p: usize| [p / 16, p / 4 % 4, p % 4].map(|at| [3, 1, 2, 0][at]);
        let adjoint = Self::pack(channels, &[], |p, input, row| {
            let [z, y, x] = turned(p);
            let values = &transformed[(16 * z + 4 * y + x) * channels + input..];
            row.iter_mut().zip(values.iter().step_by(64 * channels)).for_each(|(to, value)| *to = *value);
        })?;
        Ok([Self::forward(channels, &transformed, bias)?, adjoint])
    }

    fn forward(channels: usize, transformed: &[f32], bias: &[f32]) -> Result<Self> {
        Self::pack(channels, bias, |p, input, row| {
            row.copy_from_slice(&transformed[(input * 64 + p) * channels..][..channels]);
        })
    }

    /// `fill` writes the weights of a position and an input.
    fn pack(channels: usize, bias: &[f32], fill: impl Fn(usize, usize, &mut [f32]) + Sync) -> Result<Self> {
        let width = padded(channels);
        let position = |p: usize| {
            Packed::new(width, width, |input, row| {
                if input < channels {
                    fill(p, input, &mut row[..channels]);
                }
            })
        };
        let positions = (0..64).into_par_iter().map(position).collect::<Result<_>>()?;
        Ok(Self { positions, bias: Bias::new(bias, width), width })
    }
}

/// Filters that are transformed together.
const TOGETHER: usize = 8;
/// A value of each.
type Values = [f32; TOGETHER];

/// Weights `[out, in, z, y, x]` on the transformed positions: `[in, position, out]`.
fn transformed(channels: usize, weight: &[f32]) -> Result<Vec<f32>> {
    let mut all = memory::zeros(channels * 64 * channels)?;
    all.par_chunks_exact_mut(64 * channels).enumerate().for_each(|(input, all)| {
        for first in (0..channels).step_by(TOGETHER) {
            let count = TOGETHER.min(channels - first);
            let mut taps = [[0.0; TOGETHER]; 27];
            for i in 0..count {
                let filter = &weight[((first + i) * channels + input) * 27..][..27];
                taps.iter_mut().zip(filter).for_each(|(taps, tap)| taps[i] = *tap);
            }
            for (row, values) in all.chunks_exact_mut(channels).zip(filters(&taps)) {
                row[first..][..count].copy_from_slice(&values[..count]);
            }
        }
    });
    Ok(all)
}

/// Filters of 3³ taps on 4³ positions: G along x, then y, then z. Rows of G are (1, 0, 0), (½, ½, ½), (½, −½, ½) and
/// (0, 0, 1).
fn filters(taps: &[Values; 27]) -> [Values; 64] {
    let mut x = [[0.0; TOGETHER]; 36];
    for row in 0..9 {
        along([0, 1, 2].map(|i| &taps[3 * row + i]), &mut x[4 * row..], 1);
    }
    let mut y = [[0.0; TOGETHER]; 48];
    for (plane, i) in (0..3).flat_map(|plane| (0..4).map(move |i| (plane, i))) {
        along([0, 4, 8].map(|row| &x[12 * plane + row + i]), &mut y[16 * plane + i..], 4);
    }
    let mut z = [[0.0; TOGETHER]; 64];
    for i in 0..16 {
        along([0, 16, 32].map(|plane| &y[plane + i]), &mut z[i..], 16);
    }
    z
}

/// G times three taps, every `step`-th of `to`.
#[inline(always)]
fn along([a, b, c]: [&Values; 3], to: &mut [Values], step: usize) {
    for i in 0..TOGETHER {
        let (outer, inner) = (a[i] + c[i], b[i]);
        to[0][i] = a[i];
        to[step][i] = (outer + inner) / 2.0;
        to[2 * step][i] = (outer - inner) / 2.0;
        to[3 * step][i] = c[i];
    }
}

impl Conv3 {
    /// The job `to = GELU(to + conv(from))`.
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

/// Tiles of a block: the more channels, the longer it takes to read the weights, and the more tiles must share that;
/// few enough that each of the threads has some of `all`, in whole groups of rows of the products.
fn block(width: usize, all: usize) -> usize {
    let most = match width {
        ..HEAVY => 24,
        HEAVY..256 => 48,
        _ => 120,
    };
    most.min(all.div_ceil(rayon::current_num_threads()).next_multiple_of(ROWS))
}

/// Distance between the matrices of a block of `tiles`: an odd number of cache lines, so that one row of all of them
/// does not fall into a few sets of the first-level cache.
fn stride(tiles: usize, width: usize) -> usize {
    (tiles * width).next_multiple_of(32) + 16
}

/// Values that a thread needs for blocks of `tiles`: 64 matrices of transformed inputs, 16 of products, and 8 sums of
/// outputs for each tile.
fn block_values(tiles: usize, width: usize) -> usize {
    80 * stride(tiles, width) + 8 * tiles * width
}

/// Values that a thread needs for a map of this shape, of which two convolutions may be under way.
pub fn scratch(shape: Shape) -> usize {
    let all = 2 * layer_tiles(shape) * shape.side.div_ceil(2);
    block_values(block(shape.width, all), shape.place())
}

/// Tiles of a layer; a tile is one of 2³ voxels in each group.
fn layer_tiles(shape: Shape) -> usize {
    shape.half().div_ceil(2) * shape.side.div_ceil(2)
}

/// A layer of tiles of one convolution: outputs on planes `2 · layers.start .. 2 · layers.end`.
#[derive(Clone)]
pub struct Layers<'a> {
    /// The convolution.
    pub conv: &'a Conv3,
    /// Inputs: all planes from one below to one above the outputs.
    pub from: Planes,
    /// Outputs.
    pub to: Planes,
    /// Of the whole map.
    pub shape: Shape,
    /// Tiles along z.
    pub layers: Range<usize>,
    /// Whether what the outputs hold is added: `to + conv(from)` instead of `conv(from)`.
    pub add: bool,
    /// Whether GELU comes after that.
    pub activate: bool,
}

impl Layers<'_> {
    fn count(&self) -> usize {
        self.layers.len() * layer_tiles(self.shape)
    }
}

/// Carries out all layers at once, with [`scratch`] for each thread. None may write what another reads or writes.
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

/// Runs of blocks for each thread: more than one, so that a thread that was held up leaves its share to others.
const RUNS: usize = 4;
