//! How far a run is: the steps that it takes, each weighed by what it costs.

use super::Observer;
use imaging::Result;
use network::ModelInfo;

/// Where a run is. Reported between steps; the receiver may stop the run there.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// What it does.
    pub stage: Stage,
    /// Part of the planned work that is done, from 0 to 1; never less than before.
    pub fraction: f32,
}

/// What a run does.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Bringing images to the working grid; `done` of `total` are there.
    Preparing {
        /// Images done.
        done: usize,
        /// All images.
        total: usize,
    },
    /// Laying examples on the target and deforming them onto it; `done` of `total` are there.
    Registering {
        /// Examples done.
        done: usize,
        /// All examples.
        total: usize,
    },
    /// The network has read `pair` of `pairs` examples for label `label` of `labels` (all from 1).
    Reading {
        /// Number of the label at work.
        label: usize,
        /// All labels.
        labels: usize,
        /// 1 for the whole body, from 2 on for a refinement in a box around the structure.
        pass: usize,
        /// Pairs read.
        pair: usize,
        /// All pairs.
        pairs: usize,
        /// Floating-point operations of the network by its seconds, so far.
        flops_per_second: f64,
    },
    /// Bringing the result to the target's grid.
    Restoring,
}

impl Progress {
    /// Before the first step of a run on so many images.
    pub fn start(images: usize) -> Self {
        Self { stage: Stage::Preparing { done: 0, total: images }, fraction: 0.0 }
    }
}

/// What steps cost, as multiples of deforming one example.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Bringing an image to its working grid.
    pub prepare: f64,
    /// Laying an example on the target.
    pub place: f64,
    pub deform: f64,
    /// The network's target branch, halfway down and up.
    pub target: f64,
    /// The network reading one pair.
    pub pair: f64,
}

impl Costs {
    /// On a working grid of `side`³. Measured on two cores with the bundled weights on heads of 1.3 million voxels: 150 ms for
    /// an image with its place, which share them about as 4 : 3, 80 ms for a deformation, 60 ms for the target branch each way,
    /// 95 ms for a pair. A network's work grows with the square of its channels and with the voxels of the grid; deformations
    /// are made on a grid of their own.
    pub fn of(model: &ModelInfo, side: usize) -> Self {
        const MEASURED: [f64; 2] = [8.0, 48.0];
        let [channels, side] = [model.channels.first().copied().unwrap_or(0), side].map(|n| n as f64);
        let work = (channels / MEASURED[0]).powi(2) * (side / MEASURED[1]).powi(3);
        let network = if model.parameters == 0 { 0.0 } else { work };
        Self { prepare: 1.05, place: 0.8, deform: 1.0, target: 0.75 * network, pair: 1.2 * network }
    }
}

/// What a run is going to do, for the growth of [`Progress::fraction`].
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Examples that are prepared and registered.
    pub examples: usize,
    /// Whether they are deformed.
    pub deformed: bool,
    /// Labels, or 1 for an image.
    pub labels: usize,
    /// Whether the network refines what it finds.
    pub refined: bool,
}

/// The progress of a run.
pub struct Tracker<'a, 'o> {
    observer: &'a mut Observer<'o>,
    pub costs: Costs,
    now: Progress,
    done: f64,
    total: f64,
    plan: Plan,
    /// What the steps of the pass at hand count, since the number of passes is not known before.
    weight: f64,
}

impl<'a, 'o> Tracker<'a, 'o> {
    /// Nothing of the plan is done.
    pub fn new(costs: Costs, plan: Plan, observer: &'a mut Observer<'o>) -> Self {
        let now = Progress::start(plan.examples + 1);
        let mut tracker = Self { observer, costs, now, done: 0.0, total: 1.0, plan, weight: 1.0 };
        tracker.total = tracker.before_labels() + plan.labels as f64 * tracker.label();
        tracker
    }

    fn before_labels(&self) -> f64 {
        let Costs { prepare, place, deform, .. } = self.costs;
        let example = prepare + place + if self.plan.deformed { deform } else { 0.0 };
        prepare + example * self.plan.examples as f64
    }

    /// A pass for one label.
    fn pass(&self) -> f64 {
        2.0 * self.costs.target + self.costs.pair * self.plan.examples as f64
    }

    /// All passes for one label. Each refinement takes half of what is left of twice the first of them.
    fn label(&self) -> f64 {
        let refinement = self.pass() + self.costs.deform * self.plan.examples as f64;
        self.pass() + if self.plan.refined { 2.0 * refinement } else { 0.0 }
    }

    /// Pass `number` for label `label` begins, both from 1. What was not needed of the planned work before it is skipped.
    pub fn begin(&mut self, label: usize, number: usize) {
        self.weight = 0.5_f64.powi(number.saturating_sub(2) as i32);
        if number == 1 {
            self.done = self.done.max(self.before_labels() + (label - 1) as f64 * self.label());
        }
    }

    /// Nothing is left to do but to restore the result.
    pub fn finish(&mut self) {
        self.done = self.total;
    }

    /// Steps of this cost were done.
    pub fn advance(&mut self, cost: f64) {
        self.done += cost * self.weight;
    }

    /// Reports what is done now, and what of the next step, by its cost.
    pub fn report(&mut self, stage: Stage, next: f64) -> Result<()> {
        self.now.stage = stage;
        let fraction = ((self.done + next * self.weight) / self.total).min(1.0) as f32;
        self.now.fraction = self.now.fraction.max(fraction);
        (self.observer)(self.now.clone())
    }

    /// Reports the stage that was reported last, with what is done now.
    pub fn again(&mut self) -> Result<()> {
        self.report(self.now.stage.clone(), 0.0)
    }
}
