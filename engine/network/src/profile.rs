//! Profiling of the operations: floating-point operations and time by layer.

use super::ops::{Backend, Ops, Weighted};
use super::{CardMemory, Cube};
use imaging::Result;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Instant;

/// A kind of layer; all its runs have the same cost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Layer {
    /// Voxels along each side of the output.
    pub side: usize,
    /// Name of the operation.
    pub operation: &'static str,
    /// Number of input channels (the sum if there are two inputs).
    pub inputs: usize,
    /// Number of output channels.
    pub outputs: usize,
}

/// The total cost of a kind of layer.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Cost {
    /// Number of runs, each for one pair or target.
    pub times: usize,
    /// Floating-point operations: two for each multiplication of a convolution carried out by its definition, whatever
    /// a kernel saves.
    pub flops: f64,
    /// Time until the operation returned; a graphics card may still be at work then.
    pub seconds: f64,
}

/// Cost by layer.
pub type Work = BTreeMap<Layer, Cost>;

/// Operations with profiling.
pub struct Profiled<O> {
    ops: O,
    work: RefCell<Work>,
}

/// A map with its shape, `[pairs, channels, side, side, side]`.
#[derive(Clone)]
pub struct Shaped<M> {
    map: M,
    pairs: usize,
    channels: usize,
    side: usize,
}

/// A layer with its channels.
pub struct Between<L> {
    layer: L,
    inputs: usize,
    outputs: usize,
}

impl<L> Between<L> {
    fn new(conv: &Weighted, layer: L) -> Self {
        Self { layer, inputs: conv.inputs(), outputs: conv.outputs() }
    }

    /// Multiply-adds of a k³ kernel on `side`³ outputs, as operations.
    fn flops(&self, kernel: usize, side: usize) -> f64 {
        2.0 * (self.inputs * self.outputs * (kernel * side).pow(3)) as f64
    }
}

impl<O: Ops> Profiled<O> {
    /// Starts with an empty profile.
    pub fn new(ops: O) -> Self {
        Self { ops, work: RefCell::default() }
    }

    /// The work since the last call.
    pub fn take_work(&self) -> Work {
        self.work.take()
    }

    /// Runs an operation of `flops` per pair and adds its cost to the profile.
    fn measure(
        &self,
        (operation, inputs): (&'static str, usize),
        (pairs, outputs, side): (usize, usize, usize),
        flops: f64,
        run: impl FnOnce() -> Result<O::Map>,
    ) -> Result<Shaped<O::Map>> {
        let started = Instant::now();
        let map = run()?;
        let mut work = self.work.borrow_mut();
        let cost = work.entry(Layer { side, operation, inputs, outputs }).or_default();
        cost.times += pairs;
        cost.flops += flops * pairs as f64;
        cost.seconds += started.elapsed().as_secs_f64();
        Ok(Shaped { map, pairs, channels: outputs, side })
    }
}

impl<O: Ops> Ops for Profiled<O> {
    type Map = Shaped<O::Map>;
    type Stem = Between<O::Stem>;
    type ResidualUnit = Between<O::ResidualUnit>;
    type Downsample = Between<O::Downsample>;
    type PointwiseConv = Between<O::PointwiseConv>;

    fn load_stem(&self, embedding: &Weighted, first: &Weighted, second: &Weighted) -> Result<Self::Stem> {
        Ok(Between::new(embedding, self.ops.load_stem(embedding, first, second)?))
    }

    fn load_residual_unit(&self, first: &Weighted, second: &Weighted) -> Result<Self::ResidualUnit> {
        Ok(Between::new(first, self.ops.load_residual_unit(first, second)?))
    }

    fn load_downsample(&self, conv: &Weighted) -> Result<Self::Downsample> {
        Ok(Between::new(conv, self.ops.load_downsample(conv)?))
    }

    fn load_pointwise(&self, conv: &Weighted) -> Result<Self::PointwiseConv> {
        Ok(Between::new(conv, self.ops.load_pointwise(conv)?))
    }

    fn useful_mini_context(&self, wanted: usize) -> usize {
        self.ops.useful_mini_context(wanted)
    }

    fn stem(&self, pairs: &[Vec<&Cube>], entry: &Self::Stem) -> Result<Self::Map> {
        let (side, channels) = (pairs[0][0].side, entry.outputs);
        let unit = Between { layer: (), inputs: channels, outputs: channels };
        let flops = entry.flops(1, side) + 2.0 * unit.flops(3, side);
        self.measure(("embedding and unit", entry.inputs), (pairs.len(), channels, side), flops, || {
            self.ops.stem(pairs, &entry.layer)
        })
    }

    fn residual_unit(&self, x: Self::Map, unit: &Self::ResidualUnit) -> Result<Self::Map> {
        let flops = 2.0 * unit.flops(3, x.side);
        self.measure(("unit", unit.inputs), (x.pairs, unit.outputs, x.side), flops, || {
            self.ops.residual_unit(x.map, &unit.layer)
        })
    }

    fn downsample(&self, x: &Self::Map, conv: &Self::Downsample) -> Result<Self::Map> {
        let side = x.side / 2;
        self.measure(("halve", conv.inputs), (x.pairs, conv.outputs, side), conv.flops(4, side), || {
            self.ops.downsample(&x.map, &conv.layer)
        })
    }

    fn upsample_add(
        &self,
        x: &Self::Map,
        own: &Self::PointwiseConv,
        shortcut: Self::Map,
        others: &Self::PointwiseConv,
    ) -> Result<Self::Map> {
        let flops = own.flops(1, x.side) + others.flops(1, shortcut.side);
        let shape = (shortcut.pairs, others.outputs, shortcut.side);
        self.measure(("enlarge", own.inputs + others.inputs), shape, flops, || {
            self.ops.upsample_add(&x.map, &own.layer, shortcut.map, &others.layer)
        })
    }

    fn fuse(
        &self,
        x: Self::Map,
        own: &Self::PointwiseConv,
        other: &Self::Map,
        others: &Self::PointwiseConv,
    ) -> Result<Self::Map> {
        let flops = own.flops(1, x.side) + others.flops(1, x.side);
        let inputs = own.inputs + others.inputs;
        self.measure(("fuse", inputs), (x.pairs, own.outputs, x.side), flops, || {
            self.ops.fuse(x.map, &own.layer, &other.map, &others.layer)
        })
    }

    fn add_to_mean(&self, mean: Option<Self::Map>, new: Self::Map, weight: f64) -> Result<Self::Map> {
        let shape = (new.pairs, new.channels, new.side);
        let sum = self.measure(("mean", new.channels), shape, 0.0, || {
            self.ops.add_to_mean(mean.map(|mean| mean.map), new.map, weight)
        })?;
        Ok(Shaped { pairs: 1, ..sum })
    }

    fn output(&self, x: &Self::Map, conv: &Self::PointwiseConv) -> Result<Vec<f32>> {
        self.ops.output(&x.map, &conv.layer)
    }
}

impl<O: Backend> Backend for Profiled<O> {
    fn predicted_bytes(&self, channels: &[usize], side: usize, alive: usize) -> usize {
        self.ops.predicted_bytes(channels, side, alive)
    }

    fn card_memory(&self) -> Option<CardMemory> {
        self.ops.card_memory()
    }

    fn values(&self, x: &Self::Map) -> Result<Vec<f32>> {
        self.ops.values(&x.map)
    }

    fn wait(&self) -> Result<()> {
        self.ops.wait()
    }

    fn release_buffers(&self) {
        self.ops.release_buffers();
    }
}
