//! What lies outside the state: background jobs, file dialogs, the window system.

use crate::document::MaskId;
use crate::jobs::Jobs;
use std::path::PathBuf;

/// What commands and the state act through.
pub struct Platform {
    /// Background jobs.
    pub jobs: Jobs,
    /// Asks for paths.
    pub chooser: Box<dyn Chooser>,
    /// The window system: clipboard, closing.
    pub context: egui::Context,
}

/// What a file dialog is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Files to open.
    Files,
    /// A folder to open.
    Folder,
    /// Where to export a mask to.
    Export {
        /// The mask.
        mask: MaskId,
        /// Suggested file name.
        name: String,
        /// Suggested folder.
        folder: Option<PathBuf>,
    },
}

impl Question {
    /// What the window's own dialog holds at first.
    pub fn first_text(&self) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        match self {
            Self::Files | Self::Folder => here.join("").display().to_string(),
            Self::Export { name, folder, .. } => {
                folder.as_deref().unwrap_or(&here).join(name).display().to_string()
            }
        }
    }
}

/// How a file dialog ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// With these paths; none when it was cancelled.
    Paths(Vec<PathBuf>),
    /// The desktop has no dialog to show.
    NoDialog,
}

/// Asks the user for paths without holding up the window. Tests answer by themselves.
pub trait Chooser {
    /// Shows a dialog; one at a time, so a second question is dropped while one is open.
    fn ask(&mut self, question: Question, context: &egui::Context);
    /// The answer, once there is one.
    fn answer(&mut self, context: &egui::Context) -> Option<(Question, Answer)>;
}
