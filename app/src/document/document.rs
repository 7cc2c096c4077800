//! The document: what is saved.

use super::ids::{Counter, ExampleId, MaskId, PartId, Revision};
use super::labels::LabelTable;
use super::mask::{Mask, Status};
use super::parts::{Example, Target};

/// Target, examples, masks and label table. A clone shares all voxels.
///
/// What is shown, scores, volumes, textures and settings of the next run are no part of it.
#[derive(Clone, Debug)]
pub struct Document {
    pub(super) target: Option<Target>,
    pub(super) examples: Vec<Example>,
    pub(super) masks: Vec<Mask>,
    pub(super) labels: LabelTable,
    pub(super) revision: Revision,
    pub(super) counter: Counter,
}

impl Default for Document {
    fn default() -> Self {
        let mut counter = Counter::default();
        let [labels, revision] = [counter.revision(), counter.revision()];
        let labels = LabelTable::new(labels);
        Self { target: None, examples: Vec::new(), masks: Vec::new(), labels, revision, counter }
    }
}

impl Document {
    /// The scan to segment.
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// The example shelf, in order of arrival.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// An example.
    pub fn example(&self, id: ExampleId) -> Option<&Example> {
        self.examples.iter().find(|example| example.id == id)
    }

    /// Masks on the target, in order of arrival.
    pub fn masks(&self) -> &[Mask] {
        &self.masks
    }

    /// A mask.
    pub fn mask(&self, id: MaskId) -> Option<&Mask> {
        self.masks.iter().find(|mask| mask.id == id)
    }

    /// What predictions are compared with; there is one at most.
    pub fn reference(&self) -> Option<&Mask> {
        self.masks.iter().find(|mask| mask.info.status == Status::Reference)
    }

    /// The label table of all masks and examples.
    pub fn labels(&self) -> &LabelTable {
        &self.labels
    }

    /// Names the document as it is, down to names and switches.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Names the content of a part; `None` where it is not here.
    pub fn revision_of(&self, part: PartId) -> Option<Revision> {
        match part {
            PartId::Target(id) => self.target().filter(|target| target.id == id).map(Target::revision),
            PartId::Example(id) => self.example(id).map(Example::revision),
            PartId::Mask(id) => self.mask(id).map(Mask::revision),
            PartId::Labels => Some(self.labels.revision),
        }
    }

    /// Shows or hides a label. A matter of viewing: no step of undo, no new revision.
    pub fn show_label(&mut self, value: u16, visible: bool) {
        self.labels.show(value, visible);
    }
}
