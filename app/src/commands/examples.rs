//! Examples, and the labels that the next run segments.

use super::{About, Action, CTRL_SHIFT, Menu, PLAIN};
use crate::document::{Draft, ExampleId, ExampleInfo, Label, Refusal};
use crate::state::{Platform, State};
use egui::Key;

/// Examples and the labels to segment.
#[derive(Clone, Debug, PartialEq)]
pub enum Examples {
    /// Switch an example on or off.
    Switch(ExampleId, bool),
    /// Switch every example on.
    AllOn,
    /// Switch every example off.
    AllOff,
    /// Remove an example.
    Remove(ExampleId),
    /// Segment a label in the next run, or not.
    WantLabel(u16, bool),
    /// Segment every label in the next run.
    AllLabels,
    /// Segment no label in the next run.
    NoLabels,
}

use Examples::*;

pub(super) fn menu() -> Menu {
    Menu::new("Examples", vec![vec![AllOn, AllOff], vec![AllLabels, NoLabels]])
}

impl Action for Examples {
    fn about(&self) -> About {
        match self {
            Switch(_, true) => About::new("Switch example on"),
            Switch(_, false) => About::new("Switch example off"),
            AllOn => About::new("All examples on").keys(CTRL_SHIFT, Key::A),
            AllOff => About::new("All examples off").keys(CTRL_SHIFT, Key::N),
            Remove(_) => About::new("Remove example"),
            WantLabel(..) => About::new("Segment label"),
            AllLabels => About::new("Segment all labels").keys(PLAIN, Key::L),
            NoLabels => About::new("Segment no label").keys(PLAIN, Key::N),
        }
    }

    fn is_possible(&self, state: &State) -> bool {
        match self {
            AllOn | AllOff => !state.document.examples().is_empty(),
            AllLabels | NoLabels => !state.label_values().is_empty(),
            _ => true,
        }
    }

    fn execute(&self, state: &mut State, _: &mut Platform) {
        let values = state.label_values();
        state.edit(self.about().label, |draft| match *self {
            Switch(id, on) => switch(draft, &[id], on),
            AllOn => switch(draft, &all(draft), true),
            AllOff => switch(draft, &all(draft), false),
            Remove(id) => draft.remove_example(id),
            WantLabel(value, wanted) => want(draft, &[value], wanted),
            AllLabels => want(draft, &values, true),
            NoLabels => want(draft, &values, false),
        });
    }
}

fn all(draft: &Draft) -> Vec<ExampleId> {
    draft.document().examples().iter().map(|example| example.id()).collect()
}

fn switch(draft: &mut Draft, examples: &[ExampleId], on: bool) -> Result<(), Refusal> {
    for &id in examples {
        let info = draft.document().example(id).map(|example| example.info().clone());
        if let Some(info) = info {
            draft.change_example(id, ExampleInfo { on, ..info })?;
        }
    }
    Ok(())
}

fn want(draft: &mut Draft, values: &[u16], wanted: bool) -> Result<(), Refusal> {
    for &value in values {
        if let Some(label) = draft.document().labels().get(value).cloned() {
            draft.change_label(value, Label { excluded: !wanted, ..label })?;
        }
    }
    Ok(())
}
