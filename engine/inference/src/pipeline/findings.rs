//! What a run collects for its report: preprocessing records, placements of the examples, and warnings.

use super::memory_budget::Need;
use super::report::{LabelVolume, Seconds};
use super::run::Run;
use super::{Options, Placement, PreprocessingRecord, Report};
use imaging::error::list;
use imaging::{Error, LabelMap, Result, memory};
use network::Model;

/// Records, placements and warnings of one run.
pub struct Findings<'a> {
    pub options: &'a Options,
    pub records: Vec<PreprocessingRecord>,
    pub placements: Vec<Placement>,
    pub warnings: Vec<String>,
    need: Need,
}

impl<'a> Findings<'a> {
    /// Starts with the warnings that follow from the model and from the available memory.
    pub fn new(model: &Model, need: Need, options: &'a Options) -> Self {
        let warnings = unread_examples(model).into_iter().chain(need.fewer.clone()).collect();
        Self { options, records: Vec::new(), placements: Vec::new(), warnings, need }
    }

    /// For each example, whether it is used: flagged examples are not, unless all are flagged. Adds a warning for each
    /// flagged one.
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

    /// Adds a warning about `labels`, unless there are none; `verb` in singular and plural.
    pub fn warn_of(&mut self, labels: &[u16], verb: [&str; 2], rest: &str) {
        if !labels.is_empty() {
            let verb = verb[usize::from(labels.len() > 1)];
            self.warnings.push(format!("{} {verb} {rest}", self.options.name_all(labels)));
        }
    }

    /// The report of a finished run; `result` is the mask with its labels. Warns of labels without a voxel.
    pub fn report(mut self, run: &Run, result: Option<(&LabelMap, &[u16])>) -> Report {
        let (seconds, flops) = run.cost();
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
        let Seconds { network, .. } = seconds;
        Report {
            device: run.model.device().name.clone(),
            threads: rayon::current_num_threads(),
            model: run.model.info.clone(),
            pipeline: self.options.pipeline,
            mini_context: self.need.at_once,
            contexts: self.placements.len(),
            seconds,
            flops,
            flops_per_second: flops / network,
            predicted_memory_bytes: self.need.bytes,
            peak_memory_bytes: memory::peak_bytes(),
            card_memory_bytes: run.model.card_memory().map(|card| card.held),
            labels,
            records: self.records,
            examples: self.placements,
            warnings: self.warnings,
        }
    }
}

impl Options {
    /// Label values with their names, where these are known.
    pub(super) fn name_all(&self, labels: &[u16]) -> String {
        let named = |&label: &u16| match self.names.known(label) {
            Some(name) => format!("Label {label} ({name})"),
            None => format!("Label {label}"),
        };
        labels.iter().map(named).collect::<Vec<_>>().join(", ")
    }

    /// The labels to segment: those requested, otherwise all of `present`, the labels that any example holds.
    pub(super) fn wanted(&self, model: &Model, present: impl Iterator<Item = u16>) -> Result<Vec<u16>> {
        let mut present: Vec<u16> = present.collect();
        present.sort_unstable();
        present.dedup();
        let mut wanted = self.labels.clone();
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
        if !model.info.reads_examples && wanted.len() > 1 {
            return Err(Error::SeveralStructures { labels: wanted });
        }
        Ok(wanted)
    }
}

/// A warning if the network reads no examples.
fn unread_examples(model: &Model) -> Option<String> {
    (!model.info.reads_examples).then(|| {
        "These weights are a U-Net that knows one task: it read no example; the examples only say what the result \
         is called, its range of intensities, and how closely to look."
            .into()
    })
}
