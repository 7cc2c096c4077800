//! A run of the network: its mini-context, its cost so far, and the progress reported to the observer.

use super::progress::{Costs, Plan, Tracker};
use super::report::Seconds;
use super::{Observer, Prepared, Stage, fuse::probability, prepare::PreparedContent};
use imaging::{Cube, Result};
use network::{EncodedTarget, Model, Work};
use rayon::prelude::*;
use std::sync::Arc;
use std::time::Instant;

/// A pass of the network: the `number`-th for label `label` of `labels`, all counted from 1.
#[derive(Clone, Copy)]
pub struct Pass {
    pub label: usize,
    pub labels: usize,
    pub number: usize,
}

/// A run in progress: predictions of one model for one or more targets.
pub struct Run<'a, 'o> {
    pub(super) model: &'a Model,
    mini_context: usize,
    plan: Plan,
    progress: Tracker<'a, 'o>,
    started: Instant,
    seconds: Seconds,
    /// Floating-point operations of the network so far.
    flops: f64,
    /// Number of labels begun.
    begun: usize,
    /// The target encoded last, with its features.
    encoded: Option<(Arc<PreparedContent>, EncodedTarget)>,
}

impl<'a, 'o> Run<'a, 'o> {
    /// Begins a run on the working grid that the model was trained on, reading `mini_context` pairs at once. The
    /// observer receives each step and stops the run with an error; `plan` determines how the reported fraction grows.
    ///
    /// # Errors
    /// The observer's error.
    pub fn new(
        model: &'a Model,
        mini_context: usize,
        plan: Plan,
        observer: &'a mut Observer<'o>,
    ) -> Result<Self> {
        Self::on_grid(super::working_side(model), model, mini_context, plan, observer)
    }

    /// As [`Run::new`], on a working grid of `side`³.
    pub(super) fn on_grid(
        side: usize,
        model: &'a Model,
        mini_context: usize,
        plan: Plan,
        observer: &'a mut Observer<'o>,
    ) -> Result<Self> {
        // Discards the counts of an earlier run that was stopped.
        model.take_work();
        let mut run = Self {
            model,
            mini_context,
            plan,
            progress: Tracker::new(Costs::of(&model.info, side), plan, observer),
            started: Instant::now(),
            seconds: Seconds::default(),
            flops: 0.0,
            begun: 0,
            encoded: None,
        };
        run.progress.again()?;
        Ok(run)
    }

    /// Reports the current step again, so that the run can be stopped.
    pub(super) fn check(&mut self) -> Result<()> {
        self.progress.again()
    }

    /// Reports that `done` images (target first) are prepared.
    pub(super) fn prepared(&mut self, done: usize) -> Result<()> {
        self.progress.advance(self.progress.costs.prepare);
        self.progress.report(Stage::Preparing { done, total: self.plan.examples + 1 }, 0.0)
    }

    /// Measures the time of preparing images after the first prediction.
    pub(super) fn preparing<T>(&mut self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let started = Instant::now();
        let done = work()?;
        self.seconds.prepare += started.elapsed().as_secs_f64();
        Ok(done)
    }

    /// Applies `work` to all examples in parallel, each with a `cost`, and reports `stage` with the number that is
    /// done. The run can be stopped after each batch of as many examples as there are threads.
    pub(super) fn in_parallel<T: Sync, U: Send>(
        &mut self,
        examples: &[T],
        cost: impl Fn(&Costs) -> f64,
        stage: impl Fn(usize) -> Stage,
        work: impl Fn(&T) -> Result<U> + Sync + Send,
    ) -> Result<Vec<U>> {
        let started = Instant::now();
        let mut done = Vec::with_capacity(examples.len());
        for batch in examples.chunks(rayon::current_num_threads()) {
            self.progress.report(stage(done.len()), 0.0)?;
            done.extend(batch.par_iter().map(&work).collect::<Result<Vec<_>>>()?);
            self.progress.advance(cost(&self.progress.costs) * batch.len() as f64);
        }
        self.seconds.prepare += started.elapsed().as_secs_f64();
        Ok(done)
    }

    /// The stage of a pass in which the network has read `pair` of `pairs`.
    pub(super) fn reading(&self, Pass { label, labels, number }: Pass, pair: usize, pairs: usize) -> Stage {
        let flops_per_second = if self.flops > 0.0 { self.flops / self.seconds.network } else { 0.0 };
        Stage::Reading { label, labels, pass: number, pair, pairs, flops_per_second }
    }

    /// The first pass of the next label.
    pub(super) fn next_label(&mut self) -> Pass {
        self.begun += 1;
        self.pass(Pass { label: self.begun, labels: self.plan.labels.max(self.begun), number: 1 })
    }

    /// Begins a pass.
    pub(super) fn pass(&mut self, pass: Pass) -> Pass {
        self.progress.begin(pass.label, pass.number);
        pass
    }

    /// The probability of a structure on a target's working grid, from pairs of image and mask. The target is encoded
    /// once for all its labels.
    pub(super) fn predict_on(
        &mut self,
        target: &Prepared,
        pairs: &[(&Cube, &Cube)],
        pass: Pass,
    ) -> Result<Cube> {
        Ok(probability(self.output_on(target, pairs, pass)?))
    }

    /// The network's own output on a target's working grid.
    pub(super) fn output_on(
        &mut self,
        target: &Prepared,
        pairs: &[(&Cube, &Cube)],
        pass: Pass,
    ) -> Result<Cube> {
        let cached = self.encoded.take().filter(|(content, _)| Arc::ptr_eq(content, &target.content));
        let (content, encoded) = match cached {
            Some(cached) => cached,
            None => (target.content.clone(), self.encode(target.cube())?),
        };
        let output = self.output(&encoded, pairs, pass);
        self.encoded = Some((content, encoded));
        output
    }

    /// The probability of a structure on another working grid; `image` is the target resampled on it.
    pub(super) fn predict_in(&mut self, image: &Cube, pairs: &[(&Cube, &Cube)], pass: Pass) -> Result<Cube> {
        let encoded = self.encode(image)?;
        Ok(probability(self.output(&encoded, pairs, pass)?))
    }

    /// The target's features. The time before the first encoding counts as preparation.
    pub(super) fn encode(&mut self, target: &Cube) -> Result<EncodedTarget> {
        if self.seconds.network == 0.0 {
            self.seconds.prepare = self.started.elapsed().as_secs_f64();
        }
        let started = Instant::now();
        let progress = &mut self.progress;
        let encoded = self.model.encode(target, &mut || progress.again())?;
        progress.advance(progress.costs.target);
        self.seconds.network += started.elapsed().as_secs_f64();
        Ok(encoded)
    }

    /// The network's output for an encoded target.
    pub(super) fn output(
        &mut self,
        target: &EncodedTarget,
        pairs: &[(&Cube, &Cube)],
        pass: Pass,
    ) -> Result<Cube> {
        let started = Instant::now();
        let (before, flops, progress) = (self.seconds.network, &mut self.flops, &mut self.progress);
        let (Pass { label, labels, number }, cost) = (pass, progress.costs.pair);
        let output = self.model.predict(target, pairs, self.mini_context, &mut |pair| {
            *flops += total_flops(&self.model.take_work());
            let flops_per_second = *flops / (before + started.elapsed().as_secs_f64());
            let stage =
                Stage::Reading { label, labels, pass: number, pair, pairs: pairs.len(), flops_per_second };
            progress.report(stage, cost * pair as f64)
        })?;
        progress.advance(cost * pairs.len() as f64 + progress.costs.target);
        self.seconds.network += started.elapsed().as_secs_f64();
        Ok(output)
    }

    /// Reports that the network is done and that the result is resampled to the target's grid.
    pub(super) fn restoring(&mut self) -> Result<()> {
        self.progress.finish();
        self.progress.report(Stage::Restoring, 0.0)
    }

    /// Seconds by stage, and the network's floating-point operations.
    pub(super) fn cost(&self) -> (Seconds, f64) {
        let total = self.started.elapsed().as_secs_f64();
        let Seconds { prepare, network, .. } = self.seconds;
        let flops = self.flops + total_flops(&self.model.take_work());
        (Seconds { load: 0.0, prepare, network, write: total - prepare - network, total }, flops)
    }
}

fn total_flops(work: &Work) -> f64 {
    work.values().map(|cost| cost.flops).sum()
}
