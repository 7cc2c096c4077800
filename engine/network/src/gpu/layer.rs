//! Convolutions with their weights on the card, and their launches.

use super::map::{Buffer, Map, Shape};
use super::product::{GridLaunch, RegionLaunch};
use super::tile::{LANES, Tile, padded};
use super::{Gpu, conv};
use cubecl::prelude::*;
use imaging::Result;
use std::ops::Range;
use std::sync::Arc;

/// A convolution: packed weights and a bias.
pub struct Conv {
    /// Input channels, padded, and output channels.
    from: usize,
    outputs: usize,
    tile: Tile,
    weights: Buffer,
    bias: Buffer,
}

/// A buffer as a launch reads or writes it.
#[derive(Clone, Copy)]
pub struct View<'a> {
    buffer: &'a Buffer,
    shape: Shape,
    /// Number of planes in memory: all, or a window of them.
    planes: usize,
}

impl<'a> View<'a> {
    /// All planes.
    pub fn new(buffer: &'a Buffer, shape: Shape) -> Self {
        Self { buffer, shape, planes: shape.side }
    }

    fn grid(&self) -> GridLaunch {
        GridLaunch::new(self.shape.side, self.planes, self.shape.width / LANES)
    }
}

/// The operation after a convolution and its bias.
#[derive(Clone, Copy)]
pub enum Then<'a> {
    /// Nothing.
    Store,
    /// GELU.
    Activate,
    /// Adds the values of this buffer, then applies GELU.
    Add(&'a Buffer),
}

impl Conv {
    /// Packs weights `[out, in, z, y, x]` for inputs that are `from` values wide.
    pub fn new(gpu: &Gpu, kernel: usize, from: usize, weight: &[f32], bias: &[f32]) -> Result<Self> {
        let (outputs, to) = (bias.len(), padded(bias.len()));
        let tile = Tile::new(kernel, from, to);
        let upload =
            |values: &[f32]| gpu.pool.upload(bytemuck::cast_slice(values).to_vec(), size_of::<f32>());
        let weights = upload(&tile.pack(weight, [from, to], outputs))?;
        let mut bias = bias.to_vec();
        bias.resize(to, 0.0);
        let bias = upload(&bias)?;
        Ok(Self { from, outputs, tile, weights, bias })
    }

    /// Layout of the outputs.
    pub fn shape(&self, side: usize) -> Shape {
        Shape::new(side, self.outputs)
    }

    /// Whether a workgroup computes all output channels of its voxels, and so may work in place.
    fn is_whole(&self) -> bool {
        self.tile.is_whole(padded(self.outputs))
    }

    /// Launches over these planes of the output; `launch` receives the number of workgroups, their units, and the
    /// boxes.
    fn launch(
        &self,
        gpu: &Gpu,
        side: usize,
        planes: Range<usize>,
        mut launch: impl FnMut(CubeCount, CubeDim, RegionLaunch),
    ) -> Result<()> {
        let to = padded(self.outputs);
        let boxes = self.tile.boxes(side, planes.len());
        let work = self.tile.work(self.from, to);
        let boxes_per_launch = (gpu.launch / work).clamp(1, u16::MAX.into());
        for first in (0..boxes).step_by(boxes_per_launch) {
            let count = boxes_per_launch.min(boxes - first);
            let groups = CubeCount::new_2d((to / self.tile.channels()) as u32, count as u32);
            let units = CubeDim::new_1d(self.tile.units() as u32);
            launch(groups, units, RegionLaunch::new(planes.start, planes.end, first));
            gpu.charge(count * work)?;
        }
        Ok(())
    }

    /// `to = source * weights + bias`, followed by `then`, over these planes of the output. The residual may be the
    /// output itself.
    fn run(&self, gpu: &Gpu, source: View, to: View, planes: Range<usize>, then: Then) -> Result<()> {
        assert!(source.shape.width == self.from && to.shape.channels == self.outputs);
        let residual = if let Then::Add(residual) = then { Some(residual) } else { None };
        let in_place = residual.is_some_and(|residual| std::ptr::eq(residual, to.buffer));
        self.launch(gpu, to.shape.side, planes, |groups, units, region| {
            conv::convolve::launch(
                &gpu.pool.client,
                groups,
                units,
                source.buffer.argument(),
                self.weights.argument(),
                self.bias.argument(),
                residual.map(Buffer::argument).into(),
                if in_place { to.buffer.alias(3) } else { to.buffer.argument() },
                source.grid(),
                to.grid(),
                region,
                self.tile,
                !matches!(then, Then::Store),
                gpu.storage,
            );
        })
    }

    /// The convolution of one pair; the output has this `side`.
    pub fn whole(&self, gpu: &Gpu, source: View, side: usize) -> Result<Arc<Buffer>> {
        let shape = self.shape(side);
        let out = gpu.buffer(shape)?;
        self.run(gpu, source, View::new(&out, shape), 0..side, Then::Store)?;
        Ok(Arc::new(out))
    }

    /// `GELU(x + own(x) + others(other))` of one pair.
    pub fn fuse(
        &self,
        gpu: &Gpu,
        shape: Shape,
        x: Arc<Buffer>,
        other: &Buffer,
        others: &Self,
    ) -> Result<Arc<Buffer>> {
        let in_place = self.is_whole() && Arc::strong_count(&x) == 1;
        let out = if in_place { x.clone() } else { Arc::new(gpu.buffer(shape)?) };
        self.launch(gpu, shape.side, 0..shape.side, |groups, units, region| {
            conv::fuse::launch(
                &gpu.pool.client,
                groups,
                units,
                x.argument(),
                self.weights.argument(),
                self.bias.argument(),
                other.argument(),
                others.weights.argument(),
                others.bias.argument(),
                if in_place { out.alias(0) } else { out.argument() },
                View::new(&x, shape).grid(),
                region,
                self.tile,
                gpu.storage,
            );
        })?;
        Ok(out)
    }

    /// The convolution of a shortcut plus `coarse` upsampled ×2, of one pair.
    pub fn enlarge(
        &self,
        gpu: &Gpu,
        shortcut: Arc<Buffer>,
        from: Shape,
        coarse: View,
    ) -> Result<Arc<Buffer>> {
        let to = self.shape(from.side);
        let in_place = self.is_whole() && from.width == to.width && Arc::strong_count(&shortcut) == 1;
        let out = if in_place { shortcut.clone() } else { Arc::new(gpu.buffer(to)?) };
        self.launch(gpu, to.side, 0..to.side, |groups, units, region| {
            conv::enlarge::launch(
                &gpu.pool.client,
                groups,
                units,
                shortcut.argument(),
                self.weights.argument(),
                self.bias.argument(),
                coarse.buffer.argument(),
                if in_place { out.alias(0) } else { out.argument() },
                View::new(&shortcut, from).grid(),
                coarse.grid(),
                View::new(&out, to).grid(),
                region,
                self.tile,
                gpu.storage,
            );
        })?;
        Ok(out)
    }

    /// Weights and bias for the kernel of the last layer, and the stride in vectors between the weights of inputs.
    pub fn parts(&self) -> (BufferArg, BufferArg, usize) {
        (self.weights.argument(), self.bias.argument(), self.tile.channels() / LANES)
    }
}

/// Two 3³ convolutions around a residual.
pub struct ResidualUnit {
    /// The convolution that reads `x`.
    pub first: Conv,
    /// The convolution whose output is added to `x`.
    pub second: Conv,
}

impl ResidualUnit {
    /// `GELU(x + second(GELU(first(x))))`, in place if `x` is not shared.
    pub fn run(&self, gpu: &Gpu, x: Map) -> Result<Map> {
        let shape = x.shape;
        let pairs = x.pairs.into_iter().map(|x| self.pair(gpu, x, shape, None));
        Ok(Map { shape, pairs: pairs.collect::<Result<_>>()? })
    }

    /// The same for one pair; the first convolution reads `x` unless another source is given.
    ///
    /// For a large map, only a window of the intermediate planes is in memory at any time. A step runs the first
    /// convolution over some planes, then the second one up to the plane before the last of these: what it overwrites
    /// has been read, and what it needs is finished.
    pub fn pair(&self, gpu: &Gpu, x: Arc<Buffer>, shape: Shape, source: Option<View>) -> Result<Arc<Buffer>> {
        let side = shape.side;
        let (step, planes) = window(side, shape.width, gpu.launch);
        let out = if Arc::strong_count(&x) == 1 { x.clone() } else { Arc::new(gpu.buffer(shape)?) };
        let window = gpu.pool.buffer(planes * side * side * shape.width, gpu.storage.size())?;
        let between = View { buffer: &window, shape, planes };
        for start in (0..side).step_by(step) {
            let end = side.min(start + step);
            let source = source.unwrap_or(View::new(&x, shape));
            self.first.run(gpu, source, between, start..end, Then::Activate)?;
            let behind = start.saturating_sub(1)..if end == side { side } else { end - 1 };
            self.second.run(gpu, between, View::new(&out, shape), behind, Then::Add(&x))?;
        }
        Ok(out)
    }
}

/// Number of planes per step of a residual unit, as many as fit in a launch, and in its window; both are the whole side
/// if the window would not be smaller.
pub fn window(side: usize, width: usize, launch: usize) -> (usize, usize) {
    let tile = Tile::new(3, width, width);
    let layer = tile.boxes(side, 1) * tile.work(width, width);
    let step = (launch / layer).max(1) * tile.lines_z;
    if step + 2 < side { (step, step + 2) } else { (side, side) }
}
