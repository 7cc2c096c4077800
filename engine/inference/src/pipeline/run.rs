//! What both pipelines share: progress, the network's runs, clocks and the report.

use super::memory_budget::{Need, need};
use super::progress::{Costs, Tracker, Work as Planned};
use super::report::LabelVolume;
use super::{Example, Observer, Options, Placement, PreprocessingRecord, Report, Seconds, Stage};
use imaging::Cube;
use imaging::io::Scan;
use imaging::{Error, Grid, Image, LabelMap, Result, Voxel, memory};
use network::{EncodedTarget, Model, Work};
use rayon::prelude::*;
use std::time::Instant;

/// What the network is at: label `label` of `labels`, seen for the `look`-th time, all from 1.
#[derive(Clone, Copy)]
pub struct Task {
    pub label: usize,
    pub labels: usize,
    pub look: usize,
}

impl Task {
    /// A single one.
    pub const ONLY: Self = Self { label: 1, labels: 1, look: 1 };
}

/// One run on its way.
pub struct Run<'a, 'o> {
    pub model: &'a Model,
    pub options: &'a Options,
    pub records: Vec<PreprocessingRecord>,
    pub placements: Vec<Placement>,
    pub warnings: Vec<String>,
    examples: usize,
    need: Need,
    progress: Tracker<'a, 'o>,
    started: Instant,
    seconds: Seconds,
    /// Floating-point operations of the network so far.
    flops: f64,
}

impl<'a, 'o> Run<'a, 'o> {
    /// Begins on a working grid of `side`³, if that and so many volumes of probabilities fit into memory.
    pub fn start<T: Voxel>(
        model: &'a Model,
        (side, target, examples): (usize, &Scan, &[Example<Image<T>>]),
        options: &'a Options,
        probabilities: usize,
        observer: &'a mut Observer<'o>,
    ) -> Result<Self> {
        if examples.is_empty() {
            return Err(Error::Request(
                "There is no example to learn from; add at least one image with its label.".into(),
            ));
        }
        let need = need(model, side, target, examples, options, probabilities)?;
        // What an earlier run left behind, such as one that was stopped.
        model.take_work();
        let mut run = Self {
            model,
            options,
            records: Vec::new(),
            placements: Vec::new(),
            warnings: unread(model).into_iter().chain(need.fewer.clone()).collect(),
            examples: examples.len(),
            need,
            progress: Tracker::new(Costs::of(&model.info, side), examples.len(), observer),
            started: Instant::now(),
            seconds: Seconds::default(),
            flops: 0.0,
        };
        run.progress.again()?;
        Ok(run)
    }

    /// Sets out how many labels there are, whether the network looks at each of them closer, and whether examples are bent.
    pub fn plan(&mut self, labels: usize, closer: bool, bent: bool) -> Result<()> {
        self.progress.plan(Planned { pairs: self.examples, bent, labels, closer });
        self.progress.again()
    }

    /// Tells that `done` images (target first) are on the working grid.
    pub fn prepared(&mut self, done: usize) -> Result<()> {
        self.progress.advance(self.progress.costs.prepare);
        self.progress.report(Stage::Preparing { done, total: self.examples + 1 }, 0.0)
    }

    /// The target's features. What the run did before the first of them was preparation.
    pub fn encode(&mut self, target: &Cube) -> Result<EncodedTarget> {
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

    /// Images that are brought to another working grid.
    pub fn prepare<T>(&mut self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let started = Instant::now();
        let done = work()?;
        self.seconds.prepare += started.elapsed().as_secs_f64();
        Ok(done)
    }

    /// Bends each of some examples, side by side, reporting a `stage` by how many are bent; the run may be stopped after
    /// each handful.
    pub fn bend<T: Sync, U: Send>(
        &mut self,
        examples: &[T],
        stage: impl Fn(usize) -> Stage,
        bend: impl Fn(&T) -> Result<U> + Sync + Send,
    ) -> Result<Vec<U>> {
        let started = Instant::now();
        let mut done = Vec::with_capacity(examples.len());
        for some in examples.chunks(rayon::current_num_threads()) {
            self.progress.report(stage(done.len()), 0.0)?;
            done.extend(some.par_iter().map(&bend).collect::<Result<Vec<_>>>()?);
            self.progress.advance(self.progress.costs.bend * some.len() as f64);
        }
        self.seconds.prepare += started.elapsed().as_secs_f64();
        Ok(done)
    }

    /// Where the network is in a task when it has read `pair` of `pairs`.
    pub fn reading(&self, Task { label, labels, look }: Task, pair: usize, pairs: usize) -> Stage {
        let flops_per_second = if self.flops > 0.0 { self.flops / self.seconds.network } else { 0.0 };
        Stage::Reading { label, labels, look, pair, pairs, flops_per_second }
    }

    /// A look at a label begins.
    pub fn begin(&mut self, task: Task) {
        self.progress.begin(task.label, task.look);
    }

    /// The network's output for a task.
    pub fn predict(&mut self, target: &EncodedTarget, pairs: &[(&Cube, &Cube)], task: Task) -> Result<Cube> {
        let started = Instant::now();
        let (before, flops, progress) = (self.seconds.network, &mut self.flops, &mut self.progress);
        let (Task { label, labels, look }, cost) = (task, progress.costs.pair);
        let output = self.model.predict(target, pairs, self.need.at_once, &mut |pair| {
            *flops += total_flops(&self.model.take_work());
            let flops_per_second = *flops / (before + started.elapsed().as_secs_f64());
            let stage = Stage::Reading { label, labels, look, pair, pairs: pairs.len(), flops_per_second };
            progress.report(stage, cost * pair as f64)
        })?;
        progress.advance(cost * pairs.len() as f64 + progress.costs.target);
        self.seconds.network += started.elapsed().as_secs_f64();
        Ok(output)
    }

    /// Tells that the network is done and the result is brought to the target's grid.
    pub fn restoring(&mut self) -> Result<()> {
        self.progress.finish();
        self.progress.report(Stage::Restoring, 0.0)
    }

    /// Labels with their names, where these are known.
    pub fn name_all(&self, labels: &[u16]) -> String {
        let named = |&label: &u16| match self.options.names.known(label) {
            Some(name) => format!("Label {label} ({name})"),
            None => format!("Label {label}"),
        };
        labels.iter().map(named).collect::<Vec<_>>().join(", ")
    }

    /// For each example whether anything is learnt from it: not from those that are flagged, unless all are. Warns of those.
    pub fn trusted(&mut self) -> Vec<bool> {
        let all = self.placements.iter().all(|placement| placement.flagged);
        let what = if all { "so do not trust the result" } else { "so it was left out" };
        for Placement { name, reason, .. } in &self.placements {
            let Some(reason) = reason else { continue };
            self.warnings.push(format!(
                "Example {name} hardly shows what the target shows ({reason}), {what}. Use examples of the same part of \
                 the body, with the skull where the target has one and without where it has none."
            ));
        }
        self.placements.iter().map(|placement| all || !placement.flagged).collect()
    }

    /// A warning about some labels, unless there are none; `verb` for one and for several.
    pub fn warn_of(&mut self, labels: &[u16], verb: [&str; 2], rest: &str) {
        if !labels.is_empty() {
            let verb = verb[usize::from(labels.len() > 1)];
            self.warnings.push(format!("{} {verb} {rest}", self.name_all(labels)));
        }
    }

    /// The labels to segment: those asked for, else all of `present`, which are those that any example holds.
    pub fn wanted(&self, present: impl Iterator<Item = u16>) -> Result<Vec<u16>> {
        let mut present: Vec<u16> = present.collect();
        present.sort_unstable();
        present.dedup();
        let mut wanted = self.options.labels.clone();
        wanted.sort_unstable();
        wanted.dedup();
        let missing: Vec<u16> = wanted.iter().copied().filter(|label| !present.contains(label)).collect();
        if !missing.is_empty() && !present.is_empty() {
            return Err(Error::Request(format!(
                "No example holds {}; the examples hold {}.",
                self.name_all(&missing),
                list(&present)
            )));
        }
        if present.is_empty() {
            return Err(Error::Request(
                "The examples' label maps are empty; add an example with at least one labelled voxel.".into(),
            ));
        }
        let wanted = if wanted.is_empty() { present } else { wanted };
        if !self.model.info.reads_examples && wanted.len() > 1 {
            return Err(Error::Request(format!(
                "These weights are a U-Net that segments one structure, and there are {}; choose the one label \
                 that is meant (--labels).",
                list(&wanted)
            )));
        }
        Ok(wanted)
    }

    /// The report of a run that is done; `labels` are those of `mask`. Those that came out empty are named.
    pub fn report(mut self, result: Option<(&LabelMap, &[u16])>) -> Report {
        let total = self.started.elapsed().as_secs_f64();
        let Seconds { prepare, network, .. } = self.seconds;
        let flops = self.flops + total_flops(&self.model.take_work());
        let names = &self.options.names;
        let volume = |mask: &LabelMap, value: u16, voxels: usize| LabelVolume {
            value,
            name: names.name(value),
            voxels,
            ml: voxels as f64 * mask.grid.voxel_ml(),
        };
        let labels: Vec<LabelVolume> = result.map_or(Vec::new(), |(mask, labels)| {
            let counts = mask.counts();
            let of = |label| counts.iter().find(|(value, _)| *value == label).map_or(0, |(_, n)| *n);
            labels.iter().map(|&label| volume(mask, label, of(label))).collect()
        });
        let empty: Vec<u16> =
            labels.iter().filter(|label| label.voxels == 0).map(|label| label.value).collect();
        self.warn_of(&empty, ["was", "were"], "not found in the target.");
        Report {
            device: self.model.device().name.clone(),
            threads: rayon::current_num_threads(),
            model: self.model.info.clone(),
            pipeline: self.options.pipeline,
            mini_context: self.need.at_once,
            contexts: self.examples,
            seconds: Seconds { load: 0.0, prepare, network, write: total - prepare - network, total },
            flops,
            flops_per_second: flops / network,
            predicted_memory_bytes: self.need.bytes,
            peak_memory_bytes: memory::peak_bytes(),
            card_memory_bytes: self.model.card_memory().map(|card| card.held),
            labels,
            records: self.records,
            examples: self.placements,
            warnings: self.warnings,
        }
    }
}

/// A sentence where the network reads no example.
fn unread(model: &Model) -> Option<String> {
    (!model.info.reads_examples).then(|| {
        "These weights are a U-Net that knows one task: it read no example; the examples only say what the result \
         is called, its range of intensities, and how closely to look."
            .into()
    })
}

fn total_flops(work: &Work) -> f64 {
    work.values().map(|cost| cost.flops).sum()
}

fn list(values: &[u16]) -> String {
    let shown: Vec<_> = values.iter().take(20).map(u16::to_string).collect();
    let more = if values.len() > shown.len() { ", …" } else { "" };
    if shown.is_empty() { "no label".into() } else { format!("{}{more}", shown.join(", ")) }
}

/// An error where the label of an example does not lie on its image.
pub fn must_agree(example: &str, image: &Grid, label: &Grid) -> Result<()> {
    if image.agrees_with(label) {
        return Ok(());
    }
    let how = match image.corner_distance_voxels(label) {
        Some(distance) => format!("its corners are {distance:.1} voxels away"),
        None => format!("{:?} voxels instead of {:?}", label.shape, image.shape),
    };
    Err(Error::Geometry {
        problem: format!(
            "The label of example {example} does not lie on its image ({how}); resample it through the world, \
             or give it the image's header if only the header is wrong."
        ),
    })
}
