//! Applies and reverts edits. All writes to a document's parts are here.

use super::document::Document;
use super::edit::{Edit, EditError};
use super::ids::{MaskId, PartId, Revision};
use super::mask::Mask;
use super::parts::{Example, Target};

/// Whether an edit is applied or reverted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Forward,
    Back,
}

impl Way {
    fn opposite(self) -> Self {
        if self == Self::Forward { Self::Back } else { Self::Forward }
    }

    /// What an edit that goes this way starts from and leads to.
    fn ends<T>(self, from: T, to: T) -> (T, T) {
        if self == Self::Forward { (from, to) } else { (to, from) }
    }
}

impl Document {
    /// Applies all edits in order, or reverts all from the last to the first; if one does not fit, nothing changes.
    pub(super) fn go(&mut self, edits: &[Edit], way: Way) -> Result<(), EditError> {
        let in_order: Vec<&Edit> = match way {
            Way::Forward => edits.iter().collect(),
            Way::Back => edits.iter().rev().collect(),
        };
        for (done, edit) in in_order.iter().enumerate() {
            if let Err(error) = self.step(edit, way) {
                for edit in in_order[..done].iter().rev() {
                    self.step(edit, way.opposite()).expect("a step that was just made can be taken back");
                }
                return Err(error);
            }
        }
        Ok(())
    }

    pub(super) fn step(&mut self, edit: &Edit, way: Way) -> Result<(), EditError> {
        match (edit, way) {
            (Edit::Target { from, to }, _) => {
                let (from, to) = way.ends(from, to);
                self.exchange_target(from.as_ref(), to.clone())
            }
            (Edit::ExampleAdded { at, example }, Way::Forward)
            | (Edit::ExampleRemoved { at, example }, Way::Back) => self.insert_example(*at, example),
            (Edit::ExampleAdded { at, example }, Way::Back)
            | (Edit::ExampleRemoved { at, example }, Way::Forward) => self.take_example(*at, example),
            (Edit::ExampleChanged { id, from, to }, _) => {
                let (from, to) = way.ends(from, to);
                let mut examples = self.examples.iter_mut();
                let example = examples.find(|example| example.id == *id && example.info == *from);
                example.ok_or(EditError::Stale(PartId::Example(*id)))?.info = to.clone();
                Ok(())
            }
            (Edit::MaskAdded { at, mask }, Way::Forward) | (Edit::MaskRemoved { at, mask }, Way::Back) => {
                self.insert_mask(*at, mask)
            }
            (Edit::MaskAdded { at, mask }, Way::Back) | (Edit::MaskRemoved { at, mask }, Way::Forward) => {
                self.take_mask(*at, mask)
            }
            (Edit::MaskChanged { id, from, to }, _) => {
                let (from, to) = way.ends(from, to);
                let mask = self.masks.iter_mut().find(|mask| mask.id == *id && mask.info == *from);
                mask.ok_or(EditError::Stale(PartId::Mask(*id)))?.info = to.clone();
                Ok(())
            }
            (Edit::Voxels { delta, from, to }, _) => {
                let (from, to) = way.ends(*from, *to);
                let mask = self.mask_at(delta.mask(), from)?;
                match way {
                    Way::Forward if !mask.info.status.is_editable() => {
                        return Err(EditError::Locked(mask.id));
                    }
                    Way::Forward => delta.apply(&mut mask.voxels)?,
                    Way::Back => delta.revert(&mut mask.voxels)?,
                }
                mask.revision = to;
                Ok(())
            }
            (Edit::Labels { changes, from, to }, _) => {
                let (from, to) = way.ends(*from, *to);
                let changes = changes.iter().map(|change| {
                    let (from, to) = way.ends(&change.from, &change.to);
                    (change.value, from, to)
                });
                if self.labels.revision != from || !self.labels.put(changes) {
                    return Err(EditError::Stale(PartId::Labels));
                }
                self.labels.revision = to;
                Ok(())
            }
        }
    }

    fn exchange_target(&mut self, from: Option<&Target>, to: Option<Target>) -> Result<(), EditError> {
        if !self.masks.is_empty() || self.target.as_ref().map(Target::id) != from.map(Target::id) {
            return Err(EditError::Target);
        }
        self.target = to;
        Ok(())
    }

    fn insert_example(&mut self, at: usize, example: &Example) -> Result<(), EditError> {
        if self.example(example.id).is_some() {
            return Err(EditError::Stale(PartId::Example(example.id)));
        }
        if at > self.examples.len() {
            return Err(EditError::Position(at));
        }
        self.examples.insert(at, example.clone());
        Ok(())
    }

    fn take_example(&mut self, at: usize, example: &Example) -> Result<(), EditError> {
        match self.examples.get(at) {
            Some(here) if (here.id, &here.info) == (example.id, &example.info) => {
                self.examples.remove(at);
                Ok(())
            }
            _ => Err(EditError::Stale(PartId::Example(example.id))),
        }
    }

    fn insert_mask(&mut self, at: usize, mask: &Mask) -> Result<(), EditError> {
        let shape = self.target.as_ref().map(|target| target.scan.volume.grid.shape);
        if shape != Some(mask.voxels.shape()) {
            return Err(EditError::Target);
        }
        if self.mask(mask.id).is_some() {
            return Err(EditError::Stale(PartId::Mask(mask.id)));
        }
        if at > self.masks.len() {
            return Err(EditError::Position(at));
        }
        self.masks.insert(at, mask.clone());
        Ok(())
    }

    fn take_mask(&mut self, at: usize, mask: &Mask) -> Result<(), EditError> {
        match self.masks.get(at) {
            Some(here) if (here.id, here.revision, &here.info) == (mask.id, mask.revision, &mask.info) => {
                self.masks.remove(at);
                Ok(())
            }
            _ => Err(EditError::Stale(PartId::Mask(mask.id))),
        }
    }

    fn mask_at(&mut self, id: MaskId, revision: Revision) -> Result<&mut Mask, EditError> {
        let mask = self.masks.iter_mut().find(|mask| mask.id == id && mask.revision == revision);
        mask.ok_or(EditError::Stale(PartId::Mask(id)))
    }
}
