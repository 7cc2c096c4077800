//! The backward pass.

use super::adjoint::reduce;
use super::correlate::{Sums, Window};
use super::pointwise::{Change, each, made};
use super::{Halving, Layer, Node, Point, ResidualUnit};
use crate::cpu::map::{Map, Pool};
use crate::learning::Arrays;
use imaging::Result;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// A recorded operation, with the values that the backward pass needs.
pub enum Step {
    PointwiseConv {
        x: Node,
        conv: Point,
    },
    /// `inner` and `outer` are the inputs of the GELUs.
    ResidualUnit {
        x: Node,
        unit: Arc<ResidualUnit>,
        inner: Map,
        outer: Map,
    },
    Downsample {
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

/// Gradients during the backward pass, with respect to the results of steps and to weights.
pub struct Flow<'a> {
    maps: Vec<Option<Map>>,
    /// Weight gradients by the name of the convolution and its first input.
    weights: BTreeMap<(String, usize), Sums>,
    pool: &'a Pool,
}

impl<'a> Flow<'a> {
    /// No gradients yet, for this number of steps.
    pub fn new(steps: usize, pool: &'a Pool) -> Self {
        Self { maps: vec![None; steps], weights: BTreeMap::new(), pool }
    }

    /// Propagates the gradient of the last step's result back through all `steps`.
    pub fn run(mut self, mut steps: Vec<Step>, gradient: Map) -> Result<Self> {
        self.pass(steps.len().checked_sub(1), gradient)?;
        while let Some(step) = steps.pop() {
            // A result that nothing depends on has no gradient.
            if let Some(gradient) = self.maps[steps.len()].take() {
                self.back(step, gradient)?;
            }
        }
        Ok(self)
    }

    /// Writes the gradients of the weights to `gradients`.
    pub fn finish(self, gradients: &mut Arrays) -> Result<()> {
        let sums: Vec<Sums> = self.weights.into_values().collect();
        for (conv, weight, bias) in sums.into_par_iter().map(Sums::finish).collect::<Result<Vec<_>>>()? {
            conv.credit(gradients, weight, bias);
        }
        Ok(())
    }

    /// Adds a gradient to that of a step's result.
    fn pass(&mut self, step: Option<usize>, gradient: Map) -> Result<()> {
        let Some(step) = step else { return Ok(()) };
        match &mut self.maps[step] {
            Some(sum) => each(sum, &gradient, Change::Plus(1.0))?,
            none => *none = Some(gradient),
        }
        Ok(())
    }

    /// Adds the gradients of a convolution's weights, from its input and the gradient of its output.
    fn credit<F, B>(&mut self, layer: &Layer<F, B>, x: &Map, gradient: &Map, window: Window) -> Result<()> {
        let conv = &layer.conv;
        let sums = match self.weights.entry((conv.name.clone(), conv.first_input)) {
            Entry::Occupied(sums) => sums.into_mut(),
            Entry::Vacant(none) => none.insert(Sums::new(conv, x, gradient, window, self.pool)?),
        };
        sums.add(x, gradient, self.pool)
    }

    /// Propagates the gradient of a step's result to its inputs and weights.
    fn back(&mut self, step: Step, mut gradient: Map) -> Result<()> {
        match step {
            Step::PointwiseConv { x, conv } => self.through_mix(&x, &conv, &gradient),
            Step::ResidualUnit { x, unit, inner, outer } => {
                let side = gradient.shape.side;
                each(&mut gradient, &outer, Change::TimesSlope)?;
                let read = made(self.pool, &inner, Change::Gelu)?;
                self.credit(&unit.second, &read, &gradient, Window::AROUND)?;
                let mut within = self.pool.map(side, gradient.channels)?;
                unit.second.backward.run(&gradient, &mut within, false, self.pool)?;
                each(&mut within, &inner, Change::TimesSlope)?;
                self.credit(&unit.first, &x.map, &within, Window::AROUND)?;
                unit.first.backward.run(&within, &mut gradient, true, self.pool)?;
                self.pass(x.step, gradient)
            }
            Step::Downsample { x, conv } => {
                self.credit(&conv, &x.map, &gradient, Window::HALVING)?;
                self.pass(x.step, conv.backward.run(&gradient, self.pool)?)
            }
            Step::Up { x, own, shortcut, others } => {
                self.through_mix(&shortcut, &others, &gradient)?;
                self.through_mix(&x, &own, &reduce(&gradient, self.pool)?)
            }
            Step::Fuse { x, own, other, others, outer } => {
                each(&mut gradient, &outer, Change::TimesSlope)?;
                self.through_mix(&other, &others, &gradient)?;
                self.through_mix(&x, &own, &gradient)?;
                self.pass(x.step, gradient)
            }
            Step::Mean { mean, new, weight } => {
                self.share(mean, &gradient, 1.0 - weight)?;
                self.share(new, &gradient, weight)
            }
            Step::Amplify { x, factor } => self.share(x, &gradient, factor),
        }
    }

    /// Adds `factor` times a gradient to that of a step's result.
    fn share(&mut self, step: Option<usize>, gradient: &Map, factor: f32) -> Result<()> {
        if step.is_some() {
            self.pass(step, made(self.pool, gradient, Change::Times(factor))?)?;
        }
        Ok(())
    }

    fn through_mix(&mut self, x: &Node, conv: &Point, gradient: &Map) -> Result<()> {
        self.credit(conv, &x.map, gradient, Window::POINT)?;
        if x.step.is_none() {
            return Ok(());
        }
        let mut before = self.pool.map(gradient.shape.side, conv.conv.inputs())?;
        conv.backward.apply(gradient, &mut before, false, self.pool)?;
        self.pass(x.step, before)
    }
}
