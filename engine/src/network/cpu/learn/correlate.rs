//! Gradients of a convolution's weights: for each tap, inputs times the gradients of outputs, summed over all voxels.
//!
//! A plane of inputs is laid out with its zeros around it, the lines of each remainder of the stride together, and a plane
//! of gradients with as many zeros after each line as makes the two go in step: the sum for a tap is then one long run
//! over the plane, at an offset of its own.

// Voxels of the runs are read by computed addresses; `Planes::new` makes them as long as the farthest tap reads.
#![allow(unsafe_code)]

use crate::network::cpu::gemm::{multiply_add, vectorize};
use crate::network::cpu::map::Map;
use crate::{Result, memory};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

/// The window of a convolution.
#[derive(Clone, Copy)]
pub struct Window {
    /// Taps along each axis.
    pub kernel: usize,
    /// Input voxels from one output to the next.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: usize,
}

impl Window {
    /// 1³.
    pub const POINT: Self = Self { kernel: 1, stride: 1, padding: 0 };
    /// 3³ with padding 1.
    pub const AROUND: Self = Self { kernel: 3, stride: 1, padding: 1 };
    /// 4³ with stride 2 and padding 1.
    pub const HALVING: Self = Self { kernel: 4, stride: 2, padding: 1 };
}

/// The gradient of a convolution's weights in the making, summed over everything that it read.
pub struct Sums {
    window: Window,
    inputs: usize,
    outputs: usize,
    /// Padded inputs.
    from: usize,
    /// Padded outputs.
    to: usize,
    /// `[tap, input, output]`, padded: a part for each thread, which are added up in the end, in their order.
    parts: Vec<Vec<f32>>,
}

impl Sums {
    /// Of a convolution that reads maps like `x`, where gradients of its outputs are like `gradient`.
    pub fn new(x: &Map, gradient: &Map, window: Window) -> Result<Self> {
        let (from, to) = (x.shape.width, gradient.shape.width);
        let part = |_| memory::zeros(window.kernel.pow(3) * from * to);
        let parts = (0..rayon::current_num_threads()).map(part).collect::<Result<_>>()?;
        Ok(Self { window, inputs: x.channels, outputs: gradient.channels, from, to, parts })
    }

    /// Adds what the convolution read and the gradient of what it made of that.
    pub fn add(&mut self, x: &Map, gradient: &Map) -> Result<()> {
        let (side, count, window) = (gradient.shape.side, self.parts.len(), self.window);
        let planes = |part: usize| side * part / count..side * (part + 1) / count;
        let parts = self.parts.par_iter_mut().enumerate();
        parts.try_for_each(|(part, sums)| add(sums, x, gradient, window, planes(part)))
    }

    /// `[out, in, z, y, x]`.
    pub fn finish(self) -> Result<Vec<f32>> {
        let taps = self.window.kernel.pow(3);
        let mut all = memory::zeros(self.outputs * self.inputs * taps)?;
        // Rows of sums are read as they lie; what is written meanwhile stays in cache.
        for (input, tap) in (0..self.inputs).flat_map(|input| (0..taps).map(move |tap| (input, tap))) {
            let places = all[input * taps + tap..].iter_mut().step_by(self.inputs * taps);
            let row = (tap * self.from + input) * self.to;
            for (output, value) in places.enumerate() {
                *value = self.parts.iter().map(|part| part[row + output]).sum();
            }
        }
        Ok(all)
    }
}

/// Adds to the sums `[tap, input, output]`, padded channels included, over some planes of outputs.
fn add(sums: &mut [f32], x: &Map, gradient: &Map, window: Window, range: Range<usize>) -> Result<()> {
    let Window { kernel, stride, padding } = window;
    let (from, to) = (x.shape.width, gradient.shape.width);
    let mut planes = Planes::new(x, gradient.shape.side, window)?;
    let (side, pitch) = (gradient.shape.side, planes.pitch);
    let mut outputs = memory::zeros(side * pitch * to)?;
    for z in range {
        let lines = gradient.values[z * gradient.shape.side * gradient.shape.line()..].chunks(side * to);
        for (line, from) in outputs.chunks_exact_mut(pitch * to).zip(lines) {
            line[..side * to].copy_from_slice(from);
        }
        for tap_z in 0..kernel {
            let at = stride * z + tap_z;
            if at < padding || at - padding >= x.shape.side {
                continue;
            }
            let inputs = planes.plane(x, at, window);
            for tap in 0..kernel * kernel {
                let (y, x) = (tap / kernel, tap % kernel);
                let first = (y % stride * pitch + y / stride) * stride * pitch + x;
                let sums = &mut sums[(tap_z * kernel * kernel + tap) * from * to..][..from * to];
                let (inputs, outputs) = (&inputs[first * from..], &outputs[..]);
                vectorize(to, Run { inputs, step: stride * from, from, outputs, to, sums });
            }
        }
    }
    Ok(())
}

/// As many planes of inputs as there are taps along z, those that were used last.
struct Planes {
    values: Vec<f32>,
    held: Vec<Option<usize>>,
    /// Gradients of a line, with zeros after them.
    pitch: usize,
    /// Values of a plane.
    plane: usize,
}

impl Planes {
    fn new(x: &Map, side: usize, Window { kernel, stride, .. }: Window) -> Result<Self> {
        let pitch = side + (kernel - stride) / stride;
        let last = kernel - 1;
        let farthest =
            stride * (side * pitch - 1) + (last % stride * pitch + last / stride) * stride * pitch + last;
        let plane = (farthest + 1).max((stride * pitch).pow(2)) * x.shape.width;
        Ok(Self { values: memory::zeros(kernel * plane)?, held: vec![None; kernel], pitch, plane })
    }

    /// Plane `at` of the inputs, counted with the zeros around them; it is none of these.
    fn plane(&mut self, x: &Map, at: usize, Window { kernel, stride, padding }: Window) -> &[f32] {
        let (slot, width, long) = (at % kernel, x.shape.width, stride * self.pitch);
        let values = &mut self.values[slot * self.plane..][..self.plane];
        if self.held[slot] != Some(at) {
            self.held[slot] = Some(at);
            let lines = x.values[(at - padding) * x.shape.side * x.shape.line()..].chunks(x.shape.line());
            for (y, line) in lines.take(x.shape.side).enumerate() {
                let y = y + padding;
                let first = ((y % stride * self.pitch + y / stride) * long + padding) * width;
                values[first..][..line.len()].copy_from_slice(line);
            }
        }
        values
    }
}

/// `sums[input, output] += inputs[voxel, input] · outputs[voxel, output]` over all voxels of a plane.
struct Run<'a> {
    /// The first voxel that the tap reads, and what follows.
    inputs: &'a [f32],
    /// Values from one voxel to the next.
    step: usize,
    from: usize,
    outputs: &'a [f32],
    to: usize,
    sums: &'a mut [f32],
}

/// Inputs whose sums registers hold at once.
const INPUTS: usize = 8;

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { inputs, step, from, outputs, to, sums } = self;
        assert!((outputs.len() / to - 1) * step + from <= inputs.len() && sums.len() == from * to);
        let most = if S::REGISTER_COUNT >= 32 { 2 } else { 1 };
        for input in (0..from).step_by(INPUTS) {
            let mut output = 0;
            while output < to {
                let (inputs, outputs) = (&inputs[input..], &outputs[output..]);
                let sums = &mut sums[input * to + output..];
                if most.min((to - output) / S::F32_LANES) == 2 {
                    simd.vectorize(Block::<2> { inputs, step, outputs, to, sums });
                    output += 2 * S::F32_LANES;
                } else {
                    simd.vectorize(Block::<1> { inputs, step, outputs, to, sums });
                    output += S::F32_LANES;
                }
            }
        }
    }
}

/// The sums of [`INPUTS`] inputs and `N` vectors of outputs, a function of its own so that they stay in registers.
struct Block<'a, const N: usize> {
    inputs: &'a [f32],
    step: usize,
    outputs: &'a [f32],
    to: usize,
    sums: &'a mut [f32],
}

impl<const N: usize> WithSimd for Block<'_, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { inputs, step, outputs, to, sums } = self;
        // Not a constant: the compiler would fill memory with it instead of registers.
        let nothing = simd.splat_f32s(std::hint::black_box(0.0));
        let mut products = [[nothing; N]; INPUTS];
        for (voxel, outputs) in outputs.chunks(to).enumerate() {
            let outputs: &[S::f32s] = bytemuck::cast_slice(&outputs[..N * S::F32_LANES]);
            for (input, products) in products.iter_mut().enumerate() {
                // SAFETY: `Run` checked that the last voxel's inputs lie within.
                let value = simd.splat_f32s(unsafe { *inputs.get_unchecked(voxel * step + input) });
                for (product, output) in products.iter_mut().zip(outputs) {
                    *product = multiply_add(simd, value, *output, *product);
                }
            }
        }
        for (sums, products) in sums.chunks_mut(to).zip(products) {
            let sums: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut sums[..N * S::F32_LANES]);
            sums.iter_mut().zip(products).for_each(|(sum, product)| *sum = simd.add_f32s(*sum, product));
        }
    }
}
