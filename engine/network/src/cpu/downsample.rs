//! 4³ convolution with stride 2 and padding 1, which halves the side.
//!
//! A job computes some output lines. Each output line reads 16 input lines. These are copied with a voxel of zeros at
//! both ends, the lines of a job one after another, so that their rows form one product that reads the weights once.

use super::gemm::{Packed, ROWS, Rows, product};
use super::map::{Bias, Map, Pool, Scratch, Shape, padded};
use super::vectors::vectorize;
use imaging::Result;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// A 4³ convolution, packed.
pub struct Downsample {
    /// One matrix for each tap along z.
    taps: Packed,
    bias: Bias,
    /// Padded channels of the input.
    from: usize,
    outputs: usize,
}

/// Target number of rows that share one pass over the weights.
const SHARING: usize = 96;

impl Downsample {
    /// Packs weights `[out, in, z, y, x]`.
    pub fn new(pool: &Pool, inputs: usize, outputs: usize, weight: &[f32], bias: &[f32]) -> Result<Self> {
        let (from, to) = (padded(inputs), padded(outputs));
        let taps = Packed::new(pool, [4, 16 * from, to], |z, row, output| {
            // Rows in memory order: taps along y, then along x, then channels.
            let (tap, input) = (row / from, row % from);
            let inside = input < inputs && output < outputs;
            if inside { weight[(output * inputs + input) * 64 + 16 * z + tap] } else { 0.0 }
        })?;
        Ok(Self { taps, bias: Bias::new(bias, to), from, outputs })
    }

    /// The convolution of `x`, whose side must be even.
    pub fn run(&self, x: &Map, pool: &Pool) -> Result<Map> {
        assert!(x.shape.width == self.from && x.shape.side.is_multiple_of(2));
        let half = x.shape.side / 2;
        let mut map = pool.map(half, self.outputs)?;
        let shape = map.shape;
        let lines = SHARING.div_ceil(half).min((half * half).div_ceil(rayon::current_num_threads()));
        let most_rows = rows(lines, half);
        let inputs = Scratch::new(pool, 4 * segment(most_rows, self.from))?;
        let outputs = Scratch::new(pool, most_rows * shape.width)?;
        map.own()?.par_chunks_mut(lines * shape.line()).enumerate().for_each(|(job, out)| {
            let (inputs, outputs) = (&mut inputs.mine(), &mut outputs.mine());
            let count = out.len() / shape.line();
            vectorize(shape.width, Lines { conv: self, x, first: job * lines, count, inputs, outputs });
            let rows = outputs.chunks_exact((half + 1) * shape.width);
            for (out, row) in out.chunks_exact_mut(shape.line()).zip(rows) {
                shape.interleave(&row[..half * shape.width], out);
                shape.write_halo(out, false);
            }
        });
        Ok(map)
    }
}

/// Rows of a product for `lines` lines of `half` outputs: an input line has the length of one more output, and the sum
/// is rounded up to a whole number of blocks.
fn rows(lines: usize, half: usize) -> usize {
    (lines * (half + 1)).next_multiple_of(ROWS)
}

/// Number of input values for `rows` rows; each row extends into the next one.
fn segment(rows: usize, width: usize) -> usize {
    2 * width * (rows + 1)
}

/// Some output lines along x, voxel by voxel, each with one row more than it has outputs.
struct Lines<'a> {
    conv: &'a Downsample,
    x: &'a Map,
    first: usize,
    count: usize,
    /// Buffer for four input lines of each output line.
    inputs: &'a mut [f32],
    outputs: &'a mut [f32],
}

impl WithSimd for Lines<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { conv, x, first, count, inputs, outputs } = self;
        let Shape { side, width, .. } = x.shape;
        let (half, line, rows) = (side / 2, (side + 2) * width, rows(count, side / 2));
        let segment = segment(rows, width);
        let (values, outputs) = (&mut inputs[..4 * segment], &mut outputs[..rows * conv.taps.n]);
        let bias: &[S::f32s] = bytemuck::cast_slice(conv.bias.of(1));
        let sums: &mut [S::f32s] = bytemuck::cast_slice_mut(outputs);
        sums.chunks_exact_mut(bias.len()).for_each(|voxel| voxel.copy_from_slice(bias));
        for tap in 0..4 {
            for (number, y_tap) in (0..4 * count).map(|i| (i % count, i / count)) {
                let input = &mut values[y_tap * segment + number * line..][..line];
                let (y, z) = (2 * ((first + number) % half) + y_tap, 2 * ((first + number) / half) + tap);
                let [y, z] = [y, z].map(|at| at.wrapping_sub(1));
                if y < side && z < side {
                    let from = &x.values[(z * side + y) * x.shape.line()..][..x.shape.line()];
                    input[..width].fill(0.0);
                    x.shape.deinterleave(from, &mut input[width..][..side * width]);
                    input[width + side * width..].fill(0.0);
                } else {
                    input.fill(0.0);
                }
            }
            let rows = Rows { values, count: rows, row: 2 * width, segments: 4, segment, groups: 1 };
            product(simd, &rows, conv.taps.matrix(tap), outputs, true);
        }
    }
}
