//! A mask: voxels, where they came from and what may be done to them.

use super::bricks::Bricks;
use super::ids::{MaskId, PartId, Revision};
use std::path::PathBuf;

/// Where a mask stands: a proposal becomes accepted, and edited with its first stroke; a reference stays what it is.
/// A rejected proposal is removed, and comes back by undo alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// A prediction that nobody has judged. Locked, so that it stays what the network said.
    Proposal,
    /// Taken over as it came.
    Accepted,
    /// Changed, or drawn, by hand.
    Edited,
    /// What predictions are judged by. Locked.
    Reference,
}

impl Status {
    /// Whether tools may write to the mask.
    pub fn is_editable(self) -> bool {
        matches!(self, Self::Accepted | Self::Edited)
    }

    /// Whether a mask that stands here may go there.
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
    /// Made here, from nothing.
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
