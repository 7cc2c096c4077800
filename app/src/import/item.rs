//! A file of the import plan: what it is taken for, and what is known of it.

use crate::jobs::Probe;
use imaging::io::is_image_name;
use std::path::PathBuf;

/// What a file is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The scan to segment.
    Target,
    /// An image that somebody has labelled.
    Example,
    /// The labels of an example; shown beside its image.
    Label,
    /// What predictions for the target are judged by.
    Truth,
    /// A mask of the target to look at and export.
    Mask,
    /// Not used.
    Ignored,
}

impl Role {
    /// All roles in the order of the menu.
    pub const ALL: [Self; 6] =
        [Self::Target, Self::Example, Self::Label, Self::Truth, Self::Mask, Self::Ignored];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Target => "Target",
            Self::Example => "Example",
            Self::Label => "Example label",
            Self::Truth => "Ground truth",
            Self::Mask => "Mask",
            Self::Ignored => "—",
        }
    }
}

/// What to do with labels that do not lie on their image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Trust both headers.
    Resample,
    /// Trust the voxel order.
    CopyHeader,
    /// Do without the file.
    LeaveOut,
}

impl Fix {
    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::Resample => "Resample",
            Self::CopyHeader => "Copy image header",
            Self::LeaveOut => "Leave out",
        }
    }
}

/// What is known of a file.
pub enum Check {
    /// Not probed yet.
    Waiting,
    /// Can be opened.
    Image(Box<Probe>),
    /// Cannot be used; the sentence says why.
    Broken(String),
    /// By its name no image.
    NotAnImage,
}

/// A file of the plan.
pub struct Item {
    /// The file.
    pub path: PathBuf,
    /// File name.
    pub name: String,
    /// What it is taken for.
    pub role: Role,
    /// For an example: its label file's place in the plan.
    pub partner: Option<usize>,
    /// What is known of it.
    pub check: Check,
    /// What the user chose where something does not fit.
    pub fix: Option<Fix>,
    /// Which volume of a series is taken, from 0.
    pub frame: usize,
    /// Why it was left out by the guess.
    pub why: Option<String>,
    /// Whether the user had a say in its role or partner, which no later guess changes.
    pub chosen: bool,
}

impl Item {
    /// A file that nothing is known of but its name.
    pub fn new(path: PathBuf) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let check = if is_image_name(&path) { Check::Waiting } else { Check::NotAnImage };
        let role = Role::Ignored;
        Self { path, name, role, partner: None, check, fix: None, frame: 0, why: None, chosen: false }
    }

    /// What is known of an image.
    pub fn image(&self) -> Option<&Probe> {
        match &self.check {
            Check::Image(probe) => Some(probe),
            _ => None,
        }
    }
}
