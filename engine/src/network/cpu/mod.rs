//! The operations on the processor, by kernels of our own: channels last, wide vectors, all cores, buffers used again.

mod gelu;
mod gemm;
mod map;
mod mix;
mod strided;
mod unit;
mod winograd;

use super::Cube;
use super::ops::{Ops, UpConv};
use crate::Result;
use crate::weights::Array;
use map::{Map, Pool, padded};
use mix::Mix;
use rayon::prelude::*;
use std::borrow::Cow;
use strided::Down;
use unit::Unit;
use winograd::Conv3;

/// Our kernels and the buffers that they share.
#[derive(Default)]
pub struct Cpu {
    pool: Pool,
}

impl Ops for Cpu {
    type Map = Map;
    type Unit = Unit;
    type Down = Down;
    type Mix = Mix;

    fn load_unit(&self, first: &(Array, Vec<f32>), second: &(Array, Vec<f32>)) -> Unit {
        let [first, second] =
            [first, second].map(|(weight, bias)| Conv3::new(weight.shape[0], &weight.values, bias));
        Unit { first, second }
    }

    fn load_down(&self, weight: &Array, bias: &[f32]) -> Down {
        Down::new(weight.shape[1], weight.shape[0], &weight.values, bias)
    }

    fn load_mix(&self, weight: &Array, bias: Option<&[f32]>, from_image: bool) -> Mix {
        let (outputs, inputs) = (weight.shape[0], weight.shape[1]);
        let width = if from_image { inputs } else { padded(inputs) };
        Mix::new(inputs, width, outputs, &weight.values, bias)
    }

    /// One: more would take more memory and no less time.
    fn at_once(&self, _: usize) -> usize {
        1
    }

    fn input(&self, pairs: &[Vec<&Cube>]) -> Map {
        let [channels] = pairs else { unreachable!("pairs are read one by one, see `at_once`") };
        let (side, width) = (channels[0].side, channels.len());
        let mut map = Map { side, channels: width, width, values: self.pool.buffer(side.pow(3) * width) };
        map.values.par_chunks_mut(width * side).enumerate().for_each(|(line, voxels)| {
            for (x, voxel) in voxels.chunks_exact_mut(width).enumerate() {
                voxel
                    .iter_mut()
                    .zip(channels)
                    .for_each(|(value, cube)| *value = cube.voxels[line * side + x]);
            }
        });
        map
    }

    fn unit(&self, mut x: Map, unit: &Unit) -> Map {
        unit.run(&mut x, &self.pool);
        x
    }

    fn down(&self, x: &Map, conv: &Down) -> Map {
        conv.run(x, &self.pool)
    }

    fn mix(&self, x: &Map, conv: &Mix) -> Map {
        conv.run(x, &self.pool)
    }

    fn up(&self, x: &Map, shortcut: Cow<Map>, conv: &UpConv<Mix>) -> Map {
        conv.up.up(x, shortcut, &conv.shortcut, &self.pool)
    }

    fn fuse(&self, mut x: Map, own: &Mix, other: &Map, others: &Mix) -> Map {
        own.fuse(&mut x, other, others);
        x
    }

    fn add_to_mean(&self, mean: Option<Map>, new: Map, weight: f64) -> Map {
        let Some(mut mean) = mean else { return new };
        let weight = weight as f32;
        mean.values.par_chunks_mut(1 << 14).zip(new.values.par_chunks(1 << 14)).for_each(|(mean, new)| {
            mean.iter_mut().zip(new).for_each(|(mean, new)| *mean += (new - *mean) * weight);
        });
        mean
    }

    fn output(&self, x: &Map, conv: &Mix) -> Result<Vec<f32>> {
        Ok(conv.first_channel(x))
    }

    fn values(&self, x: &Map) -> Result<Vec<f32>> {
        let channel = |channel: usize| x.values.iter().skip(channel).step_by(x.width).copied();
        Ok((0..x.channels).flat_map(channel).collect())
    }

    fn wait(&self) -> Result<()> {
        Ok(())
    }

    fn rest(&self) {
        self.pool.clear();
    }
}

/// Bytes that a prediction holds at its peak: packed weights, and of each size of map as many as ever live at once
/// (the target's shortcut, the mean, and the one at work, see [`super::neuroverse`]), for any number of pairs.
pub fn predicted_bytes(channels: &[usize], side: usize) -> usize {
    let last = channels.len() - 1;
    let widths: Vec<usize> = channels.iter().map(|&channels| padded(channels)).collect();
    let mut floats = 4 * side.pow(3);
    let mut scratch = 0;
    for (stage, &width) in widths.iter().enumerate() {
        let side = side >> stage;
        let map = width * side.pow(3);
        let units = if stage == last { 2 } else { 4 } + usize::from(stage == 0);
        floats += units * 128 * width * width + 3 * map + Unit::window(side, width);
        scratch = scratch.max(winograd::scratch(side, width));
        if let Some(&next) = widths.get(stage + 1) {
            // Both branches: halving, enlarging with a shortcut, fusion.
            floats += 2 * (64 * width * next + width * (width + next) + 2 * width * width);
            // The coarse features, mixed to the width of the finer ones.
            floats += map / 8;
        }
    }
    4 * (floats + scratch * rayon::current_num_threads())
}
