//! The run: Idle → Running → Done, Failed or Cancelled, and from each of these to Running again.

use super::case::{Case, Pair};
use crate::jobs::JobId;
use imaging::LabelMap;
use imaging::io::Scan;
use inference::pipeline::{Report, Stage};
use std::sync::Arc;
use std::time::Instant;

/// Where the network's work stands.
pub enum Run {
    /// Nothing was run yet.
    Idle,
    /// A run is under way.
    Running {
        /// Its name at the worker.
        ticket: JobId,
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
    /// The last run was stopped by the user.
    Cancelled,
}

impl Run {
    /// Whether a run is under way.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    /// The running ticket.
    pub fn ticket(&self) -> Option<JobId> {
        match self {
            Self::Running { ticket, .. } => Some(*ticket),
            _ => None,
        }
    }

    /// What the last finished run measured.
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Done(report) => Some(report),
            _ => None,
        }
    }
}

/// What a run reads. Its result belongs to these very volumes; others on the same grid may be another patient's.
pub struct Inputs {
    target: Arc<Scan>,
    examples: Vec<(Arc<Scan>, Arc<LabelMap>)>,
}

impl Inputs {
    /// What a run of this case would read.
    pub fn of(case: &Case) -> Option<Self> {
        let examples = case.on().map(|pair| (pair.image.clone(), pair.label.clone())).collect();
        Some(Self { target: case.target.clone()?, examples })
    }

    /// Whether the case still holds the target and every example.
    pub fn are_in(&self, case: &Case) -> bool {
        let held = |(image, label): &(Arc<Scan>, Arc<LabelMap>)| {
            let same = |pair: &Pair| Arc::ptr_eq(&pair.image, image) && Arc::ptr_eq(&pair.label, label);
            case.examples.iter().any(same)
        };
        let target = case.target.as_ref();
        target.is_some_and(|target| Arc::ptr_eq(target, &self.target)) && self.examples.iter().all(held)
    }
}

/// A stage in words.
pub fn describe(stage: Option<&Stage>) -> String {
    match stage {
        None => "Starting".into(),
        Some(Stage::Preparing { done, total }) => {
            format!("Preparing image {} of {total}", (done + 1).min(*total))
        }
        Some(Stage::Bending { done, total }) => {
            format!("Bending example {} of {total}", (done + 1).min(*total))
        }
        Some(Stage::Reading { label, labels, pairs: 1, .. }) if *labels > 1 => {
            format!("Label {label} of {labels}")
        }
        Some(Stage::Reading { label, labels, look, pair, pairs, .. }) if *labels > 1 => {
            let closer = if *look > 1 { ", closer" } else { "" };
            format!("Label {label} of {labels}{closer} · {pair} of {pairs} read")
        }
        Some(Stage::Reading { pair, pairs, .. }) => format!("Reading example {pair} of {pairs}"),
        Some(Stage::Restoring) => "Laying the result on the scan".into(),
    }
}
