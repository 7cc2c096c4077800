//! The GPU backend: kernels in one source for Vulkan, Metal and WebGPU (CubeCL).
//!
//! Maps have a channels-last layout. Convolutions read from shared memory and include the following operations in the
//! same launch. A launch has at most [`LAUNCH`] operations, so that the card can still draw. Sums are in f32, in a
//! fixed order.

mod answer;
mod conv;
mod gelu;
mod layer;
mod map;
mod pointwise;
mod product;
mod tile;

use super::ops::{Backend, Ops, Weighted};
use super::{CardMemory, Cube};
use answer::wait;
use cubecl::client::Client;
use cubecl::prelude::*;
use cubecl::wgpu::{WgpuServer, WgslCompiler};
use cubecl::{Device, MemoryScope, RuntimeId};
use half::f16;
use imaging::Result;
use layer::{Conv, ResidualUnit, View, window};
use map::{Buffer, Map, Pool, Shape};
use std::cell::Cell;
use std::sync::Arc;
use tile::{LANES, Tile, padded};

/// Maximum floating-point operations per launch: 10 ms at 1.6 TFLOP/s. A card cannot draw the desktop during a launch,
/// and is reset if a launch takes seconds.
const LAUNCH: usize = 16_000_000_000;
/// The same for a software driver.
const SOFTWARE_LAUNCH: usize = LAUNCH / 160;
/// Maximum number of queued launches. It limits the delay of a cancellation (2 s on a card with 0.1 TFLOP/s); a smaller
/// number would leave the card idle more often.
const LAG: usize = 12;
/// Units per workgroup in kernels whose units are independent.
const UNITS: usize = 256;

/// The client that submits work to a card. All kernels are compiled through WGSL, so that tests and users run the same
/// code. (CubeCL 0.11 can also emit SPIR-V, but its shared memory is wrong on drivers without explicit layouts for it.)
pub fn client(card: &Device) -> Client {
    Client::load::<WgpuServer<WgslCompiler>>(RuntimeId::strip(card.to_id()))
}

/// Workgroups for `units` independent units; a dimension is limited to 65535.
fn independent(units: usize) -> CubeCount {
    let groups = units.div_ceil(UNITS) as u32;
    let rows = groups.div_ceil(u16::MAX.into());
    CubeCount::new_2d(groups.div_ceil(rows), rows)
}

/// The GPU backend with its shared buffers.
pub struct Gpu {
    pool: Pool,
    /// Element type of maps; weights are f32.
    storage: ElemType,
    /// Maximum floating-point operations per launch.
    launch: usize,
    /// Floating-point operations submitted since the last wait.
    lag: Cell<usize>,
}

/// The first layers: the embedding of the image, and the first residual unit, whose first convolution reads the image.
pub struct Stem {
    embedding: Conv,
    unit: ResidualUnit,
}

impl Gpu {
    /// A backend on a card; stores maps as f16 instead of f32 if `half`.
    pub fn new(card: &Device, half: bool) -> Self {
        let storage = if half { f16::cube_type() } else { f32::cube_type() };
        let client = client(card);
        let launch = if client.properties().identity.physical.is_some() { LAUNCH } else { SOFTWARE_LAUNCH };
        Self { pool: Pool::new(client), storage, launch, lag: Cell::default() }
    }

    fn buffer(&self, shape: Shape) -> Result<Buffer> {
        self.pool.buffer(shape.len(), self.storage.size())
    }

    /// Uploads values in the element type of maps.
    fn upload(&self, values: &[f32]) -> Result<Buffer> {
        let bytes = if self.storage == f32::cube_type() {
            bytemuck::cast_slice(values).to_vec()
        } else {
            let halves: Vec<f16> = values.iter().copied().map(f16::from_f32).collect();
            bytemuck::cast_slice(&halves).to_vec()
        };
        self.pool.upload(bytes, self.storage.size())
    }

    /// Counts submitted work, and waits if the limit is exceeded.
    fn charge(&self, work: usize) -> Result<()> {
        self.lag.set(self.lag.get() + work);
        if self.lag.get() > LAG * self.launch { self.wait() } else { Ok(()) }
    }

    fn conv(&self, kernel: usize, conv: &Weighted) -> Result<Conv> {
        let none = vec![0.0; conv.outputs()];
        let bias = if conv.bias.is_empty() { &none } else { &conv.bias };
        Conv::new(self, kernel, padded(conv.inputs()), &conv.weight.values, bias)
    }

    /// Moves a mean towards new values by `weight`, in place if it is not shared.
    fn move_mean(&self, shape: Shape, mean: Arc<Buffer>, new: &Buffer, weight: f32) -> Result<Arc<Buffer>> {
        let in_place = Arc::strong_count(&mean) == 1;
        let out = if in_place { mean.clone() } else { Arc::new(self.buffer(shape)?) };
        pointwise::mean::launch(
            &self.pool.client,
            independent(shape.len() / LANES),
            CubeDim::new_1d(UNITS as u32),
            mean.argument(),
            new.argument(),
            if in_place { out.alias(0) } else { out.argument() },
            weight,
            self.storage,
        );
        Ok(out)
    }

    fn read(&self, buffer: &Buffer) -> Result<Vec<u8>> {
        let bytes = wait(self.pool.client.read_async(vec![buffer.handle()]))?;
        self.lag.set(0);
        Ok(bytes[0].to_vec())
    }
}

impl Ops for Gpu {
    type Map = Map;
    type Stem = Stem;
    type ResidualUnit = ResidualUnit;
    type Downsample = Conv;
    type PointwiseConv = Conv;

    fn load_stem(&self, embedding: &Weighted, first: &Weighted, second: &Weighted) -> Result<Stem> {
        let (channels, inputs) = (embedding.outputs(), embedding.inputs());
        // A channel of ones after the images carries the embedding's bias, which must not reach beyond the border.
        let value = |channel: usize, input: usize| {
            if input < inputs {
                embedding.weight.values[channel * inputs + input]
            } else {
                embedding.bias[channel]
            }
        };
        let taps = &first.weight.values;
        let composed: Vec<f32> = taps
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
        let first = Conv::new(self, 3, LANES, &composed, &first.bias)?;
        let plain: Vec<f32> =
            (0..channels).flat_map(|channel| (0..=inputs).map(move |input| value(channel, input))).collect();
        let embedding = Conv::new(self, 1, LANES, &plain, &vec![0.0; channels])?;
        Ok(Stem { embedding, unit: ResidualUnit { first, second: self.conv(3, second)? } })
    }

    fn load_residual_unit(&self, first: &Weighted, second: &Weighted) -> Result<ResidualUnit> {
        Ok(ResidualUnit { first: self.conv(3, first)?, second: self.conv(3, second)? })
    }

    fn load_downsample(&self, conv: &Weighted) -> Result<Conv> {
        self.conv(4, conv)
    }

    fn load_pointwise(&self, conv: &Weighted) -> Result<Conv> {
        self.conv(1, conv)
    }

    fn useful_mini_context(&self, wanted: usize) -> usize {
        wanted
    }

    fn stem(&self, pairs: &[Vec<&Cube>], entry: &Stem) -> Result<Map> {
        let (side, inputs) = (pairs[0][0].side, pairs[0].len());
        let shape = entry.embedding.shape(side);
        let pair = |images: &Vec<&Cube>| {
            let mut voxels = vec![0.0; side.pow(3) * LANES];
            for (i, voxel) in voxels.chunks_exact_mut(LANES).enumerate() {
                images.iter().zip(&mut *voxel).for_each(|(image, value)| *value = image.voxels[i]);
                voxel[inputs] = 1.0;
            }
            let images = self.upload(&voxels)?;
            let images = View::new(&images, Shape { side, channels: inputs + 1, width: LANES });
            let x = entry.embedding.whole(self, images, side)?;
            entry.unit.pair(self, x, shape, Some(images))
        };
        Ok(Map { shape, pairs: pairs.iter().map(pair).collect::<Result<_>>()? })
    }

    fn residual_unit(&self, x: Map, unit: &ResidualUnit) -> Result<Map> {
        unit.run(self, x)
    }

    fn downsample(&self, x: &Map, conv: &Conv) -> Result<Map> {
        let side = x.shape.side / 2;
        let pairs = x.pairs.iter().map(|pair| conv.whole(self, View::new(pair, x.shape), side));
        Ok(Map { shape: conv.shape(side), pairs: pairs.collect::<Result<_>>()? })
    }

    fn upsample_add(&self, x: &Map, own: &Conv, shortcut: Map, others: &Conv) -> Result<Map> {
        let (small, fine) = (own.shape(x.shape.side), shortcut.shape);
        let pairs = x.pairs.iter().zip(shortcut.pairs).map(|(x_pair, shortcut)| {
            let coarse = own.whole(self, View::new(x_pair, x.shape), small.side)?;
            others.enlarge(self, shortcut, fine, View::new(&coarse, small))
        });
        Ok(Map { shape: others.shape(fine.side), pairs: pairs.collect::<Result<_>>()? })
    }

    fn fuse(&self, x: Map, own: &Conv, other: &Map, others: &Conv) -> Result<Map> {
        let pairs = x.pairs.into_iter().zip(other.pairs.iter().cycle());
        let pairs = pairs.map(|(pair, other)| own.fuse(self, x.shape, pair, other, others));
        Ok(Map { shape: x.shape, pairs: pairs.collect::<Result<_>>()? })
    }

    fn add_to_mean(&self, mean: Option<Map>, new: Map, weight: f64) -> Result<Map> {
        let shape = new.shape;
        // Pairs come in one by one; `weight` is the share of all of these.
        let before = new.pairs.len() as f64 * (1.0 / weight - 1.0);
        let mut mean = mean.and_then(|mean| mean.pairs.into_iter().next());
        for (n, new) in new.pairs.into_iter().enumerate() {
            let weight = 1.0 / (before + (n + 1) as f64);
            mean = Some(match mean {
                Some(mean) => self.move_mean(shape, mean, &new, weight as f32)?,
                None => new,
            });
        }
        Ok(Map { shape, pairs: mean.into_iter().collect() })
    }

    fn output(&self, x: &Map, conv: &Conv) -> Result<Vec<f32>> {
        let voxels = x.shape.side.pow(3);
        let out = self.pool.buffer(voxels, size_of::<f32>())?;
        let (weights, bias, pitch) = conv.parts();
        pointwise::head::launch(
            &self.pool.client,
            independent(voxels),
            CubeDim::new_1d(UNITS as u32),
            x.pairs[0].argument(),
            weights,
            bias,
            out.argument(),
            x.shape.width / LANES,
            pitch,
            self.storage,
        );
        Ok(bytemuck::pod_collect_to_vec(&self.read(&out)?))
    }
}

impl Backend for Gpu {
    /// Packed weights, and of each size of buffer as many as ever live at once: the target's shortcut and one for each
    /// pair, or two others where the target is decoded; beside them one more where a layer cannot work in place.
    fn predicted_bytes(&self, channels: &[usize], side: usize, alive: usize) -> usize {
        let shapes = channels.iter().enumerate().map(|(i, &channels)| Shape::new(side >> i, channels));
        let shapes: Vec<Shape> = shapes.collect();
        // Images, as they come in.
        let (mut values, mut weights) = (side.pow(3) * LANES, 0);
        for (stage, &shape) in shapes.iter().enumerate() {
            let Shape { side, width, .. } = shape;
            let beside = usize::from(!Tile::new(1, width, width).is_whole(width));
            let (_, planes) = window(side, width, self.launch);
            values += (1 + alive.max(2) + beside) * shape.len() + planes * side * side * width;
            // Units and fusions, of both branches and at the head.
            let (units, entries) = match (stage + 1 == shapes.len(), stage) {
                (true, _) => (2, 0),
                (false, 0) => (3, 2),
                (false, _) => (4, 0),
            };
            weights += 27 * width * ((2 * units + entries) * width + entries * LANES);
            weights += if stage + 1 == shapes.len() { 2 } else { 4 } * width * width;
            if let Some(coarse) = shapes.get(stage + 1) {
                // Halving and enlarging, and the coarse features mixed to the width of the finer ones.
                weights += 2 * width * (64 * coarse.width + coarse.width + width);
                values += coarse.side.pow(3) * width;
            }
        }
        // The output, and as much again to read it from.
        values * self.storage.size() + (weights + 2 * side.pow(3)) * size_of::<f32>()
    }

    fn card_memory(&self) -> Option<CardMemory> {
        let bytes = self.pool.client.properties().memory.max_memory().unwrap_or(0);
        let held = self.pool.client.memory_report(MemoryScope::CurrentStream).usage().bytes_reserved;
        Some(CardMemory { bytes, held })
    }

    fn values(&self, x: &Map) -> Result<Vec<f32>> {
        let bytes = self.read(&x.pairs[0])?;
        let voxels: Vec<f32> = if self.storage == f32::cube_type() {
            bytemuck::pod_collect_to_vec(&bytes)
        } else {
            bytemuck::pod_collect_to_vec::<u8, f16>(&bytes).into_iter().map(f16::to_f32).collect()
        };
        let channel = |channel: usize| voxels.iter().skip(channel).step_by(x.shape.width).copied();
        Ok((0..x.shape.channels).flat_map(channel).collect())
    }

    fn wait(&self) -> Result<()> {
        self.lag.set(0);
        wait(self.pool.client.sync())
    }

    fn release_buffers(&self) {
        self.pool.clear();
    }
}
