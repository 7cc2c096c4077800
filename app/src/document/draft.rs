//! A draft: the edits of a step before it enters the history.

use super::apply::Way;
use super::bricks::Bricks;
use super::delta::VoxelDelta;
use super::document::Document;
use super::edit::Edit;
use super::history::{Changes, History};
use super::ids::{ExampleId, MaskId, PartId, TargetId};
use super::labels::FoundLabel;
use super::mask::{Mask, MaskInfo, Status};
use super::parts::{Example, ExampleInfo, Target};
use super::refusal::Refusal;
use super::transaction::{Series, Transaction};
use imaging::LabelMap;
use imaging::io::Scan;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Changes a document edit by edit. They become one step of the history, or are taken back when the draft is dropped:
/// whatever is refused half-way leaves the document as it was.
pub struct Draft<'a> {
    pub(super) document: &'a mut Document,
    edits: Vec<Edit>,
    subject: Option<u16>,
    series: Option<Series>,
}

impl Document {
    /// Begins a step. This is the only way to change a document.
    pub fn draft(&mut self) -> Draft<'_> {
        Draft { document: self, edits: Vec::new(), subject: None, series: None }
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        self.document.go(&self.edits, Way::Back).expect("edits that were just made can be taken back");
    }
}

impl Draft<'_> {
    /// The label whose gain or loss of voxels the step's title tells.
    pub fn about(mut self, label: u16) -> Self {
        self.subject = Some(label);
        self
    }

    /// Marks the step as one of a quick series, such as the moves of a slider: those with one title that follow each
    /// other within a second are one step.
    pub fn nudge(mut self) -> Self {
        self.series = Some(Series::Nudge);
        self
    }

    /// Marks the step as part of an act whose parts arrive one after the other: those with one number that follow each
    /// other are one step.
    pub fn batch(mut self, number: u64) -> Self {
        self.series = Some(Series::Batch(number));
        self
    }

    /// The document as edited so far.
    pub fn document(&self) -> &Document {
        self.document
    }

    /// Makes the edits one step with a title, such as `Brush: Hippocampus L`. `time` is the time since any one moment.
    /// Without an edit, nothing happens and the result is `None`.
    pub fn commit(mut self, history: &mut History, title: &str, time: Duration) -> Option<Changes> {
        let edits = std::mem::take(&mut self.edits);
        let (subject, series) = (self.subject, self.series);
        let transaction = Transaction { title: title.into(), subject, series, time, edits };
        (!transaction.edits.is_empty()).then(|| history.record(self.document, transaction))
    }

    /// Sets, exchanges or clears the target. Masks lie on the grid of the target, so they go with it.
    pub fn set_target(&mut self, scan: Option<Arc<Scan>>) -> Result<Option<TargetId>, Refusal> {
        for at in (0..self.document.masks.len()).rev() {
            let mask = Box::new(self.document.masks[at].clone());
            self.push(Edit::MaskRemoved { at, mask })?;
        }
        let counter = &mut self.document.counter;
        let to = scan.map(|scan| Target { id: counter.target(), revision: counter.revision(), scan });
        let id = to.as_ref().map(Target::id);
        self.push(Edit::Target { from: self.document.target.clone(), to })?;
        Ok(id)
    }

    /// Removes everything: target, masks, examples and labels.
    ///
    /// # Errors
    /// None in a document whose parts belong together.
    pub fn clear(&mut self) -> Result<(), Refusal> {
        self.set_target(None)?;
        let examples: Vec<ExampleId> = self.document.examples.iter().map(|example| example.id).collect();
        examples.into_iter().rev().try_for_each(|id| self.remove_example(id))?;
        self.clear_labels()
    }

    /// Adds an example; `found` are the label values that it holds, all of them.
    ///
    /// # Errors
    /// [`Refusal::OtherGrid`].
    pub fn add_example(
        &mut self,
        image: Arc<Scan>,
        labels: Arc<LabelMap>,
        found: &[FoundLabel],
        info: ExampleInfo,
    ) -> Result<ExampleId, Refusal> {
        if !image.volume.grid.agrees_with(&labels.grid) {
            return Err(Refusal::OtherGrid);
        }
        self.name_labels(found)?;
        let values: BTreeSet<u16> = found.iter().map(|label| label.value).collect();
        let counter = &mut self.document.counter;
        let (id, revision) = (counter.example(), counter.revision());
        let example = Box::new(Example { id, revision, image, labels, values, info });
        self.push(Edit::ExampleAdded { at: self.document.examples.len(), example })?;
        Ok(id)
    }

    /// Removes an example.
    ///
    /// # Errors
    /// [`Refusal::NoPart`].
    pub fn remove_example(&mut self, id: ExampleId) -> Result<(), Refusal> {
        let at = self.document.examples.iter().position(|example| example.id == id);
        let at = at.ok_or(Refusal::NoPart(PartId::Example(id)))?;
        let example = Box::new(self.document.examples[at].clone());
        self.push(Edit::ExampleRemoved { at, example })
    }

    /// Switches an example on or off, or renames it.
    ///
    /// # Errors
    /// [`Refusal::NoPart`].
    pub fn change_example(&mut self, id: ExampleId, to: ExampleInfo) -> Result<(), Refusal> {
        let example = self.document.example(id).ok_or(Refusal::NoPart(PartId::Example(id)))?;
        let from = example.info.clone();
        self.push(Edit::ExampleChanged { id, from, to })
    }

    /// Adds a mask; `found` are the label values that it holds, all of them.
    ///
    /// # Errors
    /// [`Refusal::NoTarget`], [`Refusal::OtherGrid`].
    pub fn add_mask(
        &mut self,
        voxels: Bricks,
        found: &[FoundLabel],
        info: MaskInfo,
    ) -> Result<MaskId, Refusal> {
        let target = self.document.target().ok_or(Refusal::NoTarget)?;
        if target.scan.volume.grid.shape != voxels.shape() {
            return Err(Refusal::OtherGrid);
        }
        self.name_labels(found)?;
        let counter = &mut self.document.counter;
        let (id, revision) = (counter.mask(), counter.revision());
        let mask = Box::new(Mask { id, revision, voxels, info });
        self.push(Edit::MaskAdded { at: self.document.masks.len(), mask })?;
        Ok(id)
    }

    /// Removes a mask, or rejects a proposal.
    ///
    /// # Errors
    /// [`Refusal::NoPart`].
    pub fn remove_mask(&mut self, id: MaskId) -> Result<(), Refusal> {
        let at = self.document.masks.iter().position(|mask| mask.id == id);
        let at = at.ok_or(Refusal::NoPart(PartId::Mask(id)))?;
        let mask = Box::new(self.document.masks[at].clone());
        self.push(Edit::MaskRemoved { at, mask })
    }

    /// Accepts a proposal.
    ///
    /// # Errors
    /// [`Refusal::NoPart`], [`Refusal::NoWay`].
    pub fn accept_mask(&mut self, id: MaskId) -> Result<(), Refusal> {
        self.move_mask(id, Status::Accepted)
    }

    /// Renames a mask.
    ///
    /// # Errors
    /// [`Refusal::NoPart`].
    pub fn rename_mask(&mut self, id: MaskId, name: &str) -> Result<(), Refusal> {
        let mask = self.document.mask(id).ok_or(Refusal::NoPart(PartId::Mask(id)))?;
        let from = mask.info.clone();
        self.push(Edit::MaskChanged { id, to: MaskInfo { name: name.into(), ..from.clone() }, from })
    }

    /// Writes what a stroke changed, and marks the mask as edited.
    ///
    /// # Errors
    /// [`Refusal::NoPart`], [`Refusal::MaskLocked`], and [`Refusal::Outdated`] where the mask changed since the stroke
    /// began.
    pub fn paint(&mut self, delta: VoxelDelta) -> Result<(), Refusal> {
        let id = delta.mask();
        let mask = self.document.mask(id).ok_or(Refusal::NoPart(PartId::Mask(id)))?;
        if !mask.info.status.is_editable() {
            return Err(Refusal::MaskLocked(mask.info.status));
        }
        let from = mask.revision;
        let to = self.document.counter.revision();
        self.push(Edit::Voxels { delta, from, to })?;
        self.move_mask(id, Status::Edited)
    }

    fn move_mask(&mut self, id: MaskId, status: Status) -> Result<(), Refusal> {
        let mask = self.document.mask(id).ok_or(Refusal::NoPart(PartId::Mask(id)))?;
        let from = mask.info.clone();
        if !from.status.leads_to(status) {
            return Err(Refusal::NoWay(from.status, status));
        }
        self.push(Edit::MaskChanged { id, to: MaskInfo { status, ..from.clone() }, from })
    }

    /// Makes an edit, unless it changes nothing.
    pub(super) fn push(&mut self, edit: Edit) -> Result<(), Refusal> {
        if !edit.is_empty() {
            self.document.step(&edit, Way::Forward)?;
            self.edits.push(edit);
        }
        Ok(())
    }
}
