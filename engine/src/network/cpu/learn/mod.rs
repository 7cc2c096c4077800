//! The operations on the processor, remembered, and the way back through them.
//!
//! A unit and a fusion keep what their GELUs read; everything else is linear and keeps its inputs only.

mod adjoint;
mod correlate;
mod pointwise;

use super::map::{Map, Pool, Shape};
use super::mix::Mix;
use super::strided::Down;
use super::winograd::Conv3;
use crate::Result;
use crate::network::Cube;
use crate::network::learning::{Arrays, Learn};
use crate::network::ops::{Ops, Weighted};
use adjoint::{Spread, reduce};
use correlate::{Sums, Window};
use pointwise::{Change, each};
use rayon::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// Operations and what is remembered of them.
pub struct Tape {
    pool: Pool,
    steps: RefCell<Vec<Step>>,
    paused: Cell<bool>,
}

/// Feature maps of one pair, and the step that made them; None where they count as constant.
#[derive(Clone)]
pub struct Node {
    map: Map,
    step: Option<usize>,
}

/// A convolution forwards and its adjoint.
pub struct Layer<F, B> {
    conv: Weighted,
    forward: F,
    backward: B,
}

/// 1³.
pub type Point = Arc<Layer<Mix, Mix>>;
/// 3³ with padding 1.
type Around = Layer<Conv3, Conv3>;
/// 4³ with stride 2.
pub type Halving = Arc<Layer<Down, Spread>>;

/// Two 3³ convolutions around a residual.
pub struct Unit {
    first: Around,
    second: Around,
}

/// What was computed, with what the way back needs.
enum Step {
    Mix {
        x: Node,
        conv: Point,
    },
    /// `inner` and `outer` are what the GELUs read.
    Unit {
        x: Node,
        unit: Arc<Unit>,
        inner: Map,
        outer: Map,
    },
    Down {
        x: Node,
        conv: Halving,
    },
    Up {
        x: Node,
        own: Point,
        shortcut: Node,
        others: Point,
    },
    Fuse {
        x: Node,
        own: Point,
        other: Node,
        others: Point,
        outer: Map,
    },
    Mean {
        mean: Option<usize>,
        new: Option<usize>,
        weight: f32,
    },
    Amplify {
        x: Option<usize>,
        factor: f32,
    },
}

/// Weights `[out, in]` as `[in, out]`.
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
    /// Nothing is remembered yet.
    pub fn new() -> Self {
        Self { pool: Pool::default(), steps: RefCell::default(), paused: Cell::new(false) }
    }

    /// A map that came out of `step`, which is remembered unless its inputs are constant.
    fn remember(&self, map: Map, step: impl FnOnce() -> Step) -> Node {
        if self.paused.get() {
            return Node { map, step: None };
        }
        let mut steps = self.steps.borrow_mut();
        steps.push(step());
        Node { map, step: Some(steps.len() - 1) }
    }

    /// A new map whose values come from those of `x` alone.
    fn made(&self, x: &Map, change: Change) -> Result<Map> {
        let mut map = self.pool.map(x.shape.side, x.channels)?;
        each(&mut map, x, change)?;
        Ok(map)
    }

    /// Takes the gradient of a step's result to its inputs and weights.
    fn back(&self, step: Step, mut gradient: Map, flow: &mut Flow) -> Result<()> {
        match step {
            Step::Mix { x, conv } => self.through_mix(&x, &conv, &gradient, flow),
            Step::Unit { x, unit, inner, outer } => {
                let side = gradient.shape.side;
                each(&mut gradient, &outer, Change::TimesSlope)?;
                let read = self.made(&inner, Change::Gelu)?;
                flow.credit(&unit.second, &read, &gradient, Window::AROUND)?;
                let mut within = self.pool.map(side, gradient.channels)?;
                unit.second.backward.run(&gradient, &mut within, false, &self.pool)?;
                each(&mut within, &inner, Change::TimesSlope)?;
                flow.credit(&unit.first, &x.map, &within, Window::AROUND)?;
                unit.first.backward.run(&within, &mut gradient, true, &self.pool)?;
                flow.pass(x.step, gradient)
            }
            Step::Down { x, conv } => {
                flow.credit(&conv, &x.map, &gradient, Window::HALVING)?;
                flow.pass(x.step, conv.backward.run(&gradient, &self.pool)?)
            }
            Step::Up { x, own, shortcut, others } => {
                self.through_mix(&shortcut, &others, &gradient, flow)?;
                self.through_mix(&x, &own, &reduce(&gradient, &self.pool)?, flow)
            }
            Step::Fuse { x, own, other, others, outer } => {
                each(&mut gradient, &outer, Change::TimesSlope)?;
                self.through_mix(&other, &others, &gradient, flow)?;
                self.through_mix(&x, &own, &gradient, flow)?;
                flow.pass(x.step, gradient)
            }
            Step::Mean { mean, new, weight } => {
                self.share(mean, &gradient, 1.0 - weight, flow)?;
                self.share(new, &gradient, weight, flow)
            }
            Step::Amplify { x, factor } => self.share(x, &gradient, factor, flow),
        }
    }

    /// Passes a gradient on, times a factor.
    fn share(&self, step: Option<usize>, gradient: &Map, factor: f32, flow: &mut Flow) -> Result<()> {
        if step.is_some() {
            flow.pass(step, self.made(gradient, Change::Times(factor))?)?;
        }
        Ok(())
    }

    fn through_mix(&self, x: &Node, conv: &Point, gradient: &Map, flow: &mut Flow) -> Result<()> {
        flow.credit(conv, &x.map, gradient, Window::POINT)?;
        if x.step.is_none() {
            return Ok(());
        }
        let mut before = self.pool.map(gradient.shape.side, conv.conv.inputs())?;
        conv.backward.apply(gradient, &mut before, false, &self.pool)?;
        flow.pass(x.step, before)
    }
}

/// Gradients on their way back: with respect to the results of steps, and to weights.
struct Flow<'a> {
    maps: Vec<Option<Map>>,
    /// By the name of the convolution and its first input.
    weights: BTreeMap<(String, usize), Sums>,
    pool: &'a Pool,
}

impl Flow<'_> {
    /// Adds a gradient to that of a step's result.
    fn pass(&mut self, step: Option<usize>, gradient: Map) -> Result<()> {
        let Some(step) = step else { return Ok(()) };
        match &mut self.maps[step] {
            Some(sum) => each(sum, &gradient, Change::Plus(1.0))?,
            none => *none = Some(gradient),
        }
        Ok(())
    }

    /// Adds the gradients of a convolution's weights, from what it read and the gradient of what it made.
    fn credit<F, B>(&mut self, layer: &Layer<F, B>, x: &Map, gradient: &Map, window: Window) -> Result<()> {
        let conv = &layer.conv;
        let sums = match self.weights.entry((conv.name.clone(), conv.first_input)) {
            Entry::Occupied(sums) => sums.into_mut(),
            Entry::Vacant(none) => none.insert(Sums::new(conv, x, gradient, window, self.pool)?),
        };
        sums.add(x, gradient, self.pool)
    }
}

impl Ops for Tape {
    type Map = Node;
    type Entry = (Point, Arc<Unit>);
    type Unit = Arc<Unit>;
    type Down = Halving;
    type Mix = Point;

    fn load_entry(&self, embedding: &Weighted, first: &Weighted, second: &Weighted) -> Result<Self::Entry> {
        Ok((self.load_mix(embedding)?, self.load_unit(first, second)?))
    }

    fn load_unit(&self, first: &Weighted, second: &Weighted) -> Result<Arc<Unit>> {
        let pool = &self.pool;
        let conv = |conv: &Weighted| Around::new(pool, conv);
        let (first, second) = rayon::join(|| conv(first), || conv(second));
        Ok(Arc::new(Unit { first: first?, second: second? }))
    }

    fn load_down(&self, conv: &Weighted) -> Result<Halving> {
        let (inputs, outputs) = (conv.inputs(), conv.outputs());
        Ok(Arc::new(Layer {
            conv: conv.clone(),
            forward: Down::new(&self.pool, inputs, outputs, &conv.weight.values, &conv.bias)?,
            backward: Spread::new(&self.pool, inputs, outputs, &conv.weight.values)?,
        }))
    }

    fn load_mix(&self, conv: &Weighted) -> Result<Point> {
        let (inputs, outputs) = (conv.inputs(), conv.outputs());
        Ok(Arc::new(Layer {
            conv: conv.clone(),
            forward: Mix::new(&self.pool, inputs, outputs, &conv.weight.values, &conv.bias)?,
            backward: Mix::new(&self.pool, outputs, inputs, &transposed(conv), &[])?,
        }))
    }

    fn at_once(&self, _: usize) -> usize {
        1
    }

    fn enter(&self, pairs: &[Vec<&Cube>], (embedding, unit): &Self::Entry) -> Result<Node> {
        let [images] = pairs else { unreachable!("pairs are read one by one, see `at_once`") };
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
        let x = self.remember(embedded, || Step::Mix { x, conv: embedding.clone() });
        self.unit(x, unit)
    }

    fn unit(&self, x: Node, unit: &Arc<Unit>) -> Result<Node> {
        let mut inner = self.pool.map(x.map.shape.side, x.map.channels)?;
        unit.first.forward.run(&x.map, &mut inner, false, &self.pool)?;
        let mut outer = self.made(&x.map, Change::Times(1.0))?;
        unit.second.forward.run(&self.made(&inner, Change::Gelu)?, &mut outer, true, &self.pool)?;
        let map = self.made(&outer, Change::Gelu)?;
        Ok(self.remember(map, || Step::Unit { x, unit: unit.clone(), inner, outer }))
    }

    fn down(&self, x: &Node, conv: &Halving) -> Result<Node> {
        let map = conv.forward.run(&x.map, &self.pool)?;
        Ok(self.remember(map, || Step::Down { x: x.clone(), conv: conv.clone() }))
    }

    fn up(&self, x: &Node, own: &Point, shortcut: Node, others: &Point) -> Result<Node> {
        let map = own.forward.up(&x.map, shortcut.map.clone(), &others.forward, &self.pool)?;
        let (x, own, others) = (x.clone(), own.clone(), others.clone());
        Ok(self.remember(map, || Step::Up { x, own, shortcut, others }))
    }

    fn fuse(&self, x: Node, own: &Point, other: &Node, others: &Point) -> Result<Node> {
        let mut outer = self.made(&x.map, Change::Times(1.0))?;
        own.forward.apply(&x.map, &mut outer, true, &self.pool)?;
        others.forward.apply(&other.map, &mut outer, true, &self.pool)?;
        let map = self.made(&outer, Change::Gelu)?;
        let (own, other, others) = (own.clone(), other.clone(), others.clone());
        Ok(self.remember(map, || Step::Fuse { x, own, other, others, outer }))
    }

    fn add_to_mean(&self, mean: Option<Node>, new: Node, weight: f64) -> Result<Node> {
        let Some(mean) = mean else { return Ok(new) };
        let weight = weight as f32;
        let mut map = self.made(&mean.map, Change::Times(1.0 - weight))?;
        each(&mut map, &new.map, Change::Plus(weight))?;
        Ok(self.remember(map, || Step::Mean { mean: mean.step, new: new.step, weight }))
    }

    fn output(&self, x: &Node, conv: &Point) -> Result<Vec<f32>> {
        let output = conv.forward.first_channel(&x.map, &self.pool)?;
        self.remember(x.map.clone(), || Step::Mix { x: x.clone(), conv: conv.clone() });
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
        let mut steps = self.steps.take();
        let mut flow = Flow { maps: vec![None; steps.len()], weights: BTreeMap::new(), pool: &self.pool };
        let side = (gradient.len() as f64).cbrt().round() as usize;
        let mut last = self.pool.map(side, 1)?;
        let width = last.shape.width;
        last.write(&self.pool, |number, voxels| {
            voxels.fill(0.0);
            let places = voxels.iter_mut().step_by(width);
            places.zip(&gradient[number * side..]).for_each(|(to, from)| *to = *from);
        })?;
        flow.pass(steps.len().checked_sub(1), last)?;
        while let Some(step) = steps.pop() {
            // What nothing depends on has none.
            if let Some(gradient) = flow.maps[steps.len()].take() {
                self.back(step, gradient, &mut flow)?;
            }
        }
        let sums: Vec<Sums> = flow.weights.into_values().collect();
        for (conv, weight, bias) in sums.into_par_iter().map(Sums::finish).collect::<Result<Vec<_>>>()? {
            conv.credit(gradients, weight, bias);
        }
        Ok(())
    }
}
