//! Every user action, with its label, shortcut and what it does. Menus, buttons, keys and tests use these tables.
//!
//! A command is one variant of the enum of its file, whose [`Action`] stands below it; `menu` of the file lists it. Nothing
//! else has to know of it.

pub mod dialog;
pub mod edit;
pub mod examples;
pub mod file;
pub mod import;
pub mod run;
pub mod view;

use crate::state::{Platform, State};
use egui::{Key, KeyboardShortcut, Modifiers};
use std::borrow::Cow;

macro_rules! commands {
    ($($(#[$docs:meta])* $variant:ident($action:ty),)*) => {
        /// Something the user does.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Command {
            $($(#[$docs])* $variant($action),)*
        }

        impl Command {
            fn action(&self) -> &dyn Action {
                match self {
                    $(Self::$variant(action) => action,)*
                }
            }
        }

        $(impl From<$action> for Command {
            fn from(action: $action) -> Self {
                Self::$variant(action)
            }
        })*
    };
}

commands! {
    /// Open, export, close.
    File(file::File),
    /// Undo, redo, copy.
    Edit(edit::Edit),
    /// How things are shown.
    View(view::View),
    /// Examples and the labels to segment.
    Examples(examples::Examples),
    /// The network's work and its results.
    Run(run::Run),
    /// The import plan.
    Import(import::Import),
    /// Dialogs and notices.
    Dialog(dialog::Dialogs),
}

/// What each command says of itself and does.
pub trait Action {
    /// Label and shortcut.
    fn about(&self) -> About;

    /// Whether it would do something now.
    fn is_possible(&self, _: &State) -> bool {
        true
    }

    /// For choices and switches, whether they hold now.
    fn is_chosen(&self, _: &State) -> Option<bool> {
        None
    }

    /// What its menu entry says now.
    fn entry(&self, _: &State) -> Cow<'static, str> {
        self.about().label.into()
    }

    /// Carries it out.
    fn execute(&self, state: &mut State, platform: &mut Platform);
}

/// What there is to say of a command at any time.
pub struct About {
    /// What menus and tests call it.
    pub label: &'static str,
    /// Its keys.
    pub keys: Option<KeyboardShortcut>,
    /// Whether its keys act while a dialog or the import plan lies over the panels.
    pub over_dialogs: bool,
}

const PLAIN: Modifiers = Modifiers::NONE;
const SHIFT: Modifiers = Modifiers::SHIFT;
const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

impl About {
    /// A command without keys.
    const fn new(label: &'static str) -> Self {
        Self { label, keys: None, over_dialogs: false }
    }

    const fn keys(self, modifiers: Modifiers, key: Key) -> Self {
        Self { keys: Some(KeyboardShortcut::new(modifiers, key)), ..self }
    }

    const fn over_dialogs(self) -> Self {
        Self { over_dialogs: true, ..self }
    }
}

impl Command {
    /// Carries it out, where it is possible.
    pub fn execute(&self, state: &mut State, platform: &mut Platform) {
        if self.action().is_possible(state) {
            self.action().execute(state, platform);
            state.settle(platform);
        }
    }

    /// Label and shortcut.
    pub fn about(&self) -> About {
        self.action().about()
    }

    /// Whether it would do something now.
    pub fn is_possible(&self, state: &State) -> bool {
        self.action().is_possible(state)
    }

    /// For choices and switches, whether they hold now.
    pub fn is_chosen(&self, state: &State) -> Option<bool> {
        self.action().is_chosen(state)
    }

    /// What its menu entry says now.
    pub fn entry(&self, state: &State) -> Cow<'static, str> {
        self.action().entry(state)
    }
}

/// A menu: its title, and its commands in groups between lines.
pub struct Menu {
    /// What the menu bar says.
    pub title: &'static str,
    /// Its commands.
    pub groups: Vec<Vec<Command>>,
}

impl Menu {
    fn new<C: Into<Command>>(title: &'static str, groups: Vec<Vec<C>>) -> Self {
        let groups = groups.into_iter().map(|group| group.into_iter().map(Into::into).collect()).collect();
        Self { title, groups }
    }
}

/// The menus in order.
pub fn menus() -> [Menu; 6] {
    [file::menu(), edit::menu(), view::menu(), examples::menu(), run::menu(), dialog::menu()]
}

/// Every command of the menus.
pub fn listed() -> impl Iterator<Item = Command> {
    menus().into_iter().flat_map(|menu| menu.groups).flatten()
}
