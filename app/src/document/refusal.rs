//! Why a requested change is refused, as data; the window words it for its status line.

use super::edit::EditError;
use super::ids::PartId;
use super::mask::Status;

/// The reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The part is not in the document (any more).
    NoPart(PartId),
    /// There is no target.
    NoTarget,
    /// The volume does not lie on the grid that it is meant for.
    OtherGrid,
    /// The mask is locked by its status; a proposal has to be accepted first.
    MaskLocked(Status),
    /// A mask with the first status cannot get the second.
    NoWay(Status, Status),
    /// The label has no entry in the table.
    NoLabel(u16),
    /// The label value has an entry already.
    LabelTaken(u16),
    /// All 65535 label values have entries.
    NoValueLeft,
    /// The label is locked.
    LabelLocked(u16),
    /// The label occurs in a part whose voxels cannot change.
    LabelHeld(u16, PartId),
    /// The voxel lies beyond the grid.
    BeyondGrid,
    /// The voxel lies outside the region of interest.
    OutsideRegion,
    /// The image lies outside the intensity limits there.
    OutsideLimits,
    /// The paint-over rule leaves this label alone.
    NotPaintedOver(u16),
    /// The eraser takes the active label only, and this is another.
    NotErased(u16),
    /// It is so already.
    Unchanged,
    /// It was made for an earlier state of the document.
    Outdated(EditError),
}

impl From<EditError> for Refusal {
    fn from(error: EditError) -> Self {
        Self::Outdated(error)
    }
}
