//! The CPU backend: kernels with channels-last layout, wide vectors, all cores, and reused buffers.

mod downsample;
mod gelu;
mod gemm;
mod learn;
mod map;
mod peak;
mod pointwise;
mod residual_unit;
mod stem;
mod vectors;
mod winograd;

use super::Cube;
use super::ops::{Backend, Ops, Weighted};
use imaging::{Result, memory};
pub use learn::Tape;
pub use peak::flops_per_second;

use downsample::Downsample;
use map::{Map, Pool, Shape};
use pointwise::PointwiseConv;
use rayon::prelude::*;
use residual_unit::{ResidualUnit, window};
use stem::Stem;
use winograd::Conv3;

/// Bytes that the program holds without a running network.
const PROGRAM_BYTES: usize = 20 << 20;

/// The CPU backend with its shared buffers.
#[derive(Default)]
pub struct Cpu {
    pool: Pool,
}

impl Ops for Cpu {
    type Map = Map;
    type Stem = Stem;
    type ResidualUnit = ResidualUnit;
    type Downsample = Downsample;
    type PointwiseConv = PointwiseConv;

    fn load_stem(&self, embedding: &Weighted, first: &Weighted, second: &Weighted) -> Result<Stem> {
        let [embedding, first] = [embedding, first].map(|conv| (&conv.weight.values[..], &conv.bias[..]));
        let channels = second.outputs();
        let second = Conv3::new(&self.pool, channels, &second.weight.values, &second.bias)?;
        Stem::new(&self.pool, channels, embedding, first, second)
    }

    fn load_residual_unit(&self, first: &Weighted, second: &Weighted) -> Result<ResidualUnit> {
        let pool = &self.pool;
        let conv = |conv: &Weighted| Conv3::new(pool, conv.outputs(), &conv.weight.values, &conv.bias);
        let (first, second) = rayon::join(|| conv(first), || conv(second));
        Ok(ResidualUnit { first: first?, second: second? })
    }

    fn load_downsample(&self, conv: &Weighted) -> Result<Downsample> {
        Downsample::new(&self.pool, conv.inputs(), conv.outputs(), &conv.weight.values, &conv.bias)
    }

    fn load_pointwise(&self, conv: &Weighted) -> Result<PointwiseConv> {
        PointwiseConv::new(&self.pool, conv.inputs(), conv.outputs(), &conv.weight.values, &conv.bias)
    }

    /// Always one: more pairs would take more memory and no less time.
    fn useful_mini_context(&self, _: usize) -> usize {
        1
    }

    fn stem(&self, pairs: &[Vec<&Cube>], entry: &Stem) -> Result<Map> {
        let [images] = pairs else { unreachable!("pairs are read one by one, see `useful_mini_context`") };
        entry.run(images, &self.pool)
    }

    fn residual_unit(&self, mut x: Map, unit: &ResidualUnit) -> Result<Map> {
        unit.run(&mut x, &self.pool)?;
        Ok(x)
    }

    fn downsample(&self, x: &Map, conv: &Downsample) -> Result<Map> {
        conv.run(x, &self.pool)
    }

    fn upsample_add(
        &self,
        x: &Map,
        own: &PointwiseConv,
        shortcut: Map,
        others: &PointwiseConv,
    ) -> Result<Map> {
        own.upsample_add(x, shortcut, others, &self.pool)
    }

    fn fuse(&self, mut x: Map, own: &PointwiseConv, other: &Map, others: &PointwiseConv) -> Result<Map> {
        own.fuse(&mut x, other, others, &self.pool)?;
        Ok(x)
    }

    fn add_to_mean(&self, mean: Option<Map>, new: Map, weight: f64) -> Result<Map> {
        let Some(mut mean) = mean else { return Ok(new) };
        let weight = weight as f32;
        mean.own()?.par_chunks_mut(1 << 14).zip(new.values.par_chunks(1 << 14)).for_each(|(mean, new)| {
            mean.iter_mut().zip(new).for_each(|(mean, new)| *mean += (new - *mean) * weight);
        });
        Ok(mean)
    }

    fn output(&self, x: &Map, conv: &PointwiseConv) -> Result<Vec<f32>> {
        conv.first_channel(x, &self.pool)
    }
}

impl Backend for Cpu {
    /// Packed weights, the maximum number of live maps of each size (the target's shortcut, the mean and the current
    /// one, see [`super::neuroverse`]), which does not depend on the number of pairs, and the program itself.
    fn predicted_bytes(&self, channels: &[usize], side: usize, _: usize) -> usize {
        let last = channels.len() - 1;
        let shapes = channels.iter().enumerate().map(|(i, &channels)| Shape::new(side >> i, channels));
        let shapes: Vec<Shape> = shapes.collect();
        let mut floats = 4 * side.pow(3);
        let mut scratch = 0;
        for (stage, &shape) in shapes.iter().enumerate() {
            let Shape { width, groups, .. } = shape;
            let units = if stage == last { 2 } else { 4 } + usize::from(stage == 0);
            floats += units * 128 * width * width * groups + 3 * shape.len() + window(shape);
            scratch = scratch.max(winograd::scratch(shape));
            if let Some(next) = shapes.get(stage + 1) {
                // Both branches: downsampling, upsampling with a shortcut, fusion.
                floats += 2 * (64 * width * next.width + width * (width + next.width) + 2 * width * width);
                // The coarse features, convolved to the width of the finer ones.
                floats += shape.len() / 8;
            }
        }
        PROGRAM_BYTES + 4 * (floats + scratch * rayon::current_num_threads())
    }

    fn values(&self, x: &Map) -> Result<Vec<f32>> {
        let mut voxels = memory::zeros(x.shape.side.pow(3) * x.shape.width)?;
        let lines = voxels.chunks_exact_mut(x.shape.side * x.shape.width);
        lines
            .zip(x.values.chunks_exact(x.shape.line()))
            .for_each(|(voxels, line)| x.shape.deinterleave(line, voxels));
        let channel = |channel: usize| voxels.iter().skip(channel).step_by(x.shape.width).copied();
        Ok((0..x.channels).flat_map(channel).collect())
    }

    fn wait(&self) -> Result<()> {
        Ok(())
    }

    fn release_buffers(&self) {
        self.pool.clear();
    }
}
