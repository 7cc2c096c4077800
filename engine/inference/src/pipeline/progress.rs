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
    /// Bending examples onto the target; `done` of `total` are bent.
    Bending {
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
        /// 1 for the whole body, from 2 on for a box around the structure.
        look: usize,
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

/// What steps cost, as multiples of bending one example.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Bringing an image to the working grid, an example with its alignment.
    pub prepare: f64,
    pub bend: f64,
    /// The network's target branch, halfway down and up.
    pub target: f64,
    /// The network reading one pair.
    pub pair: f64,
}

impl Costs {
    /// On a working grid of `side`³. Measured on two cores with the bundled weights on heads of 1.3 million voxels: 150 ms
    /// for an image, 80 ms for a bend, 60 ms for the target branch each way, 95 ms for a pair. A network's work grows with
    /// the square of its channels and with the voxels of the grid; bends are made on a grid of their own.
    pub fn of(model: &ModelInfo, side: usize) -> Self {
        const MEASURED: [f64; 2] = [8.0, 48.0];
        let [channels, side] = [model.channels.first().copied().unwrap_or(0), side].map(|n| n as f64);
        let work = (channels / MEASURED[0]).powi(2) * (side / MEASURED[1]).powi(3);
        let network = if model.parameters == 0 { 0.0 } else { work };
        Self { prepare: 1.9, bend: 1.0, target: 0.75 * network, pair: 1.2 * network }
    }
}

/// What a run is going to do.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Examples.
    pub pairs: usize,
    /// Whether they are bent.
    pub bent: bool,
    /// Labels, or 1 for an image.
    pub labels: usize,
    /// Whether the network looks closer.
    pub closer: bool,
}

/// The progress of a run.
pub struct Tracker<'a, 'o> {
    observer: &'a mut Observer<'o>,
    pub costs: Costs,
    now: Progress,
    done: f64,
    total: f64,
    work: Work,
    /// What the steps of the look at hand count, since the number of looks is not known before.
    weight: f64,
}

impl<'a, 'o> Tracker<'a, 'o> {
    /// Nothing is known of the work but the number of examples.
    pub fn new(costs: Costs, pairs: usize, observer: &'a mut Observer<'o>) -> Self {
        let work = Work { pairs, bent: false, labels: 1, closer: false };
        let now = Progress::start(pairs + 1);
        let mut tracker = Self { observer, costs, now, done: 0.0, total: 1.0, work, weight: 1.0 };
        tracker.plan(work);
        tracker
    }

    /// Sets out what will be done, before anything is.
    pub fn plan(&mut self, work: Work) {
        self.work = work;
        self.total = self.before_labels() + work.labels as f64 * self.label();
    }

    fn before_labels(&self) -> f64 {
        let pairs = self.work.pairs as f64;
        self.costs.prepare * (pairs + 1.0) + if self.work.bent { self.costs.bend * pairs } else { 0.0 }
    }

    /// A look at one label.
    fn look(&self) -> f64 {
        2.0 * self.costs.target + self.costs.pair * self.work.pairs as f64
    }

    /// All looks at one label. Each closer one takes half of what is left of twice the first of them.
    fn label(&self) -> f64 {
        let closer = self.look() + self.costs.bend * self.work.pairs as f64;
        self.look() + if self.work.closer { 2.0 * closer } else { 0.0 }
    }

    /// Look `look`, from 1, at label `label`, from 1, begins. What was not needed of the planned work before it is skipped.
    pub fn begin(&mut self, label: usize, look: usize) {
        self.weight = 0.5_f64.powi(look.saturating_sub(2) as i32);
        if look == 1 {
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
