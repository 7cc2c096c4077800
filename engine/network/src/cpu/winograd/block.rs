//! The work of one thread on a block of tiles: transform, products, inverse transform, then bias, residual and GELU.

// Voxels are read and written by computed addresses: bounds checks inside the transforms would double their time. Each
// `SAFETY` says why an address lies inside; see also `Planes`.
#![allow(unsafe_code)]

use super::planes::write_halo;
use super::{Layers, stride};
use crate::cpu::gelu::gelu;
use crate::cpu::gemm::{Rows, product};
use crate::cpu::map::Shape;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Bᵀ d: transforms four samples to four positions.
#[inline(always)]
fn transformed<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
}

/// Tiles of a layer that one thread processes.
pub struct Block<'a> {
    pub job: &'a Layers<'a>,
    pub tiles: Range<usize>,
    /// The next tiles, whose inputs are prefetched.
    pub next: Range<usize>,
    /// Buffer for transformed inputs, products and sums of outputs.
    pub scratch: &'a mut [f32],
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
                    self.job.conv.positions.matrix(pz * 16 + p),
                    &mut products[p * stride..][..part],
                    false,
                );
            }
            self.gather(simd, pz, products, sums);
        }
        self.finish(simd, sums);
    }
}

/// Four by four lines of voxels, z slower than y; `None` beyond the border.
struct Lines {
    lines: [Option<*const f32>; 16],
    /// Places per line, and values per place.
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

    /// Position of a tile in the whole map, in tiles along x, y, z.
    #[inline(always)]
    fn tile(&self, number: usize) -> [usize; 3] {
        let Shape { side, .. } = self.job.shape;
        let (x, y) = (self.job.shape.half().div_ceil(2), side.div_ceil(2));
        [number % x, number / x % y, self.job.layers.start + number / (x * y)]
    }

    /// Prefetches part `part` of 64 of the next block's inputs into the cache.
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
                // SAFETY: a prefetch does not access memory, so the address may even lie outside.
                unsafe { _mm_prefetch(self.job.from.at(z).wrapping_add(start + line).cast(), _MM_HINT_T1) };
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = part;
    }

    /// Bᵀ d B along all axes, as 64 matrices `[tile, channel]`, z slowest.
    #[inline(always)]
    fn transform<S: Simd>(&self, simd: S, inputs: &mut [f32]) {
        let shape = self.job.shape;
        let (places, tiles) = (shape.line() / shape.place(), shape.half().div_ceil(2));
        let inputs: &mut [S::f32s] = bytemuck::cast_slice_mut(inputs);
        let mut row = 0;
        while row < self.tiles.len() {
            // The block's next tiles on one line of tiles, and the 16 lines of voxels that they read.
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

    /// Transforms the adjacent tiles of `rows`, the first of which begins at place `first` of `lines`. Neighbouring
    /// tiles share two of their four columns, which are transformed along z and y once.
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
                // Columns 0 and 1 of this tile are columns 2 and 3 of the previous one.
                let (old, new) = if i % 2 == 0 { (0, 2) } else { (2, 0) };
                columns[new] = lines.column(simd, first.wrapping_add(2 * i + 2), v);
                columns[new + 1] = lines.column(simd, first.wrapping_add(2 * i + 3), v);
                #[expect(clippy::needless_range_loop, reason = "four columns go along, not one")]
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

    /// Aᵀ m A along y and x, accumulated along z in the sums `[tile, output z, y, x, channel]`.
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

    /// Applies bias, residual and GELU to the sums and writes the voxels that lie inside the map.
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
                // SAFETY: x is below half a line, so its place lies inside the line.
                let out = unsafe { line.add((x + shape.ends()) * shape.place()).cast::<S::f32s>() };
                let sums = &sums[(row * 8 + i) * bias.len()..][..bias.len()];
                for (v, (sum, bias)) in sums.iter().zip(bias).enumerate() {
                    let mut value = simd.add_f32s(*sum, *bias);
                    // SAFETY: a voxel has as many vectors as the bias.
                    let out = unsafe { out.add(v) };
                    if self.job.add {
                        // SAFETY: as above; the residual was written before this step.
                        value = simd.add_f32s(value, unsafe { out.read_unaligned() });
                    }
                    if self.job.activate {
                        value = gelu(simd, value);
                    }
                    // SAFETY: as above.
                    unsafe { out.write_unaligned(value) };
                }
                if shape.ends() > 0 && (x == 0 || x + 1 == shape.half()) {
                    // SAFETY: the end of a line belongs to the tile with the voxel that it repeats.
                    unsafe { write_halo(shape, line, x) };
                }
            }
        }
    }
}
