//! 4³ convolution with stride 2 and padding 1: half the side.

use super::gemm::{Packed, Rows, product, vectorize};
use super::map::{Bias, Map, Pool, Shape, padded};
use crate::Result;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// A 4³ convolution, packed.
pub struct Down {
    taps: Packed,
    bias: Bias,
    /// Padded channels of the input.
    from: usize,
    outputs: usize,
}

impl Down {
    /// Packs weights `[out, in, z, y, x]`.
    pub fn new(inputs: usize, outputs: usize, weight: &[f32], bias: &[f32]) -> Result<Self> {
        let (from, to) = (padded(inputs), padded(outputs));
        // Rows in the order in which the channels of neighbouring voxels lie in memory: z, y, x, channel.
        let taps = Packed::new(64 * from, to, |row, output| {
            let (tap, input) = (row / from, row % from);
            if input < inputs && output < outputs {
                weight[(output * inputs + input) * 64 + tap]
            } else {
                0.0
            }
        })?;
        Ok(Self { taps, bias: Bias::new(bias, to), from, outputs })
    }

    /// The convolution of `x`, whose side is even.
    pub fn run(&self, x: &Map, pool: &Pool) -> Result<Map> {
        assert!(x.shape.width == self.from && x.shape.side.is_multiple_of(2));
        let half = x.shape.side / 2;
        let mut map = pool.map(half, self.outputs)?;
        let shape = map.shape;
        map.own()?.par_chunks_mut(shape.line()).enumerate().try_for_each(|(line, out)| -> Result<()> {
            let mut lines = pool.buffer(16 * (x.shape.side + 2) * x.shape.width)?;
            lines.fill(0.0);
            let mut voxels = pool.buffer(half * shape.width)?;
            let (y, z) = (line % half, line / half);
            vectorize(shape.width, Line { conv: self, x, out: &mut voxels, y, z, lines: &mut lines });
            shape.fold(&voxels, out);
            shape.tie(out, false);
            Ok(())
        })?;
        Ok(map)
    }
}

/// One line of outputs along x, one voxel after the other.
struct Line<'a> {
    conv: &'a Down,
    x: &'a Map,
    out: &'a mut [f32],
    y: usize,
    z: usize,
    /// For the 16 lines of inputs under a line of outputs, with a voxel of zeros at both ends.
    lines: &'a mut [f32],
}

impl WithSimd for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Shape { side, width, .. } = self.x.shape;
        let line = (side + 2) * width;
        for (tap, line) in self.lines.chunks_exact_mut(line).enumerate() {
            let [y, z] = [2 * self.y + tap % 4, 2 * self.z + tap / 4].map(|at| at.wrapping_sub(1));
            if y < side && z < side {
                let at = (z * side + y) * self.x.shape.line();
                let from = &self.x.values[at..][..self.x.shape.line()];
                self.x.shape.unfold(from, &mut line[width..][..side * width]);
            }
        }
        let (row, segments) = (2 * width, 16);
        let rows = Rows { values: self.lines, count: side / 2, row, segments, segment: line, groups: 1 };
        product(simd, &rows, &self.conv.taps, self.out, false);
        let bias: &[S::f32s] = bytemuck::cast_slice(self.conv.bias.of(1));
        let out: &mut [S::f32s] = bytemuck::cast_slice_mut(self.out);
        for voxel in out.chunks_exact_mut(bias.len()) {
            for (value, bias) in voxel.iter_mut().zip(bias) {
                *value = simd.add_f32s(*value, *bias);
            }
        }
    }
}
