//! The matrix product behind all convolutions: rows of activations times a packed panel of weights.
//!
//! Activations are read directly from a map (channels last), one broadcast value for each multiply-add. Weights are
//! packed once into panels two vectors wide, so that the inner loop reads memory sequentially.

// Row pointers are computed, not sliced: a bounds check for each broadcast would cost as much as the multiply-add.
// `Rows` says what must be in bounds; it is checked once for each call in `product`.
#![allow(unsafe_code)]

use super::map::{Buffer, Pool};
use super::vectors::{lanes, most_groups, multiply_add};
use imaging::Result;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// One or more weight matrices `[k][n]`, packed by panels of columns.
pub struct Packed {
    /// Number of rows: inputs.
    pub k: usize,
    /// Number of columns: outputs, a multiple of the vector width.
    pub n: usize,
    /// Panels for each number of groups that maps of `n` channels can have, from 1.
    panels: Vec<Panels>,
}

/// Weights for one number of groups, one matrix after another.
struct Panels {
    groups: usize,
    values: Buffer,
    lanes: usize,
}

/// One of the matrices.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    packed: &'a Packed,
    number: usize,
}

/// The layout of a product's activations: row r consists of `segments` pieces of `k / segments` values for each group,
/// the first at `r · row` and each following one `segment` values later.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The slice that contains the rows.
    pub values: &'a [f32],
    /// Number of rows.
    pub count: usize,
    /// Distance between rows.
    pub row: usize,
    /// Pieces of a row.
    pub segments: usize,
    /// Distance between pieces.
    pub segment: usize,
    /// Number of voxels whose values are interleaved, see [`super::map`]. Each value of a row stands for this many.
    pub groups: usize,
}

impl Packed {
    /// Packs `weight(matrix, input, output)`; `n` is a map's width.
    pub fn new(
        pool: &Pool,
        [matrices, k, n]: [usize; 3],
        weight: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Result<Self> {
        let mut packed = Self::unset(pool, [matrices, k, n])?;
        for Panels { groups, values, lanes } in &mut packed.panels {
            let (width, wide) = (n * *groups, 2 * *lanes);
            values.par_chunks_exact_mut(apart(k * width)).enumerate().for_each(|(matrix, values)| {
                let values = &mut values[..k * width];
                values.par_chunks_mut(wide * k).zip((0..width).into_par_iter().step_by(wide)).for_each(
                    |(panel, first)| {
                        for (input, row) in panel.chunks_exact_mut(wide.min(width - first)).enumerate() {
                            let outputs = row.iter_mut().zip(first..);
                            outputs
                                .for_each(|(value, column)| *value = weight(matrix, input, column / *groups));
                        }
                    },
                );
            });
        }
        Ok(packed)
    }

    /// A buffer for weights, all of which must be set with [`Packed::set`].
    pub fn unset(pool: &Pool, [matrices, k, n]: [usize; 3]) -> Result<Self> {
        let panels = (1..=most_groups(n)).map(|groups| {
            let values = pool.buffer(matrices * apart(k * n * groups))?;
            Ok(Panels { groups, values, lanes: lanes(n * groups) })
        });
        Ok(Self { k, n, panels: panels.collect::<Result<_>>()? })
    }

    /// Sets the weights of all matrices from one input to eight outputs.
    pub fn set(&mut self, input: usize, first_output: usize, weights: &[[f32; 8]]) {
        for Panels { groups, values, lanes } in &mut self.panels {
            let (groups, width, wide) = (*groups, self.n * *groups, 2 * *lanes);
            // Number of outputs that are adjacent in any panel.
            let piece = (wide / groups).min(8);
            for (matrix, weights) in values.chunks_exact_mut(apart(self.k * width)).zip(weights) {
                for (weights, output) in weights.chunks_exact(piece).zip((first_output..).step_by(piece)) {
                    let (panel, column) = (output * groups / wide * wide, output * groups % wide);
                    let at = panel * self.k + input * wide.min(width - panel) + column;
                    let row = &mut matrix[at..][..piece * groups];
                    match (groups, <&[f32; 8]>::try_from(weights)) {
                        // The common case: copies eight values without a loop.
                        (1, Ok(weights)) => row.copy_from_slice(weights),
                        _ => row.iter_mut().enumerate().for_each(|(i, value)| *value = weights[i / groups]),
                    }
                }
            }
        }
    }

    /// Matrix `number`.
    pub fn matrix(&self, number: usize) -> Matrix<'_> {
        Matrix { packed: self, number }
    }
}

/// Distance between matrices of `values` values: an odd number of cache lines, so that corresponding places do not
/// collide in a few sets of the caches.
fn apart(values: usize) -> usize {
    values.next_multiple_of(32) + 16
}

/// The largest number of rows in a register block; row counts are best a multiple of it.
pub const ROWS: usize = 12;

/// `out[r] = rows[r] · weights` or, with `add`, `out[r] += rows[r] · weights`; rows of `out` are `n` wide for each
/// group.
#[inline(always)]
pub fn product<S: Simd>(simd: S, rows: &Rows, weights: Matrix, out: &mut [f32], add: bool) {
    let Matrix { packed: weights, number } = weights;
    let panels = &weights.panels[rows.groups - 1];
    let (lanes, piece, width) = (S::F32_LANES, weights.k / rows.segments, weights.n * rows.groups);
    assert_eq!(panels.lanes, lanes, "weights are packed for the vectors in use");
    assert_eq!(out.len(), rows.count * width);
    if rows.count == 0 {
        return;
    }
    let end = (rows.count - 1) * rows.row + (rows.segments - 1) * rows.segment + piece * rows.groups;
    assert!(end <= rows.values.len(), "every row lies within the values");
    let values = &panels.values[number * apart(weights.k * width)..][..weights.k * width];
    let mut column = 0;
    while column < width {
        let panel = Panel { weights: &values[column * weights.k..], piece, width, add };
        let out = &mut out[column..];
        match (width - column >= 2 * lanes, rows.groups) {
            (true, 1) => columns::<S, 2, 1>(simd, rows, &panel, out),
            (true, _) => columns::<S, 2, 2>(simd, rows, &panel, out),
            (false, 1) => columns::<S, 1, 1>(simd, rows, &panel, out),
            (false, _) => columns::<S, 1, 2>(simd, rows, &panel, out),
        }
        column += 2 * lanes;
    }
}

/// The columns of a product that fit in registers together.
struct Panel<'a> {
    weights: &'a [f32],
    /// Inputs in a piece of a row.
    piece: usize,
    /// Width of the rows of the output.
    width: usize,
    add: bool,
}

/// All rows for one panel of `N` vectors, with `G` groups.
#[inline(always)]
fn columns<S: Simd, const N: usize, const G: usize>(simd: S, rows: &Rows, panel: &Panel, out: &mut [f32]) {
    let mut done = 0;
    macro_rules! block {
        ($m:literal) => {
            while rows.count - done >= $m {
                let out = &mut out[done * panel.width..];
                simd.vectorize(Block::<$m, N, G> { rows, first: done, panel, out });
                done += $m;
            }
        };
    }
    // As many sums as registers can hold beside the weights and one value.
    if N == 1 || S::REGISTER_COUNT >= 32 {
        block!(12);
    }
    block!(6);
    block!(1);
}

/// `M` rows from `first` on and `N` vectors of columns. It is a separate function because the compiler would spill the
/// sums if it were inlined into its caller.
struct Block<'a, const M: usize, const N: usize, const G: usize> {
    rows: &'a Rows<'a>,
    first: usize,
    panel: &'a Panel<'a>,
    out: &'a mut [f32],
}

impl<const M: usize, const N: usize, const G: usize> WithSimd for Block<'_, M, N, G> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, first, panel, out } = self;
        let used = panel.piece * rows.segments * N * S::F32_LANES;
        let weights: &[[S::f32s; N]] = bytemuck::cast_slice(&panel.weights[..used]);
        // Hidden from the compiler: a constant would be kept in memory instead of registers.
        let zero = simd.splat_f32s(std::hint::black_box(0.0));
        let mut sums = [[zero; N]; M];
        for (segment, weights) in weights.chunks_exact(panel.piece).enumerate() {
            let start = first * rows.row + segment * rows.segment;
            for (k, w) in weights.iter().enumerate() {
                for (m, sums) in sums.iter_mut().enumerate() {
                    // SAFETY: `product` checked that the last value of the last row lies within the values.
                    let value = unsafe { rows.values.as_ptr().add(start + m * rows.row + k * G) };
                    let x = match G {
                        // SAFETY: as above.
                        1 => simd.splat_f32s(unsafe { *value }),
                        // SAFETY: as above; two adjacent f32 values have the size of one f64.
                        _ => bytemuck::cast(simd.splat_f64s(unsafe { value.cast::<f64>().read_unaligned() })),
                    };
                    for (sum, w) in sums.iter_mut().zip(w) {
                        *sum = multiply_add(simd, x, *w, *sum);
                    }
                }
            }
        }
        for (m, sums) in sums.iter().enumerate() {
            let out: &mut [S::f32s] =
                bytemuck::cast_slice_mut(&mut out[m * panel.width..][..N * S::F32_LANES]);
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = if panel.add { simd.add_f32s(*out, *sum) } else { *sum };
            }
        }
    }
}
