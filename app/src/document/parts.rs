//! Target and examples: shared volumes that are exchanged as a whole, never written to.

use super::ids::{ExampleId, Revision, TargetId};
use imaging::LabelMap;
use imaging::io::Scan;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The scan to segment.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) id: TargetId,
    pub(super) revision: Revision,
    pub(super) scan: Arc<Scan>,
}

impl Target {
    /// Its name in jobs.
    pub fn id(&self) -> TargetId {
        self.id
    }

    /// Names its voxels.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The scan.
    pub fn scan(&self) -> &Arc<Scan> {
        &self.scan
    }
}

/// Metadata of an example. It is no content: a run in progress stays valid if an example is switched off for the next
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleInfo {
    /// Name on the shelf.
    pub name: String,
    /// Whether the next run reads it.
    pub on: bool,
    /// Warnings when it was loaded, which the user accepted.
    pub remarks: Vec<String>,
}

/// An image and its labels on the same grid.
#[derive(Clone, Debug)]
pub struct Example {
    pub(super) id: ExampleId,
    pub(super) revision: Revision,
    pub(super) image: Arc<Scan>,
    pub(super) labels: Arc<LabelMap>,
    pub(super) values: BTreeSet<u16>,
    pub(super) info: ExampleInfo,
}

impl Example {
    /// Its name in edits and jobs.
    pub fn id(&self) -> ExampleId {
        self.id
    }

    /// Names its voxels.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The image.
    pub fn image(&self) -> &Arc<Scan> {
        &self.image
    }

    /// Its labels.
    pub fn labels(&self) -> &Arc<LabelMap> {
        &self.labels
    }

    /// Label values that occur.
    pub fn values(&self) -> &BTreeSet<u16> {
        &self.values
    }

    /// Name, switch and remarks.
    pub fn info(&self) -> &ExampleInfo {
        &self.info
    }
}

/// Bytes of a scan's voxels.
pub(super) fn scan_bytes(scan: &Scan) -> usize {
    size_of_val(scan.volume.voxels.as_slice())
}
