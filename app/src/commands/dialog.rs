//! Dialogs and notices.

use super::file::File;
use super::{About, Action, Command, Menu, PLAIN};
use crate::state::paths::{complete, completions};
use crate::state::{Dialog, Leave, Platform, Question, State};
use egui::Key;

/// Dialogs and notices.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialogs {
    /// Open a dialog.
    Show(Dialog),
    /// Close the dialog on top.
    Close,
    /// Do what the dialog on top asks about.
    Confirm,
    /// What the dialog that asks for a path holds now.
    TypePath(String),
    /// Take a notice away.
    Dismiss(u64),
}

use Dialogs::*;

pub(super) fn menu() -> Menu {
    Menu::new("Help", vec![vec![Show(Dialog::Shortcuts), Show(Dialog::About)]])
}

impl Action for Dialogs {
    fn about(&self) -> About {
        match self {
            Show(Dialog::Shortcuts) => About::new("Shortcuts").keys(PLAIN, Key::F1),
            Show(Dialog::About) => About::new("About Exemplar").keys(PLAIN, Key::F2),
            Show(_) => About::new("Ask"),
            Close => About::new("Close"),
            Confirm => About::new("Confirm"),
            TypePath(_) => About::new("Type a path"),
            Dismiss(_) => About::new("Dismiss"),
        }
    }

    fn execute(&self, state: &mut State, platform: &mut Platform) {
        match self {
            Show(dialog) => state.dialog = Some(dialog.clone()),
            Close => state.dialog = None,
            Confirm => confirm(state, platform),
            TypePath(typed) => {
                if let Some(Dialog::Path { text, offered, problem, .. }) = &mut state.dialog {
                    (*offered, *problem) = (completions(typed), None);
                    text.clone_from(typed);
                }
            }
            Dismiss(id) => state.dismiss(*id),
        }
    }
}

fn confirm(state: &mut State, platform: &mut Platform) {
    match state.dialog.take() {
        Some(Dialog::Replace { mask, path }) => state.export(mask, path, true, platform),
        Some(Dialog::Unsaved(leave)) => {
            state.give_up_unsaved();
            let command = match leave {
                Leave::Case => File::Close,
                Leave::Window => File::Quit,
            };
            Command::from(command).execute(state, platform);
        }
        Some(Dialog::Path { question, text, offered, .. }) => match complete(&question, &text) {
            Ok(path) => match question {
                Question::Export { mask, .. } => state.export(mask, path, false, platform),
                Question::Files | Question::Folder => state.open(vec![path], platform),
            },
            Err(problem) => {
                state.dialog = Some(Dialog::Path { question, text, offered, problem: Some(problem) });
            }
        },
        other => state.dialog = other,
    }
}
