//! The network's work and its results.

use super::{About, Action, CTRL, Menu, PLAIN};
use crate::document::{MaskId, Status};
use crate::state::{Platform, State};
use egui::Key;

/// The network's work and its results.
#[derive(Clone, Debug, PartialEq)]
pub enum Run {
    /// Segment the target by the examples that are on.
    Segment,
    /// Stop the run, or close what lies on top.
    Cancel,
    /// Make the proposal the mask.
    Accept,
    /// Drop the proposal.
    Reject,
    /// Remove a mask from the results.
    RemoveMask(MaskId),
    /// How many examples the network reads at once.
    SetMiniContext(usize),
    /// One example more at once.
    MoreAtOnce,
    /// One example less at once.
    LessAtOnce,
}

use Run::*;

pub(super) fn menu() -> Menu {
    Menu::new("Run", vec![vec![Segment, Cancel], vec![Accept, Reject], vec![MoreAtOnce, LessAtOnce]])
}

impl Action for Run {
    fn about(&self) -> About {
        match self {
            Segment => About::new("Segment").keys(CTRL, Key::Enter),
            Cancel => About::new("Cancel").keys(PLAIN, Key::Escape).over_dialogs(),
            Accept => About::new("Accept").keys(PLAIN, Key::Y),
            Reject => About::new("Reject").keys(PLAIN, Key::Delete),
            RemoveMask(_) => About::new("Remove result"),
            SetMiniContext(_) => About::new("Examples at once"),
            MoreAtOnce => About::new("More examples at once").keys(PLAIN, Key::CloseBracket),
            LessAtOnce => About::new("Fewer examples at once").keys(PLAIN, Key::OpenBracket),
        }
    }

    fn is_possible(&self, state: &State) -> bool {
        match self {
            Segment => state.run_blocker().is_none() && !state.run.is_running() && state.device.is_usable(),
            Cancel => state.run.is_running() || state.plan.is_some() || state.dialog.is_some(),
            Accept | Reject => state.proposal().is_some(),
            MoreAtOnce | LessAtOnce => state.most_at_once() > 1,
            _ => true,
        }
    }

    fn execute(&self, state: &mut State, platform: &mut Platform) {
        match *self {
            Segment => state.start_run(platform),
            Cancel => cancel(state),
            Accept => accept(state),
            Reject => {
                if let Some(id) = state.proposal().map(|mask| mask.id()) {
                    remove(state, "Reject", id);
                }
            }
            RemoveMask(id) => remove(state, "Remove result", id),
            SetMiniContext(at_once) => state.settings.mini_context = Some(at_once.max(1)),
            MoreAtOnce => {
                state.settings.mini_context = Some((state.at_once() + 1).min(state.most_at_once()));
            }
            LessAtOnce => state.settings.mini_context = Some(state.at_once().saturating_sub(1).max(1)),
        }
    }
}

fn cancel(state: &mut State) {
    if state.dialog.take().is_none() && state.plan.take().is_none() {
        state.run.stop();
    }
}

fn accept(state: &mut State) {
    let Some(id) = state.proposal().map(|mask| mask.id()) else { return };
    if state.edit("Accept", |draft| draft.accept_mask(id)).is_some() {
        state.settings.shown = Some(id);
    }
}

/// Removes a mask; where it was shown, the newest one that was taken over is shown instead.
fn remove(state: &mut State, title: &str, id: MaskId) {
    let was_shown = state.settings.shown == Some(id);
    state.edit(title, |draft| draft.remove_mask(id));
    if was_shown {
        let masks = state.document.masks().iter().rev();
        let own = |status| matches!(status, Status::Accepted | Status::Edited);
        state.settings.shown = masks.clone().find(|mask| own(mask.info().status)).map(|mask| mask.id());
    }
}
