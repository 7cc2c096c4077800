//! Dialogs of the window.

use super::platform::Question;
use crate::document::MaskId;
use std::path::PathBuf;

/// The dialog on top.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialog {
    /// Every command with its keys.
    Shortcuts,
    /// What this program is.
    About,
    /// Whether an export may replace this file.
    Replace {
        /// The mask.
        mask: MaskId,
        /// The file.
        path: PathBuf,
    },
    /// Whether masks that were not exported may go.
    Unsaved(Leave),
    /// The window's own dialog for a path, where the desktop has none.
    Path {
        /// What it is about.
        question: Question,
        /// What is typed so far.
        text: String,
        /// How it could go on.
        offered: Vec<String>,
        /// What is wrong with it.
        problem: Option<String>,
    },
}

/// What takes masks away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Closing the case.
    Case,
    /// Closing the window.
    Window,
}
