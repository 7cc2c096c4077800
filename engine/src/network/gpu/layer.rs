//! Convolutions with their weights on the card, and how they are launched.

use super::conv;
use super::map::{Buffer, Map};
use super::product::{GridLaunch, RegionLaunch};
use super::tile::{LANES, Tile};
use super::{Gpu, LAUNCH};
use crate::Result;
use cubecl::prelude::*;
use std::ops::Range;

/// A convolution: packed weights and a bias.
pub struct Conv {
    tile: Tile,
    /// Input and output channels, padded.
    from: usize,
    to: usize,
    /// Output channels that mean something.
    pub outputs: usize,
    weights: Buffer,
    bias: Buffer,
}

/// A map as a launch reads or writes it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    buffer: &'a Buffer,
    width: usize,
    side: usize,
    /// The pair that the launch begins with.
    pair: usize,
    /// Planes that exist: all, or a window of them.
    planes: usize,
}

impl<'a> View<'a> {
    /// All of a map, from a pair on.
    pub fn new(map: &'a Map, pair: usize) -> Self {
        Self { buffer: &map.buffer, width: map.width, side: map.side, pair, planes: map.side }
    }

    fn grid(&self) -> GridLaunch {
        GridLaunch::new(self.pair, self.side, self.planes, self.width / LANES)
    }
}

impl Conv {
    /// Packs weights `[out, in, z, y, x]` for inputs that are `from` values wide.
    pub fn new(gpu: &Gpu, kernel: usize, from: usize, weight: &[f32], bias: &[f32]) -> Result<Self> {
        let to = super::tile::padded(bias.len());
        let tile = Tile::new(kernel, from, to);
        let packed = tile.pack(weight, [from, to], bias.len());
        let mut padded = bias.to_vec();
        padded.resize(to, 0.0);
        let bias_buffer = gpu.pool.upload(bytemuck::cast_slice(&padded).to_vec(), size_of::<f32>())?;
        let weights = gpu.upload(&packed)?;
        Ok(Self { tile, from, to, outputs: bias.len(), weights, bias: bias_buffer })
    }

    /// Whether a workgroup makes all output channels of its voxels, and so may write where it reads.
    fn is_whole(&self) -> bool {
        self.to == self.tile.channels()
    }

    /// Planes of one pair at so much work that a launch takes them.
    pub fn planes(&self, side: usize) -> usize {
        let layer = self.tile.boxes(side, 1) * self.tile.work(self.from, self.to);
        (LAUNCH / layer).max(1) * self.tile.lines_z
    }

    /// Launches for the boxes over these planes of the output: `launch` gets the number of workgroups and the boxes.
    fn launch(
        &self,
        gpu: &Gpu,
        pairs: usize,
        side: usize,
        planes: Range<usize>,
        mut launch: impl FnMut(CubeCount, RegionLaunch),
    ) -> Result<()> {
        let boxes = pairs * self.tile.boxes(side, planes.len());
        let work = self.tile.work(self.from, self.to);
        let at_once = (LAUNCH / work).clamp(1, u16::MAX.into());
        for first in (0..boxes).step_by(at_once) {
            let count = at_once.min(boxes - first);
            let groups = self.to / self.tile.channels();
            let region = RegionLaunch::new(planes.start, planes.end, first);
            launch(CubeCount::new_2d(groups as u32, count as u32), region);
            gpu.charge(count * work)?;
        }
        Ok(())
    }

    /// Units of a workgroup.
    fn units(&self) -> CubeDim {
        CubeDim::new_1d(self.tile.units() as u32)
    }

    /// `to = source * weights + bias`, then perhaps plus the residual, then perhaps GELU; over these planes of the
    /// output. The residual may be the output itself.
    pub fn run(
        &self,
        gpu: &Gpu,
        source: View,
        to: View,
        (pairs, planes): (usize, Range<usize>),
        residual: Option<View>,
        activate: bool,
    ) -> Result<()> {
        assert!(source.width == self.from && to.width == self.to);
        self.launch(gpu, pairs, to.side, planes, |count, region| {
            let in_place = residual.is_some_and(|residual| std::ptr::eq(residual.buffer, to.buffer));
            conv::convolve::launch(
                &gpu.pool.client,
                count,
                self.units(),
                source.buffer.argument(),
                self.weights.argument(),
                self.bias.argument(),
                residual.map(|residual| residual.buffer.argument()).into(),
                if in_place { to.buffer.alias(3) } else { to.buffer.argument() },
                source.grid(),
                to.grid(),
                region,
                self.tile,
                activate,
                gpu.storage,
            );
        })
    }

    /// The convolution of a whole map, whose side becomes `side`.
    pub fn whole(&self, gpu: &Gpu, x: &Map, side: usize) -> Result<Map> {
        let out = gpu.map(x.pairs, side, self.outputs)?;
        self.run(gpu, View::new(x, 0), View::new(&out, 0), (x.pairs, 0..side), None, false)?;
        Ok(out)
    }

    /// `GELU(x + own(x) + others(other))`.
    pub fn fuse(&self, gpu: &Gpu, x: Map, other: &Map, others: &Self) -> Result<Map> {
        let in_place = self.is_whole() && x.is_alone();
        let out = if in_place { x.clone() } else { gpu.map(x.pairs, x.side, x.channels)? };
        self.launch(gpu, x.pairs, x.side, 0..x.side, |count, region| {
            conv::fuse::launch(
                &gpu.pool.client,
                count,
                self.units(),
                x.buffer.argument(),
                self.weights.argument(),
                self.bias.argument(),
                other.buffer.argument(),
                others.weights.argument(),
                others.bias.argument(),
                if in_place { out.buffer.alias(0) } else { out.buffer.argument() },
                View::new(&x, 0).grid(),
                region,
                other.pairs,
                self.tile,
                gpu.storage,
            );
        })?;
        Ok(out)
    }

    /// The convolution of the shortcut, plus `coarse` enlarged ×2.
    pub fn enlarge(&self, gpu: &Gpu, shortcut: Map, coarse: &Map) -> Result<Map> {
        let in_place = self.is_whole() && self.from == self.to && shortcut.is_alone();
        let out =
            if in_place { shortcut.clone() } else { gpu.map(shortcut.pairs, shortcut.side, self.outputs)? };
        self.launch(gpu, shortcut.pairs, shortcut.side, 0..shortcut.side, |count, region| {
            conv::enlarge::launch(
                &gpu.pool.client,
                count,
                self.units(),
                shortcut.buffer.argument(),
                self.weights.argument(),
                self.bias.argument(),
                coarse.buffer.argument(),
                if in_place { out.buffer.alias(0) } else { out.buffer.argument() },
                View::new(&shortcut, 0).grid(),
                View::new(coarse, 0).grid(),
                View::new(&out, 0).grid(),
                region,
                self.tile,
                gpu.storage,
            );
        })?;
        Ok(out)
    }

    /// The bias and weights, for the kernel of the last layer, and vectors from one input to the next.
    pub fn parts(&self) -> (BufferArg, BufferArg, usize) {
        (self.weights.argument(), self.bias.argument(), 2 * self.tile.groups)
    }
}

/// Two 3³ convolutions around a residual.
pub struct Unit {
    /// The one that reads `x`.
    pub first: Conv,
    /// The one whose outputs are added to `x`.
    pub second: Conv,
}

impl Unit {
    /// `GELU(x + second(GELU(first(source))))`, in place where nobody else holds `x`; the source is `x` unless it is
    /// given.
    ///
    /// Of large maps, only a window of planes between the convolutions exists at any moment: a step takes the first
    /// convolution over some planes, and the second as far as what it overwrites is read already and what it needs
    /// is finished, all but the last plane.
    pub fn run(&self, gpu: &Gpu, x: Map, source: Option<&Map>) -> Result<Map> {
        let (side, step) = (x.side, self.second.planes(x.side));
        let out = if x.is_alone() { x.clone() } else { gpu.map(x.pairs, side, x.channels)? };
        let source = source.unwrap_or(&x);
        let windowed = step + 2 < side;
        let (planes, at_once) = if windowed { (step + 2, 1) } else { (side, x.pairs) };
        let step = if windowed { step } else { side };
        let window = gpu.pool.buffer(at_once * planes * side * side * x.width, gpu.storage.size())?;
        let between = View { buffer: &window, planes, ..View::new(&x, 0) };
        for pair in (0..x.pairs).step_by(at_once) {
            for start in (0..side).step_by(step) {
                let end = side.min(start + step);
                let first = (at_once, start..end);
                self.first.run(gpu, View::new(source, pair), between, first, None, true)?;
                let second = (at_once, start.saturating_sub(1)..if end == side { end } else { end - 1 });
                let residual = Some(View::new(&x, pair));
                self.second.run(gpu, between, View::new(&out, pair), second, residual, true)?;
            }
        }
        Ok(out)
    }
}
