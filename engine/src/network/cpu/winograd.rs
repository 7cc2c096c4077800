//! 3³ convolutions with padding 1 by Winograd's F(2, 3) along all three axes (Lavin and Gray, 2016): 64 multiplications
//! for 8 outputs instead of 216, with bias, residual and GELU applied while a tile is in cache.
//!
//! Blocks of tiles go through transform, products and inverse transform, so small that what lies between these steps
//! stays in cache while a block's weights are read once for all its tiles.

// Voxels are read and written by computed addresses. Bounds checks inside the transforms would double their time, and
// tiles of several threads write voxels of one plane side by side, which slices cannot express. Each `SAFETY` says
// why an address lies inside; that no voxel is written while another thread uses it is the contract of `Planes`.
#![allow(unsafe_code)]

use super::gelu::gelu;
use super::gemm::{Packed, ROWS, Rows, product, vectorize};
use super::map::{Bias, Scratch, Shape, padded};
use crate::Result;
use pulp::{Simd, WithSimd};
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

/// Rows of G: a filter of three taps on four transformed positions.
const G: [[f64; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

/// Channels from which on weights are too large for a cache to keep between blocks.
pub const HEAVY: usize = 128;

impl Conv3 {
    /// Transforms weights `[out, in, z, y, x]` of a convolution that keeps the number of channels.
    pub fn new(channels: usize, weight: &[f32], bias: &[f32]) -> Result<Self> {
        let width = padded(channels);
        let position = |p: usize| {
            let [pz, py, px] = [p / 16, p / 4 % 4, p % 4];
            let factors: [f64; 27] =
                std::array::from_fn(|tap| G[pz][tap / 9] * G[py][tap / 3 % 3] * G[px][tap % 3]);
            Packed::new(width, width, |input, output| {
                if input >= channels || output >= channels {
                    return 0.0;
                }
                let taps = &weight[(output * channels + input) * 27..][..27];
                taps.iter().zip(factors).map(|(&tap, factor)| f64::from(tap) * factor).sum::<f64>() as f32
            })
        };
        let positions = (0..64).into_par_iter().map(position).collect::<Result<_>>()?;
        Ok(Self { positions, bias: Bias::new(bias, width), width })
    }
}

impl Conv3 {
    /// The job `to = GELU(to + conv(from))`.
    pub fn residual(&self, from: Planes, to: Planes, shape: Shape, layers: Range<usize>) -> Layers<'_> {
        Layers { conv: self, from, to, shape, layers, residual: true }
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

/// Planes of voxels of a map, or a window onto one: plane z lies at z modulo `held`.
///
/// Several threads hold the same planes. Whoever makes the jobs of a step answers for it that none writes voxels
/// that another one reads or writes.
#[derive(Clone, Copy)]
pub struct Planes {
    values: *mut f32,
    held: usize,
    line: usize,
    plane: usize,
}

// SAFETY: see the contract above; the memory outlives the step, which borrows it mutably.
unsafe impl Send for Planes {}
unsafe impl Sync for Planes {}

impl Planes {
    /// The planes that `values` hold of a map of this shape.
    pub fn new(values: &mut [f32], shape: Shape) -> Self {
        let (line, plane) = (shape.line(), shape.side * shape.line());
        Self { held: values.len() / plane, line, plane, values: values.as_mut_ptr() }
    }

    /// Line `y` of plane `z`, for a job that it belongs to (see the contract above).
    pub fn line<'a>(self, z: usize, y: usize) -> &'a mut [f32] {
        assert!((y + 1) * self.line <= self.plane);
        // SAFETY: the line lies inside the plane and is the caller's alone.
        unsafe { std::slice::from_raw_parts_mut(self.at(z).add(y * self.line), self.line) }
    }

    /// Where plane `z` starts.
    #[inline(always)]
    fn at(self, z: usize) -> *mut f32 {
        // SAFETY: the remainder is below the number of planes held.
        unsafe { self.values.add(z % self.held * self.plane) }
    }
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
    /// Whether the outputs hold residuals: `to = GELU(to + conv(from))` instead of `to = GELU(conv(from))`.
    pub residual: bool,
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

/// Bᵀ d: four samples on four transformed positions.
#[inline(always)]
fn transformed<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}

/// Tiles of a layer that one thread takes through the three steps.
struct Block<'a> {
    job: &'a Layers<'a>,
    tiles: Range<usize>,
    /// The tiles that come next, whose inputs are fetched meanwhile.
    next: Range<usize>,
    /// For transformed inputs, products, sums of outputs.
    scratch: &'a mut [f32],
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (place, count, groups) = (self.job.shape.place(), self.tiles.len(), self.job.shape.groups);
        let (part, stride) = (count * place, self.stride());
        let scratch = std::mem::take(&mut self.scratch);
        let (inputs, rest) = scratch.split_at_mut(64 * stride);
        let (products, sums) = rest.split_at_mut(16 * stride);
        self.transform(simd, inputs);
        for pz in 0..4 {
            for p in 0..16 {
                self.fetch(16 * pz + p);
                let values = &inputs[(16 * pz + p) * stride..][..part];
                let rows = Rows { values, count, row: place, segments: 1, segment: 0, groups };
                product(
                    simd,
                    &rows,
                    &self.job.conv.positions[pz * 16 + p],
                    &mut products[p * stride..][..part],
                    false,
                );
            }
            self.gather(simd, pz, products, sums);
        }
        self.finish(simd, sums);
    }
}

/// Four by four lines of voxels, z slower than y; None beyond the border.
struct Lines {
    lines: [Option<*const f32>; 16],
    /// Places of a line and values of a place.
    places: usize,
    place: usize,
}

impl Lines {
    /// Vector `v` of the voxels at place `x` of all lines, transformed along y and z; zeros beyond the border.
    #[inline(always)]
    fn column<S: Simd>(&self, simd: S, x: usize, v: usize) -> [S::f32s; 16] {
        let mut d = [simd.splat_f32s(0.0); 16];
        if x >= self.places {
            return d;
        }
        for (d, line) in d.iter_mut().zip(self.lines) {
            if let Some(line) = line {
                // SAFETY: the voxel lies inside the line and has more than `v` vectors.
                *d = unsafe { line.add(x * self.place).cast::<S::f32s>().add(v).read_unaligned() };
            }
        }
        for z in 0..4 {
            let line = [d[4 * z], d[4 * z + 1], d[4 * z + 2], d[4 * z + 3]];
            [d[4 * z], d[4 * z + 1], d[4 * z + 2], d[4 * z + 3]] = transformed(simd, line);
        }
        for y in 0..4 {
            [d[y], d[4 + y], d[8 + y], d[12 + y]] = transformed(simd, [d[y], d[4 + y], d[8 + y], d[12 + y]]);
        }
        d
    }
}

impl Block<'_> {
    #[inline(always)]
    fn stride(&self) -> usize {
        stride(self.tiles.len(), self.job.shape.place())
    }

    /// Where a tile lies, in tiles along x, y, z of the whole map.
    #[inline(always)]
    fn tile(&self, number: usize) -> [usize; 3] {
        let Shape { side, .. } = self.job.shape;
        let (x, y) = (self.job.shape.half().div_ceil(2), side.div_ceil(2));
        [number % x, number / x % y, self.job.layers.start + number / (x * y)]
    }

    /// Asks for part `part` of 64 of the next block's inputs, so that they are in cache when they are needed.
    #[inline(always)]
    fn fetch(&self, part: usize) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            let (shape, side) = (self.job.shape, self.job.shape.side);
            let [tx, ty, tz] = self.tile(self.next.start);
            let [z, y] = [2 * tz + part / 16, 2 * ty + part / 4 % 4].map(|at| at.wrapping_sub(1));
            if self.next.is_empty() || z >= side || y >= side {
                return;
            }
            let x = (2 * tx + shape.ends()).saturating_sub(1);
            let voxels = (2 * self.next.len() + 2).min(shape.line() / shape.place() - x);
            let quarter = (voxels * shape.place()).div_ceil(4);
            let start = y * shape.line() + x * shape.place() + part % 4 * quarter;
            for line in (0..quarter).step_by(16) {
                // SAFETY: asking for an address reads nothing, so that it may even lie outside.
                unsafe { _mm_prefetch(self.job.from.at(z).wrapping_add(start + line).cast(), _MM_HINT_T1) };
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = part;
    }

    /// Bᵀ d B along all axes: 64 matrices `[tile, channel]`, z slowest.
    #[inline(always)]
    fn transform<S: Simd>(&self, simd: S, inputs: &mut [f32]) {
        let shape = self.job.shape;
        let (places, tiles) = (shape.line() / shape.place(), shape.half().div_ceil(2));
        let inputs: &mut [S::f32s] = bytemuck::cast_slice_mut(inputs);
        let mut row = 0;
        while row < self.tiles.len() {
            // The block's next tiles on a line of them, and the 16 lines of voxels that they lie on.
            let [tx, ty, tz] = self.tile(self.tiles.start + row);
            let count = (tiles - tx).min(self.tiles.len() - row);
            let mut lines = [None; 16];
            for (i, line) in lines.iter_mut().enumerate() {
                let [z, y] = [2 * tz + i / 4, 2 * ty + i % 4].map(|at| at.wrapping_sub(1));
                if z < shape.side && y < shape.side {
                    // SAFETY: the line lies inside the plane.
                    *line = Some(unsafe { self.job.from.at(z).add(y * shape.line()).cast_const() });
                }
            }
            let from = Lines { lines, places, place: shape.place() };
            let first = (2 * tx + shape.ends()).wrapping_sub(1);
            self.transform_tiles(simd, &from, first, row..row + count, inputs);
            row += count;
        }
    }

    /// The tiles of rows `rows`, side by side, whose first voxel lies at place `first` of `lines`. Neighbours share two
    /// of their four columns, which are transformed along z and y once.
    #[inline(always)]
    fn transform_tiles<S: Simd>(
        &self,
        simd: S,
        lines: &Lines,
        first: usize,
        rows: Range<usize>,
        inputs: &mut [S::f32s],
    ) {
        let (vectors, stride) = (self.job.shape.place() / S::F32_LANES, self.stride() / S::F32_LANES);
        for v in 0..vectors {
            let mut columns = [[simd.splat_f32s(0.0); 16]; 4];
            columns[0] = lines.column(simd, first, v);
            columns[1] = lines.column(simd, first.wrapping_add(1), v);
            for (i, row) in rows.clone().enumerate() {
                // Columns 0 and 1 of this tile lie where the last one's 2 and 3 were.
                let (old, new) = if i % 2 == 0 { (0, 2) } else { (2, 0) };
                columns[new] = lines.column(simd, first.wrapping_add(2 * i + 2), v);
                columns[new + 1] = lines.column(simd, first.wrapping_add(2 * i + 3), v);
                for p in 0..16 {
                    let line = [columns[old][p], columns[old + 1][p], columns[new][p], columns[new + 1][p]];
                    for (x, value) in transformed(simd, line).into_iter().enumerate() {
                        let at = (4 * p + x) * stride + row * vectors + v;
                        // SAFETY: 64 matrices that are `stride` apart, with rows of `vectors` vectors.
                        unsafe { *inputs.get_unchecked_mut(at) = value };
                    }
                }
            }
        }
    }

    /// Aᵀ m A along y and x, added along z into the sums `[tile, output z, y, x, channel]`.
    #[inline(always)]
    fn gather<S: Simd>(&self, simd: S, pz: usize, products: &[f32], sums: &mut [f32]) {
        let (vectors, count) = (self.job.shape.place() / S::F32_LANES, self.tiles.len());
        let stride = self.stride() / S::F32_LANES;
        let products: &[S::f32s] = bytemuck::cast_slice(products);
        let sums: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut sums[..8 * count * self.job.shape.place()]);
        for row in 0..count {
            let sums = &mut sums[row * 8 * vectors..][..8 * vectors];
            let (near, far) = sums.split_at_mut(4 * vectors);
            for v in 0..vectors {
                // SAFETY: 16 matrices that are `stride` apart, with rows of `vectors` vectors.
                let m = |p: usize| unsafe { *products.get_unchecked(p * stride + row * vectors + v) };
                // Rows of Aᵀ: m0 + m1 + m2 and m1 − m2 − m3.
                let mut left = [simd.splat_f32s(0.0); 4];
                let mut right = left;
                for y in 0..4 {
                    let [a, b, c, d] = [m(4 * y), m(4 * y + 1), m(4 * y + 2), m(4 * y + 3)];
                    left[y] = simd.add_f32s(simd.add_f32s(a, b), c);
                    right[y] = simd.sub_f32s(simd.sub_f32s(b, c), d);
                }
                for (x, [a, b, c, d]) in [left, right].into_iter().enumerate() {
                    let top = simd.add_f32s(simd.add_f32s(a, b), c);
                    let bottom = simd.sub_f32s(simd.sub_f32s(b, c), d);
                    for (at, value) in [(x * vectors + v, top), ((2 + x) * vectors + v, bottom)] {
                        match pz {
                            0 => near[at] = value,
                            1 => {
                                near[at] = simd.add_f32s(near[at], value);
                                far[at] = value;
                            }
                            2 => {
                                near[at] = simd.add_f32s(near[at], value);
                                far[at] = simd.sub_f32s(far[at], value);
                            }
                            _ => far[at] = simd.sub_f32s(far[at], value),
                        }
                    }
                }
            }
        }
    }

    /// Bias, residual and GELU on the sums, written to the voxels that lie inside.
    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, sums: &[f32]) {
        let shape = self.job.shape;
        let sums: &[S::f32s] = bytemuck::cast_slice(sums);
        let bias: &[S::f32s] = bytemuck::cast_slice(self.job.conv.bias.of(shape.groups));
        for (row, number) in self.tiles.clone().enumerate() {
            let [tx, ty, tz] = self.tile(number);
            for i in 0..8 {
                let [x, y, z] = [2 * tx + i % 2, 2 * ty + i / 2 % 2, 2 * tz + i / 4];
                if x >= shape.half() || y >= shape.side || z >= shape.side {
                    continue;
                }
                // SAFETY: the voxel lies inside the plane, and it is this tile's alone (see `Planes`).
                let line = unsafe { self.job.to.at(z).add(y * shape.line()) };
                let out = unsafe { line.add((x + shape.ends()) * shape.place()).cast::<S::f32s>() };
                let sums = &sums[(row * 8 + i) * bias.len()..][..bias.len()];
                for (v, (sum, bias)) in sums.iter().zip(bias).enumerate() {
                    let mut value = simd.add_f32s(*sum, *bias);
                    // SAFETY: a voxel has as many vectors as the bias.
                    let out = unsafe { out.add(v) };
                    if self.job.residual {
                        value = simd.add_f32s(value, unsafe { out.read_unaligned() });
                    }
                    unsafe { out.write_unaligned(gelu(simd, value)) };
                }
                if shape.ends() > 0 && (x == 0 || x + 1 == shape.half()) {
                    // SAFETY: the end of a line belongs to the tile with the voxel that it repeats.
                    unsafe { tie(shape, line, x) };
                }
            }
        }
    }
}

/// Repeats a voxel at an end of a half of its `line` where the other half goes on, with zeros beside it: at the right
/// half's left end the left half's last voxel, at the left half's right end the right half's first one.
///
/// # Safety
/// `line` points to a line of the shape with two groups, and no other thread uses that end.
unsafe fn tie(shape: Shape, line: *mut f32, x: usize) {
    let (place, half) = (shape.place(), shape.half());
    for i in (0..place).step_by(2) {
        // SAFETY: all lie within the line.
        unsafe {
            if x == 0 {
                *line.add((half + 1) * place + i) = *line.add(place + i + 1);
                *line.add((half + 1) * place + i + 1) = 0.0;
            } else {
                *line.add(i) = 0.0;
                *line.add(i + 1) = *line.add(half * place + i);
            }
        }
    }
}
