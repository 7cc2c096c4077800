//! The run: Idle → Running → Done, Failed or Cancelled, and from each of these to Running again.

use super::{Layout, Platform, State, messages};
use crate::document::{FoundLabel, JobKey, MaskInfo, PartId, Provenance, Status};
use crate::jobs::{Compute, Failure, Job, JobId, Jobs, Outcome, Prediction};
use inference::pipeline::{Options, Report, Stage};
use std::sync::Arc;
use std::time::Instant;

/// Where the network's work stands.
pub enum Run {
    /// Nothing was run yet.
    Idle,
    /// A run is under way.
    Running {
        /// The job.
        job: Job,
        /// What it reads. Its result belongs to these very contents; others on the same grid may be another patient's.
        inputs: JobKey<()>,
        /// What it does now; None until the first step is reported.
        stage: Option<Stage>,
        /// Part that is done.
        fraction: f32,
        /// When it began.
        started: Instant,
        /// Whether the user asked to stop it.
        stopping: bool,
    },
    /// The last run ended with a proposal.
    Done(Arc<Report>),
    /// The last run failed; the sentence is shown as a notice.
    Failed,
    /// The last run was stopped.
    Cancelled,
}

impl Run {
    /// Whether a run is under way.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    /// What the last finished run measured.
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Done(report) => Some(report),
            _ => None,
        }
    }

    /// Stops it at its next check.
    pub fn stop(&mut self) {
        if let Self::Running { job, stopping, .. } = self {
            *stopping = true;
            job.cancel();
        }
    }

    /// Updates its progress.
    pub(super) fn take_progress(&mut self, jobs: &Jobs) {
        if let Self::Running { job, stage, fraction, .. } = self
            && let Some(now) = jobs.progress(job)
        {
            (*stage, *fraction) = (Some(now.stage), now.fraction);
        }
    }
}

impl State {
    /// Starts a run on the target with the examples that are on.
    pub fn start_run(&mut self, platform: &mut Platform) {
        let Some(target) = self.document.target() else { return };
        let examples = self.examples_on().map(|example| PartId::Example(example.id()));
        let parts = [PartId::Target(target.id())].into_iter().chain(examples);
        let Some(inputs) = self.document.job((), parts) else { return };
        let options = Options {
            mini_context: Some(self.at_once()),
            labels: self.wanted_labels(),
            names: self.document.labels().names(),
            ..Options::default()
        };
        let (target, examples) = (self.image_for_run(target.scan()), self.examples_for_run());
        let job = platform.jobs.compute(Compute::Segment { target, examples, options });
        let started = Instant::now();
        self.run = Run::Running { job, inputs, stage: None, fraction: 0.0, started, stopping: false };
    }

    /// Stops a run whose target or examples have left the document: its result would belong to nothing.
    pub(super) fn supersede_run(&mut self) {
        let Run::Running { job, inputs, .. } = &self.run else { return };
        if !self.document.is_current(inputs) {
            job.cancel();
            self.run = Run::Cancelled;
            self.notify("The run was stopped, since its target or one of its examples is gone.");
        }
    }

    /// Ends a run with its outcome; that of a superseded run is ignored.
    pub(super) fn run_ended(&mut self, id: JobId, outcome: Outcome<Box<Prediction>>) {
        match &self.run {
            Run::Running { job, .. } if job.id == id => {}
            _ => return,
        }
        let Run::Running { inputs, .. } = std::mem::replace(&mut self.run, Run::Idle) else { return };
        match outcome {
            Ok(done) => self.propose(inputs, *done),
            Err(Failure::Cancelled) => {
                self.run = Run::Cancelled;
                self.notify("The run was stopped; nothing was changed.");
            }
            Err(failure) => {
                self.run = Run::Failed;
                self.warn(messages::failure(&failure));
            }
        }
    }

    /// A prediction arrives as a proposal beside everything else; it replaces no mask.
    fn propose(&mut self, JobKey { inputs, .. }: JobKey<()>, Prediction { voxels, report }: Prediction) {
        let report = Arc::new(report);
        let target = self.document.target().map(|target| target.id());
        let number = if self.predictions.0 == target { self.predictions.1 + 1 } else { 1 };
        self.predictions = (target, number);
        let examples = if report.contexts == 1 { "example" } else { "examples" };
        let (contexts, at_once, seconds) = (report.contexts, report.mini_context, report.seconds.total);
        let summary = format!("{contexts} {examples} · ℓ = {at_once} · {seconds:.1} s");
        let info = MaskInfo {
            name: format!("Prediction {number}"),
            status: Status::Proposal,
            provenance: Provenance::Predicted { inputs, summary },
            remarks: report.warnings.clone(),
        };
        let values = report.labels.iter().map(|label| label.value);
        let found = FoundLabel::named(values, &self.document.labels().names());
        let title = info.name.clone();
        let Some(mask) = self.edit(&title, |draft| draft.add_mask(voxels, &found, info)) else { return };
        // The first one is shown where it is; later ones where the user is looking.
        self.turn_to = (number == 1).then_some(mask);
        self.reports.insert(mask, report.clone());
        self.run = Run::Done(report);
        self.settings.shown = Some(mask);
        (self.settings.overlay, self.settings.layout) = (true, Layout::Compare);
    }
}
