//! The edits of a document. Every edit holds the state before and after, so it can be applied and reverted.

use super::delta::{DeltaError, VoxelDelta};
use super::ids::{ExampleId, MaskId, PartId, Revision, TargetId};
use super::labels::LabelChange;
use super::mask::{Mask, MaskInfo};
use super::parts::{Example, ExampleInfo, Target, scan_bytes};
use std::fmt;

/// One change of one part, with its revisions before (`from`) and after (`to`) where its content changes.
#[derive(Clone, Debug)]
pub enum Edit {
    /// The target is set, exchanged or cleared.
    Target {
        /// Target before.
        from: Option<Target>,
        /// Target after.
        to: Option<Target>,
    },
    /// An example comes to position `at`.
    ExampleAdded {
        /// Position on the shelf.
        at: usize,
        /// The example.
        example: Box<Example>,
    },
    /// The example at position `at` goes.
    ExampleRemoved {
        /// Position on the shelf.
        at: usize,
        /// The example.
        example: Box<Example>,
    },
    /// An example is switched or renamed.
    ExampleChanged {
        /// The example.
        id: ExampleId,
        /// Before.
        from: ExampleInfo,
        /// After.
        to: ExampleInfo,
    },
    /// A mask comes to position `at`.
    MaskAdded {
        /// Position among the masks.
        at: usize,
        /// The mask.
        mask: Box<Mask>,
    },
    /// The mask at position `at` goes.
    MaskRemoved {
        /// Position among the masks.
        at: usize,
        /// The mask.
        mask: Box<Mask>,
    },
    /// A mask is accepted, marked as edited or renamed.
    MaskChanged {
        /// The mask.
        id: MaskId,
        /// Before.
        from: MaskInfo,
        /// After.
        to: MaskInfo,
    },
    /// Voxels of a mask change.
    Voxels {
        /// Which, from what, to what.
        delta: VoxelDelta,
        /// Revision before.
        from: Revision,
        /// Revision after.
        to: Revision,
    },
    /// Entries of the label table come, go or change.
    Labels {
        /// The entries.
        changes: Vec<LabelChange>,
        /// Revision before.
        from: Revision,
        /// Revision after.
        to: Revision,
    },
}

impl Edit {
    /// The part that changes.
    pub fn part(&self) -> Option<PartId> {
        match self {
            Self::Target { from, to } => to.as_ref().or(from.as_ref()).map(|t| PartId::Target(t.id)),
            Self::ExampleAdded { example, .. } | Self::ExampleRemoved { example, .. } => {
                Some(PartId::Example(example.id))
            }
            Self::ExampleChanged { id, .. } => Some(PartId::Example(*id)),
            Self::MaskAdded { mask, .. } | Self::MaskRemoved { mask, .. } => Some(PartId::Mask(mask.id)),
            Self::MaskChanged { id, .. } => Some(PartId::Mask(*id)),
            Self::Voxels { delta, .. } => Some(PartId::Mask(delta.mask())),
            Self::Labels { .. } => Some(PartId::Labels),
        }
    }

    /// Whether the edit changes nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Target { from, to } => {
                let id = |target: &Option<Target>| -> Option<TargetId> { target.as_ref().map(Target::id) };
                id(from) == id(to)
            }
            Self::ExampleChanged { from, to, .. } => from == to,
            Self::MaskChanged { from, to, .. } => from == to,
            Self::Voxels { delta, .. } => delta.is_empty(),
            Self::Labels { changes, .. } => changes.iter().all(|change| change.from == change.to),
            _ => false,
        }
    }

    /// Bytes that the history holds because of this edit. Volumes that never change count where they leave the
    /// document: as long as they are in it, they cost nothing more.
    pub fn bytes(&self) -> usize {
        let held = match self {
            Self::Target { from, .. } => from.as_ref().map_or(0, |target| scan_bytes(&target.scan)),
            Self::ExampleRemoved { example, .. } => {
                scan_bytes(&example.image) + size_of_val(example.labels.voxels.as_slice())
            }
            // Its bricks stay when strokes replace them in the document.
            Self::MaskAdded { mask, .. } | Self::MaskRemoved { mask, .. } => mask.voxels.bytes(),
            Self::Voxels { delta, .. } => delta.bytes(),
            Self::Labels { changes, .. } => size_of_val(changes.as_slice()),
            Self::ExampleAdded { .. } | Self::ExampleChanged { .. } | Self::MaskChanged { .. } => 0,
        };
        size_of::<Self>() + held
    }

    /// This edit and then `next` as one, where both change the same part in the same way.
    pub(super) fn merge(&self, next: &Self) -> Option<Self> {
        match (self, next) {
            (Self::Voxels { delta, from, .. }, Self::Voxels { delta: later, to, .. }) => {
                Some(Self::Voxels { delta: delta.merge(later).ok()?, from: *from, to: *to })
            }
            (Self::MaskChanged { id, from, .. }, Self::MaskChanged { id: same, to, .. }) if id == same => {
                Some(Self::MaskChanged { id: *id, from: from.clone(), to: to.clone() })
            }
            (Self::ExampleChanged { id, from, .. }, Self::ExampleChanged { id: same, to, .. })
                if id == same =>
            {
                Some(Self::ExampleChanged { id: *id, from: from.clone(), to: to.clone() })
            }
            (Self::Labels { changes, from, .. }, Self::Labels { changes: later, to, .. }) => {
                let mut changes = changes.clone();
                for change in later {
                    match changes.iter_mut().find(|earlier| earlier.value == change.value) {
                        Some(earlier) => earlier.to.clone_from(&change.to),
                        None => changes.push(change.clone()),
                    }
                }
                Some(Self::Labels { changes, from: *from, to: *to })
            }
            _ => None,
        }
    }
}

/// Why an edit cannot be applied: it was made for an earlier state of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EditError {
    /// The part is not there, is there already, or has another content.
    Stale(PartId),
    /// The position is beyond the end of the list.
    Position(usize),
    /// The mask is locked.
    Locked(MaskId),
    /// There is no target that masks could lie on, or masks lie on the target that is to go.
    Target,
    /// The voxels are not those that the edit starts from.
    Voxels(DeltaError),
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the change was made for an earlier state of the document: ")?;
        match self {
            Self::Stale(part) => write!(f, "{part:?} is not what it was"),
            Self::Position(at) => write!(f, "there is no position {at}"),
            Self::Locked(mask) => write!(f, "{mask:?} is locked"),
            Self::Target => write!(f, "masks and target do not go together"),
            Self::Voxels(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EditError {}

impl From<DeltaError> for EditError {
    fn from(error: DeltaError) -> Self {
        Self::Voxels(error)
    }
}
