//! The inputs of a job, so that its result is used only while they are unchanged.

use super::document::Document;
use super::ids::{PartId, Revision};

/// Identifies a job and its result. `Kind` is defined by the module that runs jobs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobKey<Kind> {
    /// What is computed.
    pub kind: Kind,
    /// The contents that it is computed from.
    pub inputs: Vec<(PartId, Revision)>,
}

impl Document {
    /// A job on parts as they are now; `None` where one of them is not in the document.
    pub fn job<Kind>(&self, kind: Kind, parts: impl IntoIterator<Item = PartId>) -> Option<JobKey<Kind>> {
        let input = |part| Some((part, self.revision_of(part)?));
        Some(JobKey { kind, inputs: parts.into_iter().map(input).collect::<Option<_>>()? })
    }

    /// Whether the document still holds the inputs of the job; if not, its result is superseded.
    pub fn is_current<Kind>(&self, job: &JobKey<Kind>) -> bool {
        job.inputs.iter().all(|&(part, revision)| self.revision_of(part) == Some(revision))
    }
}
