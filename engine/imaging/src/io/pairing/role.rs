//! What a file can be for.

use std::path::PathBuf;

/// What a file is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The scan to segment.
    Target,
    /// An image with labels.
    ExampleImage,
    /// Its labels.
    ExampleLabel,
    /// Labels of the target, to compare with.
    GroundTruth,
    /// Labels without an image.
    Mask,
    /// Not used.
    Ignored {
        /// Why, with a capital and a full stop.
        why: String,
    },
}

/// A file with its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The file.
    pub path: PathBuf,
    /// What it is for.
    pub role: Role,
    /// The label of an image, or the image of a label.
    pub partner: Option<PathBuf>,
}
