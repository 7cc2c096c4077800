//! The operations on a graphics card, by kernels of our own in one source for Vulkan, Metal and WebGPU (CubeCL).
//!
//! Maps lie channels last. Convolutions multiply from shared memory and do in the same launch what follows them; a
//! launch is at most [`LAUNCH`] of work, so that the card stays free to draw. Sums are in f32, their order is fixed.

mod answer;
mod conv;
mod gelu;
mod layer;
mod map;
mod pointwise;
mod product;
mod tile;

use super::Cube;
use super::ops::{Ops, Weighted};
use crate::Result;
use crate::weights::Array;
use answer::wait;
use cubecl::client::Client;
use cubecl::prelude::*;
use cubecl::wgpu::{WgpuServer, WgslCompiler};
use cubecl::{Device, RuntimeId};
use half::f16;
use layer::{Conv, Unit};
use map::{Buffer, Map, Pool};
use std::cell::Cell;
use std::sync::Arc;
use tile::{LANES, padded};

/// Most floating-point operations of a launch: 10 ms at 1.6 TFLOP/s. Cards that draw the desktop cannot do so during
/// a launch, and are reset when one takes seconds.
const LAUNCH: usize = 16_000_000_000;
/// Most floating-point operations that the card may lag behind. It limits how late a cancel is noticed (2 s on a card
/// with 0.1 TFLOP/s), and each wait costs an idle moment.
const LAG: usize = 200_000_000_000;
/// Units of a workgroup where every unit works alone.
const UNITS: usize = 256;

/// What takes work for a card. The kernels go through WGSL everywhere, so that what the tests run is what runs.
/// (CubeCL 0.11 also writes SPIR-V, but shared memory comes out wrong where a driver has no explicit layout for it.)
pub fn client(card: &Device) -> Client {
    Client::load::<WgpuServer<WgslCompiler>>(RuntimeId::strip(card.to_id()))
}

/// Our kernels and the buffers that they share.
pub struct Gpu {
    pool: Pool,
    /// What maps and weights are stored as.
    storage: ElemType,
    /// Floating-point operations asked for since the last wait.
    lag: Cell<usize>,
}

/// The first layer: the image embedded, and the first unit, whose first convolution reads the image itself.
pub struct Entry {
    embedding: Conv,
    unit: Unit,
}

impl Gpu {
    /// On a card, storing maps and weights as f16 instead of f32 if `half`.
    pub fn new(card: &Device, half: bool) -> Self {
        let storage = if half { f16::cube_type() } else { f32::cube_type() };
        Self { pool: Pool::new(client(card)), storage, lag: Cell::default() }
    }

    fn map(&self, pairs: usize, side: usize, channels: usize) -> Result<Map> {
        self.pool.map(pairs, side, channels, self.storage.size())
    }

    /// Values sent to the card, as they are stored there.
    fn upload(&self, values: &[f32]) -> Result<Buffer> {
        let bytes = if self.storage == f32::cube_type() {
            bytemuck::cast_slice(values).to_vec()
        } else {
            let halves: Vec<f16> = values.iter().copied().map(f16::from_f32).collect();
            bytemuck::cast_slice(&halves).to_vec()
        };
        self.pool.upload(bytes, self.storage.size())
    }

    /// Counts work asked for, and waits where it is too much.
    fn charge(&self, work: usize) -> Result<()> {
        self.lag.set(self.lag.get() + work);
        if self.lag.get() > LAG { self.wait() } else { Ok(()) }
    }

    fn conv(&self, kernel: usize, (weight, bias): &Weighted) -> Result<Conv> {
        Conv::new(self, kernel, padded(weight.shape[1]), &weight.values, bias)
    }

    fn read(&self, buffer: &Buffer) -> Result<Vec<u8>> {
        let bytes = wait(self.pool.client.read_async(vec![buffer.handle()]))?;
        self.lag.set(0);
        Ok(bytes[0].to_vec())
    }
}

impl Ops for Gpu {
    type Map = Map;
    type Entry = Entry;
    type Unit = Unit;
    type Down = Conv;
    type Mix = Conv;

    fn load_entry(&self, embedding: &Weighted, first: &Weighted, second: &Weighted) -> Result<Entry> {
        let (weight, bias) = embedding;
        let (channels, inputs) = (weight.shape[0], weight.shape[1]);
        // A channel of ones after the images carries the embedding's bias, which must not reach beyond the border.
        let value = |channel: usize, input: usize| {
            if input < inputs { weight.values[channel * inputs + input] } else { bias[channel] }
        };
        let (weight, bias) = first;
        let composed: Vec<f32> = weight
            .values
            .chunks_exact(27 * channels)
            .flat_map(|output| (0..=inputs).map(move |input| (output, input)))
            .flat_map(|(output, input)| {
                let tap = move |tap: usize| -> f32 {
                    let taps = output[tap..].iter().step_by(27).enumerate();
                    taps.map(|(channel, weight)| f64::from(*weight) * f64::from(value(channel, input)))
                        .sum::<f64>() as f32
                };
                (0..27).map(tap)
            })
            .collect();
        let first = Conv::new(self, 3, LANES, &composed, bias)?;
        let plain: Vec<f32> =
            (0..channels).flat_map(|channel| (0..=inputs).map(move |input| value(channel, input))).collect();
        let embedding = Conv::new(self, 1, LANES, &plain, &vec![0.0; channels])?;
        Ok(Entry { embedding, unit: Unit { first, second: self.conv(3, second)? } })
    }

    fn load_unit(&self, first: &Weighted, second: &Weighted) -> Result<Unit> {
        Ok(Unit { first: self.conv(3, first)?, second: self.conv(3, second)? })
    }

    fn load_down(&self, conv: &Weighted) -> Result<Conv> {
        self.conv(4, conv)
    }

    fn load_mix(&self, weight: &Array, bias: Option<&[f32]>) -> Result<Conv> {
        let none = vec![0.0; weight.shape[0]];
        Conv::new(self, 1, padded(weight.shape[1]), &weight.values, bias.unwrap_or(&none))
    }

    fn at_once(&self, wanted: usize) -> usize {
        wanted
    }

    fn predicted_bytes(&self, _channels: &[usize], _side: usize, _at_once: usize) -> usize {
        0
    }

    fn enter(&self, pairs: &[Vec<&Cube>], entry: &Entry) -> Result<Map> {
        let (side, inputs) = (pairs[0][0].side, pairs[0].len());
        let mut voxels = vec![0.0; pairs.len() * side.pow(3) * LANES];
        for (images, voxels) in pairs.iter().zip(voxels.chunks_exact_mut(side.pow(3) * LANES)) {
            for (i, voxel) in voxels.chunks_exact_mut(LANES).enumerate() {
                images.iter().zip(&mut *voxel).for_each(|(image, value)| *value = image.voxels[i]);
                voxel[inputs] = 1.0;
            }
        }
        let buffer = Arc::new(self.upload(&voxels)?);
        let images = Map { pairs: pairs.len(), side, channels: inputs + 1, width: LANES, buffer };
        let x = entry.embedding.whole(self, &images, side)?;
        entry.unit.run(self, x, Some(&images))
    }

    fn unit(&self, x: Map, unit: &Unit) -> Result<Map> {
        unit.run(self, x, None)
    }

    fn down(&self, x: &Map, conv: &Conv) -> Result<Map> {
        conv.whole(self, x, x.side / 2)
    }

    fn up(&self, x: &Map, own: &Conv, shortcut: Map, others: &Conv) -> Result<Map> {
        let coarse = own.whole(self, x, x.side)?;
        others.enlarge(self, shortcut, &coarse)
    }

    fn fuse(&self, x: Map, own: &Conv, other: &Map, others: &Conv) -> Result<Map> {
        own.fuse(self, x, other, others)
    }

    fn add_to_mean(&self, mean: Option<Map>, new: Map, weight: f64) -> Result<Map> {
        if mean.is_none() && new.pairs == 1 {
            return Ok(new);
        }
        let in_place = mean.as_ref().is_some_and(Map::is_alone);
        let out = match &mean {
            Some(mean) if in_place => mean.clone(),
            _ => self.map(1, new.side, new.channels)?,
        };
        let vectors = new.side.pow(3) * new.width / LANES;
        pointwise::mean::launch(
            &self.pool.client,
            CubeCount::new_1d(vectors.div_ceil(UNITS) as u32),
            CubeDim::new_1d(UNITS as u32),
            new.buffer.argument(),
            mean.as_ref().map(|mean| mean.buffer.argument()).into(),
            if in_place { out.buffer.alias(1) } else { out.buffer.argument() },
            new.pairs,
            weight as f32,
            self.storage,
        );
        Ok(out)
    }

    fn output(&self, x: &Map, conv: &Conv) -> Result<Vec<f32>> {
        let voxels = x.side.pow(3);
        let out = self.pool.buffer(voxels, size_of::<f32>())?;
        let (weights, bias, pitch) = conv.parts();
        pointwise::head::launch(
            &self.pool.client,
            CubeCount::new_1d(voxels.div_ceil(UNITS) as u32),
            CubeDim::new_1d(UNITS as u32),
            x.buffer.argument(),
            weights,
            bias,
            out.argument(),
            x.width / LANES,
            pitch,
            self.storage,
        );
        Ok(bytemuck::pod_collect_to_vec(&self.read(&out)?))
    }

    fn values(&self, x: &Map) -> Result<Vec<f32>> {
        let bytes = self.read(&x.buffer)?;
        let voxels: Vec<f32> = if self.storage == f32::cube_type() {
            bytemuck::pod_collect_to_vec(&bytes)
        } else {
            bytemuck::pod_collect_to_vec::<u8, f16>(&bytes).into_iter().map(f16::to_f32).collect()
        };
        let channel = |channel: usize| voxels.iter().skip(channel).step_by(x.width).copied();
        Ok((0..x.channels).flat_map(channel).collect())
    }

    fn wait(&self) -> Result<()> {
        self.lag.set(0);
        wait(self.pool.client.sync())
    }

    fn rest(&self) {
        self.pool.clear();
    }
}
