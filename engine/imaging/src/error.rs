//! What can go wrong, each with a message of one sentence that a clinician can act on.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Result of every fallible function of the engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure, told in one sentence: what is wrong and, where that does not depend on who asks, what to do about it. How a
/// program lets its user choose a label, a device or a treatment is for that program to add.
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
    /// A label map or image does not lie on the image that it belongs to. Resampling it through the world trusts both headers;
    /// where `copyable`, it may also be given the image's header.
    #[error("{problem}")]
    Misplaced {
        /// Which volumes differ, and by how much; a whole sentence.
        problem: String,
        /// Whether both have the same number of voxels along each axis.
        copyable: bool,
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
    /// Weights that know one structure were asked for several of the examples' labels, or for all of them.
    #[error(
        "These weights are a U-Net that segments one structure, and there are {}; choose the one label that is meant.",
        list(labels)
    )]
    SeveralStructures {
        /// Their values.
        labels: Vec<u16>,
    },
    /// The graphics card failed, does not answer, or cannot be used; a whole sentence on what happened. The processor can do
    /// the work.
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
            Self::Misplaced { problem, copyable } => {
                let problem = format!("{} and {}: {problem}", label.display(), image.display());
                Self::Misplaced { problem, copyable }
            }
            other => other,
        }
    }
}

/// Label values for a sentence; of many the first twenty.
pub fn list(values: &[u16]) -> String {
    let shown: Vec<_> = values.iter().take(20).map(u16::to_string).collect();
    let more = if values.len() > shown.len() { ", …" } else { "" };
    if shown.is_empty() { "no label".into() } else { format!("{}{more}", shown.join(", ")) }
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
