//! What a job was asked about, so that its result is taken only while the question stands.

use super::document::Document;
use super::ids::{PartId, Revision};

/// Goes out with a job and comes back with its result. `Kind` belongs to whoever runs jobs.
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

    /// Whether the document still holds what the job was asked about; a result is superseded where it does not.
    pub fn is_current<Kind>(&self, job: &JobKey<Kind>) -> bool {
        job.inputs.iter().all(|&(part, revision)| self.revision_of(part) == Some(revision))
    }
}
