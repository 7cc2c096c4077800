//! Colour and visibility of every label value.

use ecolor::Color32;
use std::sync::Arc;

/// Label colours in fixed order: the ten of Tableau (Stone, 2016; told apart with every common colour blindness),
/// ordered so that neighbours differ in lightness too.
pub const COLOURS: [Color32; 10] = [
    Color32::from_rgb(0x4e, 0x79, 0xa7),
    Color32::from_rgb(0x59, 0xa1, 0x4f),
    Color32::from_rgb(0xb0, 0x7a, 0xa1),
    Color32::from_rgb(0xe1, 0x57, 0x59),
    Color32::from_rgb(0xf2, 0x8e, 0x2b),
    Color32::from_rgb(0xed, 0xc9, 0x48),
    Color32::from_rgb(0x76, 0xb7, 0xb2),
    Color32::from_rgb(0x9c, 0x75, 0x5f),
    Color32::from_rgb(0xff, 0x9d, 0xa7),
    Color32::from_rgb(0xba, 0xb0, 0xac),
];

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
    /// Colours in the order of `values` (the labels in use, usually ascending), so that few labels get the colours
    /// that differ most. Other values take theirs by number; 0 is background and never shown.
    pub fn for_labels(values: &[u16]) -> Self {
        let mut table: Vec<[u8; 4]> = (0..=usize::from(u16::MAX)).map(|v| shade(v.wrapping_sub(1))).collect();
        for (order, &value) in values.iter().enumerate() {
            table[usize::from(value)] = shade(order);
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

/// The `order`th colour: ten as they are, then ten lighter, ten darker, and round again.
fn shade(order: usize) -> [u8; 4] {
    let [r, g, b, a] = COLOURS[order % COLOURS.len()].to_array();
    let blend = |c: u8| match order / COLOURS.len() % 3 {
        0 => c,
        1 => c + (255 - c) / 2,
        _ => (f32::from(c) * 0.62) as u8,
    };
    [blend(r), blend(g), blend(b), a]
}
