//! Undo and redo.

use super::apply::Way;
use super::bounds::Bounds;
use super::document::Document;
use super::edit::{Edit, EditError};
use super::ids::{MaskId, PartId, Revision};
use super::transaction::Transaction;
use std::collections::VecDeque;

/// Bytes that a history may hold before it drops its oldest steps.
const BYTES: usize = 256_000_000;
/// Steps that are kept regardless of their size.
const STEPS: usize = 100;

/// What a step, or its undo or redo, changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// What the step is called.
    pub label: String,
    /// Boxes of masks whose voxels changed: where the view moves to.
    pub regions: Vec<(MaskId, Bounds)>,
    /// Every part that came, went or changed, in the order of its first edit.
    pub parts: Vec<PartId>,
}

impl Changes {
    fn of(transaction: &Transaction) -> Self {
        let (mut regions, mut parts) = (Vec::<(MaskId, Bounds)>::new(), Vec::new());
        for edit in transaction.edits() {
            if let Edit::Voxels { delta, .. } = edit
                && let Some(bounds) = delta.bounds()
            {
                match regions.iter_mut().find(|(mask, _)| *mask == delta.mask()) {
                    Some((_, all)) => *all = all.union(&bounds),
                    None => regions.push((delta.mask(), bounds)),
                }
            }
            parts.extend(edit.part().filter(|part| !parts.contains(part)));
        }
        Self { label: transaction.label(), regions, parts }
    }
}

/// A transaction between two revisions of the document.
#[derive(Clone, Debug)]
struct Step {
    transaction: Transaction,
    from: Revision,
    to: Revision,
    bytes: usize,
}

impl Step {
    fn new(transaction: Transaction, from: Revision, to: Revision) -> Self {
        let bytes = transaction.bytes();
        Self { transaction, from, to, bytes }
    }
}

/// The steps of one document, and which of its states is on disk.
#[derive(Clone, Debug)]
pub struct History {
    past: VecDeque<Step>,
    /// The next step to redo is the last.
    future: Vec<Step>,
    saved: Revision,
    limit: usize,
}

impl History {
    /// The history of a document that is on disk as it is, or new, with the usual limit of 256 MB.
    pub fn new(document: &Document) -> Self {
        Self::with_limit(document, BYTES)
    }

    /// As [`History::new`] with a limit of bytes; 100 steps are kept however large they are.
    pub fn with_limit(document: &Document, limit: usize) -> Self {
        Self { past: VecDeque::new(), future: Vec::new(), saved: document.revision(), limit }
    }

    /// Takes back the last step. `None` where there is none.
    ///
    /// # Errors
    /// [`EditError`] where the document is not the one that this history followed; it stays as it is.
    pub fn undo(&mut self, document: &mut Document) -> Result<Option<Changes>, EditError> {
        let Some(step) = self.past.back() else { return Ok(None) };
        document.go(step.transaction.edits(), Way::Back)?;
        document.revision = step.from;
        let changes = Changes::of(&step.transaction);
        self.future.extend(self.past.pop_back());
        Ok(Some(changes))
    }

    /// Makes the step again that was taken back last. `None` where there is none.
    ///
    /// # Errors
    /// As [`History::undo`].
    pub fn redo(&mut self, document: &mut Document) -> Result<Option<Changes>, EditError> {
        let Some(step) = self.future.last() else { return Ok(None) };
        document.go(step.transaction.edits(), Way::Forward)?;
        document.revision = step.to;
        let changes = Changes::of(&step.transaction);
        self.past.extend(self.future.pop());
        Ok(Some(changes))
    }

    /// Steps that can be taken back, the oldest first.
    pub fn past(&self) -> impl DoubleEndedIterator<Item = &Transaction> + ExactSizeIterator {
        self.past.iter().map(|step| &step.transaction)
    }

    /// Steps that can be made again, the next one first.
    pub fn future(&self) -> impl DoubleEndedIterator<Item = &Transaction> + ExactSizeIterator {
        self.future.iter().rev().map(|step| &step.transaction)
    }

    /// Notes that the document is on disk as it was at `revision`.
    pub fn mark_saved(&mut self, revision: Revision) {
        self.saved = revision;
    }

    /// Whether the document differs from what is on disk.
    pub fn is_dirty(&self, document: &Document) -> bool {
        document.revision() != self.saved
    }

    /// Bytes that the steps hold.
    pub fn bytes(&self) -> usize {
        self.past.iter().chain(&self.future).map(|step| step.bytes).sum()
    }

    /// Enters edits that the document has just been through.
    pub(super) fn record(&mut self, document: &mut Document, transaction: Transaction) -> Changes {
        let changes = Changes::of(&transaction);
        let from = std::mem::replace(&mut document.revision, document.counter.revision());
        let mut step = Step::new(transaction, from, document.revision);
        if let Some((last, merged)) = self.merged(&step.transaction) {
            if merged.is_empty() {
                for transaction in [&step.transaction, &last.transaction] {
                    document.go(transaction.edits(), Way::Back).expect("the last steps can be taken back");
                }
                document.revision = last.from;
                self.past.pop_back();
                return changes;
            }
            step = Step::new(merged, last.from, step.to);
            self.past.pop_back();
        }
        self.future.clear();
        self.past.push_back(step);
        let mut bytes = self.bytes();
        while bytes > self.limit && self.past.len() > STEPS {
            bytes -= self.past.pop_front().map_or(0, |step| step.bytes);
        }
        changes
    }

    /// The last step, and what it becomes with the next of its series. A state that undo has just come back to, or that
    /// is on disk, stays a step of its own.
    fn merged(&self, next: &Transaction) -> Option<(&Step, Transaction)> {
        let last = self.past.back().filter(|last| self.future.is_empty() && last.to != self.saved)?;
        Some((last, last.transaction.merge(next)?))
    }
}
