//! The recorded operations of the CPU, and their backward pass.
//!
//! Residual units and fusions keep the inputs of their GELUs; all other operations are linear and keep their inputs
//! only.

mod adjoint;
mod correlate;
mod flow;
mod pointwise;

use super::downsample::Downsample;
use super::map::{Map, Pool, Shape};
use super::pointwise::PointwiseConv;
use super::winograd::Conv3;
use crate::learning::{Arrays, Learn};
use crate::ops::{Ops, Weighted};
use adjoint::Spread;
use flow::{Flow, Step};
use imaging::Cube;
use imaging::Result;
use pointwise::{Change, each, made};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// The operations with a record of their steps.
pub struct Tape {
    pool: Pool,
    steps: RefCell<Vec<Step>>,
    paused: Cell<bool>,
}

/// Feature maps of one pair, and the step that made them; `None` if they count as constant.
#[derive(Clone)]
pub struct Node {
    map: Map,
    step: Option<usize>,
}

/// A convolution and its adjoint.
pub struct Layer<F, B> {
    conv: Weighted,
    forward: F,
    backward: B,
}

/// 1³.
pub type Point = Arc<Layer<PointwiseConv, PointwiseConv>>;
/// 3³ with padding 1.
type Around = Layer<Conv3, Conv3>;
/// 4³ with stride 2.
pub type Halving = Arc<Layer<Downsample, Spread>>;

/// Two 3³ convolutions around a residual.
pub struct ResidualUnit {
    first: Around,
    second: Around,
}

/// Transposes weights `[out, in]` to `[in, out]`.
fn transposed(conv: &Weighted) -> Vec<f32> {
    let (inputs, values) = (conv.inputs(), &conv.weight.values);
    (0..inputs).flat_map(|input| values[input..].iter().step_by(inputs).copied()).collect()
}

impl Around {
    fn new(pool: &Pool, conv: &Weighted) -> Result<Self> {
        let (channels, weight) = (conv.outputs(), &conv.weight.values);
        let forward = || Conv3::new(pool, channels, weight, &conv.bias);
        let (forward, backward) = rayon::join(forward, || Conv3::adjoint(pool, channels, weight));
        Ok(Self { conv: conv.clone(), forward: forward?, backward: backward? })
    }
}

impl Tape {
    /// An empty record.
    pub fn new() -> Self {
        Self { pool: Pool::default(), steps: RefCell::default(), paused: Cell::new(false) }
    }

    /// The result of `step`, which is recorded unless its inputs are constant.
    fn remember(&self, map: Map, step: impl FnOnce() -> Step) -> Node {
        if self.paused.get() {
            return Node { map, step: None };
        }
        let mut steps = self.steps.borrow_mut();
        steps.push(step());
        Node { map, step: Some(steps.len() - 1) }
    }
}

impl Ops for Tape {
    type Map = Node;
    type Stem = (Point, Arc<ResidualUnit>);
    type ResidualUnit = Arc<ResidualUnit>;
    type Downsample = Halving;
    type PointwiseConv = Point;

    fn load_stem(&self, embedding: &Weighted, first: &Weighted, second: &Weighted) -> Result<Self::Stem> {
        Ok((self.load_pointwise(embedding)?, self.load_residual_unit(first, second)?))
    }

    fn load_residual_unit(&self, first: &Weighted, second: &Weighted) -> Result<Arc<ResidualUnit>> {
        let pool = &self.pool;
        let conv = |conv: &Weighted| Around::new(pool, conv);
        let (first, second) = rayon::join(|| conv(first), || conv(second));
        Ok(Arc::new(ResidualUnit { first: first?, second: second? }))
    }

    fn load_downsample(&self, conv: &Weighted) -> Result<Halving> {
        let (inputs, outputs) = (conv.inputs(), conv.outputs());
        Ok(Arc::new(Layer {
            conv: conv.clone(),
            forward: Downsample::new(&self.pool, inputs, outputs, &conv.weight.values, &conv.bias)?,
            backward: Spread::new(&self.pool, inputs, outputs, &conv.weight.values)?,
        }))
    }

    fn load_pointwise(&self, conv: &Weighted) -> Result<Point> {
        let (inputs, outputs) = (conv.inputs(), conv.outputs());
        Ok(Arc::new(Layer {
            conv: conv.clone(),
            forward: PointwiseConv::new(&self.pool, inputs, outputs, &conv.weight.values, &conv.bias)?,
            backward: PointwiseConv::new(&self.pool, outputs, inputs, &transposed(conv), &[])?,
        }))
    }

    fn useful_mini_context(&self, _: usize) -> usize {
        1
    }

    fn stem(&self, pairs: &[Vec<&Cube>], (embedding, unit): &Self::Stem) -> Result<Node> {
        let [images] = pairs else { unreachable!("pairs are read one by one, see `useful_mini_context`") };
        let mut map = self.pool.map(images[0].side, images.len())?;
        let Shape { side, width, .. } = map.shape;
        map.write(&self.pool, |number, voxels| {
            for (values, voxel) in voxels.chunks_exact_mut(width).zip(number * side..) {
                values.fill(0.0);
                images.iter().zip(values).for_each(|(image, value)| *value = image.voxels[voxel]);
            }
        })?;
        let x = Node { map, step: None };
        let mut embedded = self.pool.map(images[0].side, embedding.conv.outputs())?;
        embedding.forward.apply(&x.map, &mut embedded, false, &self.pool)?;
        let x = self.remember(embedded, || Step::PointwiseConv { x, conv: embedding.clone() });
        self.residual_unit(x, unit)
    }

    fn residual_unit(&self, x: Node, unit: &Arc<ResidualUnit>) -> Result<Node> {
        let (pool, from) = (&self.pool, &x.map);
        let (inner, outer, map) = in_pool(|| {
            let mut inner = pool.map(from.shape.side, from.channels)?;
            unit.first.forward.run(from, &mut inner, false, pool)?;
            let mut outer = made(pool, from, Change::Times(1.0))?;
            unit.second.forward.run(&made(pool, &inner, Change::Gelu)?, &mut outer, true, pool)?;
            let map = made(pool, &outer, Change::Gelu)?;
            Ok((inner, outer, map))
        })?;
        Ok(self.remember(map, || Step::ResidualUnit { x, unit: unit.clone(), inner, outer }))
    }

    fn downsample(&self, x: &Node, conv: &Halving) -> Result<Node> {
        let map = conv.forward.run(&x.map, &self.pool)?;
        Ok(self.remember(map, || Step::Downsample { x: x.clone(), conv: conv.clone() }))
    }

    fn upsample_add(&self, x: &Node, own: &Point, shortcut: Node, others: &Point) -> Result<Node> {
        let map = own.forward.upsample_add(&x.map, shortcut.map.clone(), &others.forward, &self.pool)?;
        let (x, own, others) = (x.clone(), own.clone(), others.clone());
        Ok(self.remember(map, || Step::Up { x, own, shortcut, others }))
    }

    fn fuse(&self, x: Node, own: &Point, other: &Node, others: &Point) -> Result<Node> {
        let (pool, maps) = (&self.pool, [&x.map, &other.map]);
        let (outer, map) = in_pool(|| {
            let mut outer = made(pool, maps[0], Change::Times(1.0))?;
            own.forward.apply(maps[0], &mut outer, true, pool)?;
            others.forward.apply(maps[1], &mut outer, true, pool)?;
            let map = made(pool, &outer, Change::Gelu)?;
            Ok((outer, map))
        })?;
        let (own, other, others) = (own.clone(), other.clone(), others.clone());
        Ok(self.remember(map, || Step::Fuse { x, own, other, others, outer }))
    }

    fn add_to_mean(&self, mean: Option<Node>, new: Node, weight: f64) -> Result<Node> {
        let Some(mean) = mean else { return Ok(new) };
        let weight = weight as f32;
        let mut map = made(&self.pool, &mean.map, Change::Times(1.0 - weight))?;
        each(&mut map, &new.map, Change::Plus(weight))?;
        Ok(self.remember(map, || Step::Mean { mean: mean.step, new: new.step, weight }))
    }

    fn output(&self, x: &Node, conv: &Point) -> Result<Vec<f32>> {
        let output = conv.forward.first_channel(&x.map, &self.pool)?;
        self.remember(x.map.clone(), || Step::PointwiseConv { x: x.clone(), conv: conv.clone() });
        Ok(output)
    }
}

impl Learn for Tape {
    fn start(&self) {
        self.steps.take();
        self.paused.set(false);
    }

    fn pause(&self, paused: bool) {
        self.paused.set(paused);
    }

    fn amplify(&self, x: Node, factor: f64) -> Result<Node> {
        let step = x.step;
        Ok(self.remember(x.map, || Step::Amplify { x: step, factor: factor as f32 }))
    }

    fn backward(&self, gradient: &[f32], gradients: &mut Arrays) -> Result<()> {
        let steps = self.steps.take();
        let side = (gradient.len() as f64).cbrt().round() as usize;
        let mut last = self.pool.map(side, 1)?;
        let width = last.shape.width;
        last.write(&self.pool, |number, voxels| {
            voxels.fill(0.0);
            let places = voxels.iter_mut().step_by(width);
            places.zip(&gradient[number * side..]).for_each(|(to, from)| *to = *from);
        })?;
        let flow = Flow::new(steps.len(), &self.pool);
        in_pool(|| flow.run(steps, last)?.finish(gradients))
    }
}

/// Runs `work` on a thread of the pool, so that its parallel parts need not wake and join the pool each time.
fn in_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}
