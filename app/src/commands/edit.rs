//! Undo, redo, copy.

use super::{About, Action, CTRL, CTRL_SHIFT, Menu, SHIFT};
use crate::document::Transaction;
use crate::state::{Platform, State};
use egui::Key;
use std::borrow::Cow;

/// Undo, redo, copy.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Take back the last step.
    Undo,
    /// Make the step again that was taken back last.
    Redo,
    /// Copy the position of the cursor.
    CopyCoordinates,
}

use Edit::*;

pub(super) fn menu() -> Menu {
    Menu::new("Edit", vec![vec![Undo, Redo], vec![CopyCoordinates]])
}

impl Action for Edit {
    fn about(&self) -> About {
        match self {
            Undo => About::new("Undo").keys(CTRL, Key::Z),
            Redo => About::new("Redo").keys(CTRL_SHIFT, Key::Z),
            CopyCoordinates => About::new("Copy coordinates").keys(SHIFT, Key::C),
        }
    }

    fn is_possible(&self, state: &State) -> bool {
        match self {
            Undo => state.history.past().len() > 0,
            Redo => state.history.future().len() > 0,
            CopyCoordinates => state.read_out().is_some(),
        }
    }

    fn entry(&self, state: &State) -> Cow<'static, str> {
        let step = match self {
            Undo => state.history.past().next_back().map(Transaction::label),
            Redo => state.history.future().next().map(Transaction::label),
            CopyCoordinates => None,
        };
        let label = self.about().label;
        step.map_or(label.into(), |step| format!("{label}: {step}").into())
    }

    fn execute(&self, state: &mut State, platform: &mut Platform) {
        match self {
            Undo => state.undo(),
            Redo => state.redo(),
            CopyCoordinates => copy_coordinates(state, platform),
        }
    }
}

/// `RAS -12.0 4.5 33.0 mm, voxel 34 50 12`, with signs that other programs read.
fn copy_coordinates(state: &mut State, platform: &Platform) {
    let Some(at) = state.read_out() else { return };
    let [x, y, z] = at.world_mm.to_array();
    let [i, j, k] = at.voxel;
    let text = format!("RAS {x:.1} {y:.1} {z:.1} mm, voxel {i} {j} {k}");
    state.notify(format!("Copied: {text}"));
    platform.context.copy_text(text);
}
