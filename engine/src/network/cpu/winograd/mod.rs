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
        let width = padded(channels);
        // `[input, position, output]`
        let mut transformed = memory::zeros(channels * 64 * channels)?;
        transformed.par_chunks_exact_mut(64 * channels).enumerate().for_each(|(input, all)| {
            for output in 0..channels {
                let taps = &weight[(output * channels + input) * 27..][..27];
                let values = filter(taps);
                all[output..].iter_mut().step_by(channels).zip(values).for_each(|(to, value)| *to = value);
            }
        });
        let position = |p: usize| {
            Packed::new(width, width, |input, output| {
                let inside = input < channels && output < channels;
                if inside { transformed[(input * 64 + p) * channels + output] } else { 0.0 }
            })
        };
        let positions = (0..64).into_par_iter().map(position).collect::<Result<_>>()?;
        Ok(Self { positions, bias: Bias::new(bias, width), width })
    }
}

/// A filter of 3³ taps on 4³ positions: G along x, then y, then z. Rows of G are (1, 0, 0), (½, ½, ½), (½, −½, ½) and
/// (0, 0, 1).
fn filter(taps: &[f32]) -> [f32; 64] {
    let along = |[a, b, c]: [f32; 3]| [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c];
    let mut x = [[0.0; 4]; 9];
    for (row, taps) in x.iter_mut().zip(taps.as_chunks::<3>().0) {
        *row = along(*taps);
    }
    let mut y = [[0.0; 16]; 3];
    for (plane, rows) in y.iter_mut().zip(x.as_chunks::<3>().0) {
        for i in 0..4 {
            for (j, value) in along(rows.map(|row| row[i])).into_iter().enumerate() {
                plane[4 * j + i] = value;
            }
        }
    }
    let mut z = [0.0; 64];
    for i in 0..16 {
        for (k, value) in along(y.map(|plane| plane[i])).into_iter().enumerate() {
            z[16 * k + i] = value;
        }
    }
    z
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
