//! Gradients of a convolution's weights: for each tap, inputs times the gradients of outputs, summed over all voxels.
//!
//! Maps are read in place. Registers hold the sums of some inputs, outputs and taps during a plane. The totals over all
//! maps of a convolution are reordered once at the end.

// Voxels are read by computed addresses: a bounds check for each would cost as much as the multiply-add. `Block` says
// what must be in bounds; it is checked once for each run.
#![allow(unsafe_code)]

use super::pointwise::sums;
use crate::cpu::map::{Buffer, Map, Pool};
use crate::cpu::vectors::{multiply_add, vectorize};
use crate::ops::Weighted;
use imaging::{Result, memory};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

/// The window of a convolution.
#[derive(Clone, Copy)]
pub struct Window {
    /// Taps along each axis.
    pub kernel: usize,
    /// Stride in input voxels between outputs.
    pub stride: usize,
    /// Zeros around the input; the halo of interleaved lines holds one of them.
    pub padding: usize,
}

impl Window {
    /// 1³.
    pub const POINT: Self = Self { kernel: 1, stride: 1, padding: 0 };
    /// 3³ with padding 1.
    pub const AROUND: Self = Self { kernel: 3, stride: 1, padding: 1 };
    /// 4³ with stride 2 and padding 1.
    pub const HALVING: Self = Self { kernel: 4, stride: 2, padding: 1 };

    /// The outputs along an axis of `inputs` voxels that read a voxel, not padding, at this tap.
    fn outputs(self, tap: usize, inputs: usize) -> Range<usize> {
        let first = self.padding.saturating_sub(tap).div_ceil(self.stride);
        first..((inputs + self.padding - tap).div_ceil(self.stride)).min(inputs / self.stride)
    }
}

/// Outputs whose sums are reordered together: as many as fit in a cache line.
const OUTPUT_BLOCK: usize = 16;

/// The accumulated gradients of one convolution's weights and bias.
pub struct Sums {
    conv: Weighted,
    window: Window,
    /// Values per input voxel, and per group of output voxels that fills a vector.
    widths: [usize; 2],
    /// Number of output voxels that share a vector.
    groups: usize,
    /// Sums `[tap, input, output, group]`, padded channels included, for each share of the planes.
    shares: Vec<Buffer>,
    /// Gradient of the bias; empty if the convolution has none.
    bias: Vec<f32>,
}

impl Sums {
    /// Zero sums for maps with the layouts of `x` and `gradient`.
    pub fn new(conv: &Weighted, x: &Map, gradient: &Map, window: Window, pool: &Pool) -> Result<Self> {
        let groups = if window.stride == 1 { x.shape.groups.min(gradient.shape.groups) } else { 1 };
        let widths = [x.shape.width, gradient.shape.width * groups];
        let values = window.kernel.pow(3) * widths[0] * widths[1];
        // With more sums than values, threads divide the sums instead of the planes.
        let shares = if values > x.shape.len() { 1 } else { rayon::current_num_threads() };
        let share = |_| {
            let mut sums = pool.buffer(values)?;
            sums.fill(0.0);
            Ok(sums)
        };
        let shares = (0..shares).map(share).collect::<Result<_>>()?;
        let bias = vec![0.0; conv.bias.len()];
        Ok(Self { conv: conv.clone(), window, widths, groups, shares, bias })
    }

    /// Adds the contribution of an input map and the gradient of its output.
    pub fn add(&mut self, x: &Map, gradient: &Map, pool: &Pool) -> Result<()> {
        if !self.bias.is_empty() {
            self.bias.iter_mut().zip(sums(gradient)).for_each(|(bias, sum)| *bias += sum);
        }
        let straight =
            if gradient.shape.groups > self.groups { Some(gradient.straight(pool)?) } else { None };
        let gradient = straight.as_ref().unwrap_or(gradient);
        let (side, count, kernel) = (gradient.shape.side, self.shares.len(), self.window.kernel);
        let row = kernel * self.widths[0] * self.widths[1];
        let maps = Maps { x, gradient, window: self.window, widths: self.widths, groups: self.groups };
        if let [sums] = &mut self.shares[..] {
            let rows = sums.par_chunks_exact_mut(row).enumerate();
            rows.for_each(|(number, sums)| maps.row(number, 0..side, sums));
            return Ok(());
        }
        // Each share has its own sums, which are added in a fixed order.
        self.shares.par_iter_mut().enumerate().for_each(|(i, sums)| {
            for plane in side * i / count..side * (i + 1) / count {
                let rows = sums.chunks_exact_mut(row).enumerate();
                rows.for_each(|(number, sums)| maps.row(number, plane..plane + 1, sums));
            }
        });
        Ok(())
    }

    /// The convolution and its gradients, `[out, in, z, y, x]` and `[out]`.
    pub fn finish(self) -> Result<(Weighted, Vec<f32>, Vec<f32>)> {
        let (inputs, outputs, [from, columns]) = (self.conv.inputs(), self.conv.outputs(), self.widths);
        let taps = self.window.kernel.pow(3);
        let mut all = memory::zeros(outputs * inputs * taps)?;
        all.par_chunks_mut(OUTPUT_BLOCK * inputs * taps).enumerate().for_each(|(number, all)| {
            let groups = self.groups;
            let (first, count) = (OUTPUT_BLOCK * number * groups, all.len() / (inputs * taps) * groups);
            let mut block = vec![[0.0; 2 * OUTPUT_BLOCK]; taps];
            for input in 0..inputs {
                for (tap, sums) in block.iter_mut().enumerate() {
                    *sums = [0.0; 2 * OUTPUT_BLOCK];
                    for share in &self.shares {
                        let share = &share[(tap * from + input) * columns + first..][..count];
                        sums.iter_mut().zip(share).for_each(|(sum, value)| *sum += value);
                    }
                }
                for (output, all) in all.chunks_exact_mut(inputs * taps).enumerate() {
                    let all = all[input * taps..][..taps].iter_mut().zip(&block);
                    all.for_each(|(value, sums)| match groups {
                        1 => *value = sums[output],
                        _ => *value = sums[2 * output] + sums[2 * output + 1],
                    });
                }
            }
        });
        Ok((self.conv, all, self.bias))
    }
}

/// The input of a convolution, and the gradient of its output.
struct Maps<'a> {
    x: &'a Map,
    gradient: &'a Map,
    window: Window,
    widths: [usize; 2],
    groups: usize,
}

impl Maps<'_> {
    /// Adds the contribution of some output planes to the sums of a row of taps, `[x, input, output, group]`.
    fn row(&self, number: usize, planes: Range<usize>, sums: &mut [f32]) {
        let (x, gradient, Window { kernel, stride, padding }) =
            (self.x.shape, self.gradient.shape, self.window);
        let [tap_y, tap_z] = [number % kernel, number / kernel];
        let [ys, zs] = [tap_y, tap_z].map(|tap| self.window.outputs(tap, x.side));
        let zs = zs.start.max(planes.start)..zs.end.min(planes.end);
        if ys.is_empty() || zs.is_empty() {
            return;
        }
        let [y, z] = [(ys.start, tap_y), (zs.start, tap_z)].map(|(at, tap)| stride * at + tap - padding);
        let line = &self.x.values[(z * x.side + y) * x.line()..];
        let outputs = &self.gradient.values[(zs.start * x.side / stride + ys.start) * gradient.line()..];
        let run = |tap: usize, taps: usize, group: usize, xs: Range<usize>, sums: &mut [f32]| {
            // From the first voxel of the group, after the halo of interleaved lines.
            let place = stride * (xs.start - group * gradient.half() / x.groups) + tap + x.ends() - padding;
            let [from, columns] = self.widths;
            let job = Run {
                inputs: &line[place * x.place() + group..],
                outputs: &outputs[(xs.start + gradient.ends()) * gradient.place()..],
                counts: [zs.len(), ys.len(), xs.len()],
                input_steps: [x.side * x.line(), x.line(), x.place()].map(|step| stride * step),
                output_steps: [gradient.side * gradient.line(), gradient.line(), gradient.place()],
                place: x.place(),
                apart: x.groups,
                paired: self.groups > 1,
                taps,
                widths: [from, columns],
                sums,
            };
            vectorize(columns, job);
        };
        if self.groups > 1 {
            return run(0, kernel, 0, 0..gradient.half(), sums);
        }
        for (tap, sums) in sums.chunks_exact_mut(sums.len() / kernel).enumerate() {
            for group in 0..x.groups {
                let part = gradient.side / x.groups;
                let xs = if x.groups > 1 {
                    group * part..(group + 1) * part
                } else {
                    self.window.outputs(tap, x.side)
                };
                if !xs.is_empty() {
                    run(tap, 1, group, xs, sums);
                }
            }
        }
    }
}

/// `sums[tap, input, output] += inputs[voxel + tap, input] · outputs[voxel, output]` over a box of voxels.
struct Run<'a> {
    /// Input values, beginning with the first voxel that the first tap reads.
    inputs: &'a [f32],
    /// Gradients, beginning with the first voxel.
    outputs: &'a [f32],
    /// Number of voxels along z, y, x.
    counts: [usize; 3],
    /// Strides in values between voxels along z, y, x.
    input_steps: [usize; 3],
    output_steps: [usize; 3],
    /// Strides in values between taps, and between inputs.
    place: usize,
    apart: usize,
    /// Whether the values of two voxels are interleaved in both.
    paired: bool,
    taps: usize,
    /// Number of inputs, and values per row of sums.
    widths: [usize; 2],
    sums: &'a mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let last = |steps: [usize; 3]| -> usize {
            steps.iter().zip(self.counts).map(|(step, count)| step * (count - 1)).sum()
        };
        let [from, columns] = self.widths;
        let voxel = (self.taps - 1) * self.place + from * self.apart;
        // The start of `inputs` accounts for the group that a voxel belongs to.
        assert!(last(self.input_steps) + voxel < self.inputs.len() + self.apart);
        assert!(last(self.output_steps) + columns <= self.outputs.len());
        assert!(self.sums.len() == self.taps * from * columns && columns.is_multiple_of(S::F32_LANES));
        let many = S::REGISTER_COUNT >= 32;
        macro_rules! blocks {
            ($vectors:literal, $inputs:literal, $taps:literal, $groups:literal, $column:expr) => {
                for input in (0..from).step_by($inputs) {
                    for tap in (0..self.taps).step_by($taps) {
                        simd.vectorize(Block::<$vectors, $inputs, $taps, $groups> {
                            run: &mut self,
                            tap,
                            input,
                            column: $column,
                        });
                    }
                }
            };
        }
        let mut column = 0;
        while column < columns {
            let vectors = if many && columns - column >= 2 * S::F32_LANES { 2 } else { 1 };
            match (self.paired, self.taps, vectors) {
                (true, 3, _) => blocks!(1, 8, 3, 2, column),
                (true, ..) => blocks!(1, 8, 1, 2, column),
                (false, _, 2) => blocks!(2, 8, 1, 1, column),
                (false, ..) if many && from.is_multiple_of(16) => blocks!(1, 16, 1, 1, column),
                (false, ..) => blocks!(1, 8, 1, 1, column),
            }
            column += vectors * S::F32_LANES;
        }
    }
}

/// The sums of `I` inputs from `input` on, `N` vectors of outputs from `column` on and `T` taps from `tap` on, with `G`
/// interleaved voxels. It is a separate function so that the sums stay in registers.
struct Block<'a, 'b, const N: usize, const I: usize, const T: usize, const G: usize> {
    run: &'a mut Run<'b>,
    tap: usize,
    input: usize,
    column: usize,
}

impl<const N: usize, const I: usize, const T: usize, const G: usize> WithSimd for Block<'_, '_, N, I, T, G> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { run, tap, input, column } = self;
        let [from, columns] = run.widths;
        // Hidden from the compiler: a constant would be kept in memory instead of registers.
        let nothing = simd.splat_f32s(std::hint::black_box(0.0));
        let mut products = [[[nothing; N]; I]; T];
        let ([planes, lines, voxels], ins, outs) = (run.counts, run.input_steps, run.output_steps);
        let first = tap * run.place + input * run.apart;
        for (z, y) in (0..planes).flat_map(|z| (0..lines).map(move |y| (z, y))) {
            for x in 0..voxels {
                // SAFETY: `Run` checked that the last voxel's values lie within, for all taps, inputs and columns.
                let (inputs, outputs) = unsafe {
                    let inputs = run.inputs.as_ptr().add(z * ins[0] + y * ins[1] + x * ins[2] + first);
                    let outputs = run.outputs.as_ptr().add(z * outs[0] + y * outs[1] + x * outs[2] + column);
                    (inputs, outputs.cast::<S::f32s>())
                };
                let outputs: [S::f32s; N] = std::array::from_fn(|n| {
                    // SAFETY: as above.
                    unsafe { outputs.add(n).read_unaligned() }
                });
                for (tap, products) in products.iter_mut().enumerate() {
                    for (input, products) in products.iter_mut().enumerate() {
                        let value = match G {
                            // SAFETY: as above.
                            1 => simd.splat_f32s(unsafe { *inputs.add(tap * run.place + input * run.apart) }),
                            // SAFETY: as above; two adjacent f32 values have the size of one f64.
                            _ => bytemuck::cast(simd.splat_f64s(unsafe {
                                inputs.add(tap * run.place + input * G).cast::<f64>().read_unaligned()
                            })),
                        };
                        for (product, output) in products.iter_mut().zip(outputs) {
                            *product = multiply_add(simd, value, output, *product);
                        }
                    }
                }
            }
        }
        for (t, products) in products.into_iter().enumerate() {
            for (i, products) in products.into_iter().enumerate() {
                let at = ((tap + t) * from + input + i) * columns + column;
                let sums: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut run.sums[at..][..N * S::F32_LANES]);
                sums.iter_mut().zip(products).for_each(|(sum, product)| *sum = simd.add_f32s(*sum, product));
            }
        }
    }
}
