//! What can go wrong, each with a message of one sentence that a clinician can act on.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Result of every fallible function of the engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure. Its message is one sentence: what is wrong and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened, read or written by the operating system.
    #[error("{}: {}", path.display(), explained(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not an image that can be used; `problem` is the message.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// Two volumes that must lie on the same grid in the world do not; `problem` is the message.
    #[error("{problem}")]
    Geometry {
        /// Which volumes differ, by how much, and what to do.
        problem: String,
    },
    /// A checkpoint does not hold the network; `problem` names the tensor.
    #[error("{}: {problem}", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The request makes no sense as a whole (no example, label absent, …), with the message.
    #[error("{0}")]
    Request(String),
    /// The compute device failed, with the message.
    #[error("{0}")]
    Device(String),
    /// An allocation failed.
    #[error(
        "There is no memory for {} MB more. Close other programs, or use fewer examples or smaller images.",
        bytes.div_ceil(1_000_000)
    )]
    Memory {
        /// Size of the allocation.
        bytes: usize,
    },
    /// What was requested cannot fit into memory, known before it starts.
    #[error(
        "This needs about {:.1} GB of memory and there are {:.1} GB. Close other programs, or use fewer examples, \
         smaller images, or weights for a smaller working grid.",
        *needed as f64 / 1e9, *within_reach as f64 / 1e9
    )]
    TooLarge {
        /// Bytes that the process would hold at its peak.
        needed: u64,
        /// Bytes that it can hold.
        within_reach: u64,
    },
    /// The user asked to stop.
    #[error("Cancelled.")]
    Cancelled,
}

impl Error {
    /// Names the files of volumes that do not agree in the world; other errors stay as they are.
    pub fn between(self, image: &Path, label: &Path) -> Self {
        match self {
            Self::Geometry { problem } => {
                let problem = format!("{} and {}: {problem}", label.display(), image.display());
                Self::Geometry { problem }
            }
            other => other,
        }
    }
}

/// What the operating system said, with what there is to do about it.
fn explained(source: &io::Error) -> String {
    let message = match source.kind() {
        ErrorKind::NotFound => "this file or folder does not exist; check the name.",
        ErrorKind::PermissionDenied => "access is denied; change its permissions, or choose another place.",
        ErrorKind::IsADirectory => "this is a folder where a file is expected; choose a file.",
        ErrorKind::NotADirectory => {
            "a part of this path is a file where a folder is expected; check the path."
        }
        ErrorKind::StorageFull => "the disk is full; free some space, or choose another place.",
        ErrorKind::QuotaExceeded => {
            "your quota of disk space is used up; free some space, or choose another place."
        }
        ErrorKind::ReadOnlyFilesystem => "this place is read-only; choose another one.",
        ErrorKind::InvalidFilename => "the system does not allow this name; choose another one.",
        _ => return format!("the system refused ({source}); check the file and the device that it lies on."),
    };
    message.into()
}
