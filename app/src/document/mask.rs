//! A mask: voxels, where they came from and what may be done to them.

use super::bricks::Bricks;
use super::ids::{MaskId, PartId, Revision};
use std::path::PathBuf;

/// The status of a mask. A proposal can be accepted, and becomes edited with its first stroke; a reference never
/// changes. A rejected proposal is removed; only undo restores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// A prediction that has not been reviewed. Locked, so that it stays the network's output.
    Proposal,
    /// Accepted without changes.
    Accepted,
    /// Changed, or drawn, by hand.
    Edited,
    /// The reference that predictions are compared with. Locked.
    Reference,
}

impl Status {
    /// Whether tools may write to the mask.
    pub fn is_editable(self) -> bool {
        matches!(self, Self::Accepted | Self::Edited)
    }

    /// Whether this status may change to another.
    pub(super) fn leads_to(self, next: Self) -> bool {
        use Status::{Accepted, Edited, Proposal};
        self == next || matches!((self, next), (Proposal, Accepted) | (Accepted, Edited))
    }
}

/// Where a mask came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// A file.
    File(PathBuf),
    /// A run of the network.
    Predicted {
        /// What it read.
        inputs: Vec<(PartId, Revision)>,
        /// One line for the user: examples, settings, time.
        summary: String,
    },
    /// Created empty in this program.
    Drawn,
}

/// What is said of a mask. It is no content: a change leaves the mask's revision, and so all results about its voxels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskInfo {
    /// Such as `Prediction 2`.
    pub name: String,
    /// Where it stands.
    pub status: Status,
    /// Where it came from.
    pub provenance: Provenance,
    /// What is odd about it: warnings of its file, or of the run that made it.
    pub remarks: Vec<String>,
}

/// Labels on the target's grid.
#[derive(Clone, Debug)]
pub struct Mask {
    pub(super) id: MaskId,
    pub(super) revision: Revision,
    pub(super) voxels: Bricks,
    pub(super) info: MaskInfo,
}

impl Mask {
    /// Its name in edits and jobs.
    pub fn id(&self) -> MaskId {
        self.id
    }

    /// Names its voxels as they are.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Its voxels; a clone of them is cheap.
    pub fn voxels(&self) -> &Bricks {
        &self.voxels
    }

    /// Name, status, provenance and remarks.
    pub fn info(&self) -> &MaskInfo {
        &self.info
    }
}
