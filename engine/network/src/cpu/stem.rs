//! The first layers of a branch: the embedding of the images (1³) and the first residual unit. The unit's first
//! convolution is composed with the embedding, so that it has only one input channel per image, and one of ones.

use super::gelu::gelu;
use super::gemm::{Packed, Rows, product};
use super::map::{Buffer, Map, Pool, Scratch, Shape, padded};
use super::residual_unit::{steps, window};
use super::vectors::vectorize;
use super::winograd::{self, Conv3, Planes, run};
use imaging::Cube;
use imaging::Result;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// The embedding and the first residual unit.
pub struct Stem {
    /// 1³; the bias is the weight of a channel of ones.
    embedding: Packed,
    /// 3³ on the images and the channel of ones, which is zero outside the border like the embedded images.
    first: Packed,
    second: Conv3,
    /// Number of images, plus one for the channel of ones.
    inputs: usize,
    channels: usize,
}

/// Input lines around an output line: 3 × 3.
const LINES: usize = 9;

impl Stem {
    /// Composes the weights `[out, in]` of the embedding and `[out, in, z, y, x]` of the first convolution, with
    /// biases.
    pub fn new(
        pool: &Pool,
        channels: usize,
        embedding: (&[f32], &[f32]),
        first: (&[f32], &[f32]),
        second: Conv3,
    ) -> Result<Self> {
        let inputs = embedding.0.len() / channels + 1;
        let embed = |input: usize, channel: usize| match input + 1 < inputs {
            true => embedding.0[channel * (inputs - 1) + input],
            false => embedding.1[channel],
        };
        let compose = |row: usize, output: usize| {
            let (tap, input) = (row / inputs, row % inputs);
            let weight = |channel: usize| first.0[(output * channels + channel) * 27 + tap];
            let product = |channel: usize| f64::from(weight(channel)) * f64::from(embed(input, channel));
            let bias = if tap == 13 && input + 1 == inputs { first.1[output] } else { 0.0 };
            ((0..channels).map(product).sum::<f64>() + f64::from(bias)) as f32
        };
        let to = padded(channels);
        let within = |output: usize, value: &dyn Fn() -> f32| if output < channels { value() } else { 0.0 };
        Ok(Self {
            embedding: Packed::new(pool, [1, inputs, to], |_, input, output| {
                within(output, &|| embed(input, output))
            })?,
            first: Packed::new(pool, [1, 27 * inputs, to], |_, row, output| {
                within(output, &|| compose(row, output))
            })?,
            second,
            inputs,
            channels,
        })
    }

    /// The features of one pair's images.
    pub fn run(&self, images: &[&Cube], pool: &Pool) -> Result<Map> {
        let mut map = pool.map(images[0].side, self.channels)?;
        let shape = map.shape;
        let images = self.lines(images, shape, pool)?;
        let mut window = pool.buffer(window(shape))?;
        let between = Planes::new(&mut window, shape);
        let around = Planes::new(map.own()?, shape);
        let inputs = Scratch::new(pool, LINES * self.line(shape))?;
        let scratch = Scratch::new(pool, winograd::scratch(shape))?;
        #[allow(unsafe_code)]
        let line = |number: usize| {
            let (y, z, inputs) = (number % shape.side, number / shape.side, &mut inputs.mine());
            // SAFETY: no other job uses this line, and both buffers outlive all jobs.
            let (embedded, out) = unsafe { (around.line(z, y), between.line(z, y)) };
            vectorize(
                shape.place(),
                Line { entry: self, shape, images: &images, y, z, inputs, embedded, out },
            );
        };
        steps(shape, |first, second| {
            let planes = first.map_or(0..0, |layers| 2 * layers.start..(2 * layers.end).min(shape.side));
            let lines = planes.start * shape.side..planes.end * shape.side;
            let second = second.map(|layers| self.second.residual(between, around, shape, layers));
            rayon::join(|| lines.into_par_iter().for_each(line), || run(second.as_slice(), &scratch));
        });
        Ok(map)
    }

    /// Values of an input line, with one extra voxel at each end.
    fn line(&self, shape: Shape) -> usize {
        (shape.half() + 2) * self.inputs * shape.groups
    }

    /// The images and the channel of ones as `[z, y]` lines of `[x, input, group]`, with zeros beyond the border.
    fn lines(&self, images: &[&Cube], shape: Shape, pool: &Pool) -> Result<Buffer> {
        let Shape { side, groups, .. } = shape;
        let mut values = pool.buffer(side * side * self.line(shape))?;
        values.par_chunks_mut(self.line(shape)).enumerate().for_each(|(number, line)| {
            for (place, values) in line.chunks_exact_mut(self.inputs * groups).enumerate() {
                for (i, value) in values.iter_mut().enumerate() {
                    let (input, x) = (i / groups, (i % groups * shape.half() + place).wrapping_sub(1));
                    *value = match images.get(input) {
                        _ if x >= side => 0.0,
                        Some(image) => image.voxels[number * side + x],
                        None => 1.0,
                    };
                }
            }
        });
        Ok(values)
    }
}

/// An output line of the embedding and of the first convolution.
struct Line<'a> {
    entry: &'a Stem,
    shape: Shape,
    images: &'a [f32],
    y: usize,
    z: usize,
    /// Buffer for the input lines around it.
    inputs: &'a mut [f32],
    embedded: &'a mut [f32],
    out: &'a mut [f32],
}

impl WithSimd for Line<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { entry, shape, images, y, z, inputs, embedded, out } = self;
        let (line, place, groups) = (entry.line(shape), shape.place(), shape.groups);
        for (tap, input) in inputs.chunks_exact_mut(line).enumerate() {
            let [y, z] = [y + tap % 3, z + tap / 3].map(|at| at.wrapping_sub(1));
            match y < shape.side && z < shape.side {
                true => input.copy_from_slice(&images[(z * shape.side + y) * line..][..line]),
                false => input.fill(0.0),
            }
        }
        let (row, inside) =
            (entry.inputs * groups, shape.ends() * place..(shape.ends() + shape.half()) * place);
        let rows = Rows { values: inputs, count: shape.half(), row, segments: LINES, segment: line, groups };
        product(simd, &rows, entry.first.matrix(0), &mut out[inside.clone()], false);
        for value in bytemuck::cast_slice_mut::<_, S::f32s>(&mut out[inside.clone()]) {
            *value = gelu(simd, *value);
        }
        shape.write_halo(out, false);
        let own = &inputs[LINES / 2 * line + row..];
        let rows = Rows { values: own, count: shape.half(), row, segments: 1, segment: 0, groups };
        product(simd, &rows, entry.embedding.matrix(0), &mut embedded[inside], false);
        shape.write_halo(embedded, false);
    }
}
