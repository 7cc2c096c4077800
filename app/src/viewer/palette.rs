//! Colour and visibility of every label value.

use crate::document::colours::{Colour, sequence};
use ecolor::Color32;
use std::sync::Arc;

/// Colour of voxels that a segmentation has beyond its reference.
pub const ADDED: Color32 = Color32::from_rgb(0x4c, 0xc2, 0x6a);

/// Colour of voxels that a segmentation lacks.
pub const MISSING: Color32 = Color32::from_rgb(0xff, 0x5a, 0x5f);

/// Colour and visibility of every label value; cheap to clone, compared by identity first.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    /// One entry for each label value, opaque where visible, fully transparent where hidden.
    table: Arc<Vec<[u8; 4]>>,
}

impl Default for Palette {
    /// Colours by label value, all visible.
    fn default() -> Self {
        Self::for_labels(&[])
    }
}

impl Palette {
    /// The colours of the label sequence in the order of `values`, so that few labels get those that differ most.
    pub fn for_labels(values: &[u16]) -> Self {
        Self::new(values.iter().copied().zip(sequence()))
    }

    /// The given colours, all visible. Other values take theirs by number; 0 is background and never shown.
    pub fn new(colours: impl IntoIterator<Item = (u16, Colour)>) -> Self {
        let opaque = |[r, g, b]: Colour| [r, g, b, 255];
        let by_number = sequence().take(usize::from(u16::MAX)).map(opaque);
        let mut table: Vec<[u8; 4]> = std::iter::once([0; 4]).chain(by_number).collect();
        for (value, colour) in colours {
            table[usize::from(value)] = opaque(colour);
        }
        table[0] = [0; 4];
        Self { table: Arc::new(table) }
    }

    /// The colour of a label, whether visible or not.
    pub fn colour(&self, value: u16) -> Color32 {
        let [r, g, b, _] = self.table[usize::from(value)];
        Color32::from_rgb(r, g, b)
    }

    /// Whether the panes show a label.
    pub fn is_visible(&self, value: u16) -> bool {
        self.table[usize::from(value)][3] != 0
    }

    /// Gives a label another colour.
    pub fn set_colour(&mut self, value: u16, colour: Color32) {
        let [r, g, b, _] = colour.to_array();
        let entry = &mut Arc::make_mut(&mut self.table)[usize::from(value)];
        *entry = [r, g, b, entry[3]];
    }

    /// Shows or hides a label; background stays hidden.
    pub fn set_visible(&mut self, value: u16, visible: bool) {
        if value != 0 && visible != self.is_visible(value) {
            Arc::make_mut(&mut self.table)[usize::from(value)][3] = if visible { 255 } else { 0 };
        }
    }

    /// RGBA of all values, gamma encoded, not premultiplied.
    #[cfg(feature = "window")]
    pub(super) fn table(&self) -> &Arc<Vec<[u8; 4]>> {
        &self.table
    }
}
