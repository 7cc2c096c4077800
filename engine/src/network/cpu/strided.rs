//! 4³ convolution with stride 2 and padding 1: half the side.

use super::gemm::{Packed, Rows, lanes, product, vectorize};
use super::map::{Map, Pool, padded};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::cell::RefCell;

/// A 4³ convolution, packed.
#[derive(Clone, Debug)]
pub struct Down {
    taps: Packed,
    bias: Vec<f32>,
    /// Padded channels of the input.
    from: usize,
    outputs: usize,
}

impl Down {
    /// Packs weights `[out, in, z, y, x]`.
    pub fn new(inputs: usize, outputs: usize, weight: &[f32], bias: &[f32]) -> Self {
        let (from, to) = (padded(inputs), padded(outputs));
        // Rows in the order in which the channels of neighbouring voxels lie in memory: z, y, x, channel.
        let taps = Packed::new(lanes(to), 64 * from, to, |row, output| {
            let (tap, input) = (row / from, row % from);
            if input < inputs && output < outputs {
                weight[(output * inputs + input) * 64 + tap]
            } else {
                0.0
            }
        });
        let mut padded_bias = bias.to_vec();
        padded_bias.resize(to, 0.0);
        Self { taps, bias: padded_bias, from, outputs }
    }

    /// The convolution of `x`, whose side is even.
    pub fn run(&self, x: &Map, pool: &Pool) -> Map {
        assert!(x.width == self.from && x.side.is_multiple_of(2));
        let half = x.side / 2;
        let mut out = pool.map(half, self.outputs);
        out.values.par_chunks_mut(half * self.taps.n).enumerate().for_each(|(line, out)| {
            vectorize(self.taps.n, Line { conv: self, x, out, y: line % half, z: line / half });
        });
        out
    }
}

/// One line of outputs along x.
struct Line<'a> {
    conv: &'a Down,
    x: &'a Map,
    out: &'a mut [f32],
    y: usize,
    z: usize,
}

thread_local! {
    /// The 16 lines of inputs under a line of outputs, with a voxel of zeros at both ends.
    static LINES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl WithSimd for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (side, width) = (self.x.side, self.x.width);
        let line = (side + 2) * width;
        let mut lines = LINES.take();
        lines.clear();
        lines.resize(16 * line, 0.0);
        for (tap, line) in lines.chunks_exact_mut(line).enumerate() {
            let [y, z] = [2 * self.y + tap % 4, 2 * self.z + tap / 4].map(|at| at.wrapping_sub(1));
            if y < side && z < side {
                let from = &self.x.values[(z * side + y) * side * width..][..side * width];
                line[width..][..side * width].copy_from_slice(from);
            }
        }
        let rows = Rows { values: &lines, count: side / 2, row: 2 * width, segments: 16, segment: line };
        product(simd, &rows, &self.conv.taps, self.out, false);
        LINES.set(lines);
        let bias: &[S::f32s] = bytemuck::cast_slice(&self.conv.bias);
        let out: &mut [S::f32s] = bytemuck::cast_slice_mut(self.out);
        for voxel in out.chunks_exact_mut(bias.len()) {
            for (value, bias) in voxel.iter_mut().zip(bias) {
                *value = simd.add_f32s(*value, *bias);
            }
        }
    }
}
