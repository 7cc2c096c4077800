//! A transaction: the edits that one step of undo reverts.

use super::edit::Edit;
use std::time::Duration;

/// Edits that are applied and reverted together.
#[derive(Clone, Debug)]
pub struct Transaction {
    pub(super) title: String,
    pub(super) subject: Option<u16>,
    pub(super) series: Option<Series>,
    pub(super) time: Duration,
    pub(super) edits: Vec<Edit>,
}

/// A series of steps that undo takes back as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    /// Quick steps of one kind, such as the moves of a slider.
    Nudge,
    /// Parts of one act that arrive one after the other, such as the files of a load; its number.
    Batch(u64),
}

/// Nudges that follow each other within this time are one step.
const NUDGE: Duration = Duration::from_secs(1);

impl Transaction {
    /// What the step is called: `Brush: Hippocampus L, +143 voxels`.
    pub fn label(&self) -> String {
        let change_of = |label| {
            let change =
                |edit: &Edit| if let Edit::Voxels { delta, .. } = edit { delta.change_of(label) } else { 0 };
            self.edits.iter().map(change).sum::<i64>()
        };
        match self.subject.map(change_of) {
            None => self.title.clone(),
            Some(change) => {
                let sign = if change < 0 { '−' } else { '+' };
                let voxels = if change.abs() == 1 { "voxel" } else { "voxels" };
                format!("{}, {sign}{} {voxels}", self.title, change.abs())
            }
        }
    }

    /// When it was made, or nudged last, by the clock that the caller goes by.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Its edits, in order.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// Whether its edits together change nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.edits.iter().all(Edit::is_empty)
    }

    /// Bytes that the history holds because of it.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.title.len() + self.edits.iter().map(Edit::bytes).sum::<usize>()
    }

    /// This and then `next` as one, where both are of one batch, or nudges of one kind in quick succession. Edits that
    /// cancel out stay, since their revisions lead on.
    pub(super) fn merge(&self, next: &Self) -> Option<Self> {
        let alike = (&self.title, self.subject) == (&next.title, next.subject);
        let quick = next.time.checked_sub(self.time).is_some_and(|passed| passed <= NUDGE);
        let one = match self.series {
            None => false,
            Some(Series::Nudge) => quick,
            Some(Series::Batch(_)) => true,
        };
        (one && alike && self.series == next.series).then(|| {
            let mut edits = self.edits.clone();
            for edit in &next.edits {
                match edits.last().and_then(|last| last.merge(edit)) {
                    Some(merged) => *edits.last_mut().expect("there is a last edit") = merged,
                    None => edits.push(edit.clone()),
                }
            }
            Self { time: next.time, edits, ..next.clone() }
        })
    }
}
