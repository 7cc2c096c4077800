//! How the window is arranged: no part of the document, so no matter of undo.

use crate::document::MaskId;
use crate::viewer::Tool;

/// Layout, tool, theme.
pub struct Settings {
    /// What the centre shows.
    pub layout: Layout,
    /// What dragging in a pane does.
    pub tool: Tool,
    /// The mask that is drawn over the target.
    pub shown: Option<MaskId>,
    /// Whether labels are drawn.
    pub overlay: bool,
    /// Light theme instead of dark.
    pub light: bool,
    /// Size of everything, 1 as usual.
    pub scale: f32,
    /// Examples that the network reads at once (ℓ); None leaves it to the program.
    pub mini_context: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            layout: Layout::Planes,
            tool: Tool::default(),
            shown: None,
            overlay: true,
            light: false,
            scale: 1.0,
            mini_context: None,
        }
    }
}

/// What the centre shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Axial, coronal, sagittal, and what the network sees.
    Planes,
    /// Prediction, ground truth and difference as columns.
    Compare,
}
