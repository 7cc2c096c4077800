//! Changes of the label table. A label stands for the same in all masks and examples, so merging and renumbering change
//! voxels as well: those of editable masks, by the same rule as every other tool.

use super::colours::Colour;
use super::draft::Draft;
use super::edit::Edit;
use super::ids::{MaskId, PartId};
use super::labels::{FoundLabel, Label, LabelChange};
use super::refusal::Refusal;
use super::rule::{Action, PaintOver, WriteRule};
use super::stroke::Stroke;

impl Draft<'_> {
    /// Adds a label with the lowest free value, and with the next colour of the sequence where it brings none.
    ///
    /// # Errors
    /// [`Refusal::NoValueLeft`].
    pub fn add_label(&mut self, name: Option<String>, colour: Option<Colour>) -> Result<u16, Refusal> {
        let value = self.document.labels.free_value().ok_or(Refusal::NoValueLeft)?;
        self.name_labels(&[FoundLabel { value, name, colour }])?;
        Ok(value)
    }

    /// Renames, recolours, locks or unlocks a label.
    ///
    /// # Errors
    /// [`Refusal::NoLabel`].
    pub fn change_label(&mut self, value: u16, to: Label) -> Result<(), Refusal> {
        let from = self.label(value)?;
        self.change_labels(vec![LabelChange { value, from: Some(from), to: Some(to) }])
    }

    /// Gives all voxels of a label to another, or to background (0), in every editable mask. The entry goes, unless an
    /// example or a locked mask holds the label still.
    ///
    /// # Errors
    /// [`Refusal::NoLabel`], [`Refusal::LabelLocked`], [`Refusal::Unchanged`] where both are the same.
    pub fn merge_label(&mut self, value: u16, into: u16) -> Result<(), Refusal> {
        let from = self.unlocked_label(value)?;
        if into != 0 {
            self.unlocked_label(into)?;
        }
        if value == into {
            return Err(Refusal::Unchanged);
        }
        self.move_voxels(value, into)?;
        if self.holder(value).is_some() {
            return Ok(());
        }
        self.change_labels(vec![LabelChange { value, from: Some(from), to: None }])
    }

    /// Gives a label another value, with its name and colour.
    ///
    /// # Errors
    /// [`Refusal::NoLabel`], [`Refusal::LabelLocked`], [`Refusal::LabelTaken`], and [`Refusal::LabelHeld`] where an
    /// example or a locked mask would keep the old value.
    pub fn renumber_label(&mut self, value: u16, to: u16) -> Result<(), Refusal> {
        let label = self.unlocked_label(value)?;
        if to == 0 || self.document.labels.get(to).is_some() {
            return Err(Refusal::LabelTaken(to));
        }
        if let Some(part) = self.holder(value) {
            return Err(Refusal::LabelHeld(value, part));
        }
        self.change_labels(vec![LabelChange { value: to, from: None, to: Some(label.clone()) }])?;
        self.move_voxels(value, to)?;
        self.change_labels(vec![LabelChange { value, from: Some(label), to: None }])
    }

    /// Adds the entries that found labels lack.
    pub(super) fn name_labels(&mut self, found: &[FoundLabel]) -> Result<(), Refusal> {
        let missing = self.document.labels.missing(found);
        self.change_labels(missing)
    }

    /// Removes all entries, and what was hidden of them, so that the values of the next document are shown.
    pub(super) fn clear_labels(&mut self) -> Result<(), Refusal> {
        self.document.labels.show_all();
        let entries = self.document.labels.iter();
        let gone = entries.map(|(value, label)| LabelChange { value, from: Some(label.clone()), to: None });
        let changes = gone.collect();
        self.change_labels(changes)
    }

    fn change_labels(&mut self, changes: Vec<LabelChange>) -> Result<(), Refusal> {
        let from = self.document.labels.revision();
        let to = self.document.counter.revision();
        self.push(Edit::Labels { changes, from, to })
    }

    /// Replaces a label by another, or by background, in every editable mask.
    fn move_voxels(&mut self, value: u16, into: u16) -> Result<(), Refusal> {
        let rule = if into == 0 {
            WriteRule { action: Action::Erase, ..WriteRule::paint(value) }
        } else {
            WriteRule { over: PaintOver::Chosen([value].into()), ..WriteRule::paint(into) }
        };
        let editable = self.document.masks.iter().filter(|mask| mask.info.status.is_editable());
        let masks: Vec<MaskId> = editable.map(|mask| mask.id).collect();
        for mask in masks {
            let mut stroke = Stroke::begin(self.document, mask, rule.clone())?;
            let before = stroke.voxels().clone();
            stroke.set_all(before.positions(value));
            if let Ok(delta) = stroke.finish() {
                self.paint(delta)?;
            }
        }
        Ok(())
    }

    /// An example or a locked mask with voxels of this label.
    fn holder(&self, value: u16) -> Option<PartId> {
        let mut examples = self.document.examples.iter();
        let example = examples.find(|example| example.values.contains(&value));
        let locked = self.document.masks.iter().filter(|mask| !mask.info.status.is_editable());
        let mask = || locked.clone().find(|mask| mask.voxels.positions(value).next().is_some());
        let example = example.map(|example| PartId::Example(example.id));
        example.or_else(|| mask().map(|mask| PartId::Mask(mask.id)))
    }

    fn label(&self, value: u16) -> Result<Label, Refusal> {
        self.document.labels.get(value).cloned().ok_or(Refusal::NoLabel(value))
    }

    fn unlocked_label(&self, value: u16) -> Result<Label, Refusal> {
        let label = self.label(value)?;
        if label.locked { Err(Refusal::LabelLocked(value)) } else { Ok(label) }
    }
}
