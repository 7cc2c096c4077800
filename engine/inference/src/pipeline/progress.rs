//! The progress of a run: its steps, weighted by their cost.

use super::Observer;
use imaging::Result;
use network::ModelInfo;

/// The state of a run, reported between its steps; the receiver may stop the run there.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The step in progress.
    pub stage: Stage,
    /// Fraction of the planned work that is done, from 0 to 1; never decreases.
    pub fraction: f32,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Resampling images to their working grids; `done` of `total` are finished.
    Preparing {
        /// Images done.
        done: usize,
        /// All images.
        total: usize,
    },
    /// Registering and deforming examples onto the target; `done` of `total` are finished.
    Registering {
        /// Examples done.
        done: usize,
        /// All examples.
        total: usize,
    },
    /// The network has read `pair` of `pairs` examples for label `label` of `labels` (all from 1).
    Reading {
        /// Number of the current label, from 1.
        label: usize,
        /// All labels.
        labels: usize,
        /// 1 for the whole field of view, 2 and above for a refinement in a box around the structure.
        pass: usize,
        /// Pairs read.
        pair: usize,
        /// All pairs.
        pairs: usize,
        /// Floating-point operations of the network per second of its time, so far.
        flops_per_second: f64,
    },
    /// Resampling the result to the target's grid.
    Restoring,
}

impl Progress {
    /// The state before the first step of a run on `images` images, the target included.
    pub fn start(images: usize) -> Self {
        Self { stage: Stage::Preparing { done: 0, total: images }, fraction: 0.0 }
    }
}

/// Costs of the steps, in units of the deformation of one example.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Preparing an image.
    pub prepare: f64,
    /// Aligning an example with the target.
    pub place: f64,
    pub deform: f64,
    /// Half of the network's target branch: its encoder, or its decoder.
    pub target: f64,
    /// The network reading one pair.
    pub pair: f64,
}

impl Costs {
    /// Costs on a working grid of `side`³. Measured on two cores with the bundled weights on heads of 1.3 million
    /// voxels: 150 ms to prepare and align an image, in a ratio of about 4 : 3; 80 ms for a deformation; 60 ms for each
    /// half of the target branch; 95 ms for a pair. A network's work grows with the square of its channels and with the
    /// voxels of the grid; deformations are computed on a grid of fixed size.
    pub fn of(model: &ModelInfo, side: usize) -> Self {
        const MEASURED: [f64; 2] = [8.0, 48.0];
        let [channels, side] = [model.channels.first().copied().unwrap_or(0), side].map(|n| n as f64);
        let work = (channels / MEASURED[0]).powi(2) * (side / MEASURED[1]).powi(3);
        let network = if model.parameters == 0 { 0.0 } else { work };
        Self { prepare: 1.05, place: 0.8, deform: 1.0, target: 0.75 * network, pair: 1.2 * network }
    }
}

/// The planned work of a run, by which [`Progress::fraction`] grows.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Examples that are prepared and registered.
    pub examples: usize,
    /// Whether they are deformed.
    pub deformed: bool,
    /// Number of labels; 1 for a transformation.
    pub labels: usize,
    /// Whether the network refines each structure.
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
    /// Weight of the steps of the current pass, since the number of passes is unknown in advance.
    weight: f64,
}

impl<'a, 'o> Tracker<'a, 'o> {
    /// Progress at the start of a plan.
    pub fn new(costs: Costs, plan: Plan, observer: &'a mut Observer<'o>) -> Self {
        let now = Progress::start(plan.examples + 1);
        let mut tracker = Self { observer, costs, now, done: 0.0, total: 1.0, plan, weight: 1.0 };
        tracker.total = tracker.before_labels() + plan.labels as f64 * tracker.label();
        tracker
    }

    /// Cost of all steps before the first label.
    fn before_labels(&self) -> f64 {
        let Costs { prepare, place, deform, .. } = self.costs;
        let example = prepare + place + if self.plan.deformed { deform } else { 0.0 };
        prepare + example * self.plan.examples as f64
    }

    /// Cost of one pass for one label.
    fn pass(&self) -> f64 {
        2.0 * self.costs.target + self.costs.pair * self.plan.examples as f64
    }

    /// Cost of all passes for one label. Refinements are budgeted at twice the cost of the first; each takes half of
    /// what remains.
    fn label(&self) -> f64 {
        let refinement = self.pass() + self.costs.deform * self.plan.examples as f64;
        self.pass() + if self.plan.refined { 2.0 * refinement } else { 0.0 }
    }

    /// Begins pass `number` for label `label`, both from 1. Planned work that was not needed before it is skipped.
    pub fn begin(&mut self, label: usize, number: usize) {
        self.weight = 0.5_f64.powi(number.saturating_sub(2) as i32);
        if number == 1 {
            self.done = self.done.max(self.before_labels() + (label - 1) as f64 * self.label());
        }
    }

    /// Marks everything but the restoration of the result as done.
    pub fn finish(&mut self) {
        self.done = self.total;
    }

    /// Adds finished steps with this cost.
    pub fn advance(&mut self, cost: f64) {
        self.done += cost * self.weight;
    }

    /// Reports the finished work plus the cost `next` of what is done of the current step.
    pub fn report(&mut self, stage: Stage, next: f64) -> Result<()> {
        self.now.stage = stage;
        let fraction = ((self.done + next * self.weight) / self.total).min(1.0) as f32;
        self.now.fraction = self.now.fraction.max(fraction);
        (self.observer)(self.now.clone())
    }

    /// Reports the last stage again, with the current fraction.
    pub fn again(&mut self) -> Result<()> {
        self.report(self.now.stage.clone(), 0.0)
    }
}
