//! Open, export, close.

use super::{About, Action, CTRL, CTRL_SHIFT, Menu};
use crate::state::{Dialog, Leave, Platform, Question, State};
use egui::{Key, ViewportCommand};
use std::path::PathBuf;

/// Open, export, close.
#[derive(Clone, Debug, PartialEq)]
pub enum File {
    /// Choose files to open.
    Open,
    /// Choose a folder to open.
    OpenFolder,
    /// Open files and folders that were dropped, pasted, chosen or named on the command line.
    OpenPaths(Vec<PathBuf>),
    /// Open the paths on the clipboard.
    Paste,
    /// Open the built-in case.
    OpenDemo,
    /// Export the active mask.
    Export,
    /// Forget target, examples and results.
    Close,
    /// Leave.
    Quit,
}

use File::*;

pub(super) fn menu() -> Menu {
    Menu::new("File", vec![vec![Open, OpenFolder, Paste, OpenDemo], vec![Export], vec![Close, Quit]])
}

impl Action for File {
    fn about(&self) -> About {
        match self {
            Open => About::new("Open files…").keys(CTRL, Key::O).over_dialogs(),
            OpenFolder => About::new("Open folder…").keys(CTRL_SHIFT, Key::O).over_dialogs(),
            OpenPaths(_) => About::new("Open dropped files"),
            Paste => About::new("Paste paths").keys(CTRL, Key::V).over_dialogs(),
            OpenDemo => About::new("Open the demo case").keys(CTRL, Key::D),
            Export => About::new("Export mask…").keys(CTRL, Key::E),
            Close => About::new("Close case").keys(CTRL, Key::W),
            Quit => About::new("Quit").keys(CTRL, Key::Q).over_dialogs(),
        }
    }

    fn is_possible(&self, state: &State) -> bool {
        match self {
            Export => state.active_mask().is_some(),
            Close => !state.is_empty(),
            _ => true,
        }
    }

    fn execute(&self, state: &mut State, platform: &mut Platform) {
        match self {
            Open => platform.chooser.ask(Question::Files, &platform.context),
            OpenFolder => platform.chooser.ask(Question::Folder, &platform.context),
            OpenPaths(paths) => state.open(paths.clone(), platform),
            Paste => platform.context.send_viewport_cmd(ViewportCommand::RequestPaste),
            OpenDemo => state.open_demo(),
            Export => state.ask_where_to_export(platform),
            Close if asks_first(state, Leave::Case) => {}
            Close => state.close(),
            Quit if asks_first(state, Leave::Window) => {}
            Quit => platform.context.send_viewport_cmd(ViewportCommand::Close),
        }
    }
}

/// Whether masks would be lost that the user may want to keep; then a dialog asks.
fn asks_first(state: &mut State, leave: Leave) -> bool {
    let asks = state.unsaved().next().is_some();
    if asks {
        state.dialog = Some(Dialog::Unsaved(leave));
    }
    asks
}
