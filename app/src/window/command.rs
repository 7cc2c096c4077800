//! Every user action, with its label, shortcut and undo behaviour. Menus, buttons, keys and tests use this table.

use super::state::case::Id;
use super::state::plan::{Fix, Role};
use super::state::{Dialog, Layout, State};
use crate::viewer::{OverlayStyle, PaneAction, Tool};
use egui::{Key, KeyboardShortcut as Keys, Modifiers};
use std::path::PathBuf;

/// Something the user does.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Choose files to open.
    Open,
    /// Choose a folder to open.
    OpenFolder,
    /// Open files and folders that were dropped, pasted, chosen or named on the command line.
    OpenPaths(Vec<PathBuf>),
    /// Open the built-in case.
    OpenDemo,
    /// Open the paths on the clipboard.
    Paste,
    /// Export the shown mask.
    Export,
    /// Forget target, examples and results.
    CloseCase,
    /// Leave.
    Quit,
    /// Take back the last change of the case.
    Undo,
    /// Do again what was taken back.
    Redo,
    /// Choose a layout of the panes.
    Arrange(Layout),
    /// Choose what dragging in a pane does.
    Use(Tool),
    /// Left of the patient on the right of the picture, or not.
    FlipConvention,
    /// Whole image in each pane, cursor in the middle.
    ResetView,
    /// Window and level from the image.
    AutoWindow,
    /// Show or hide labels.
    ToggleOverlay,
    /// Opacity of labels, 0 to 1.
    SetOpacity(f32),
    /// A little more opaque.
    MoreOpaque,
    /// A little less opaque.
    LessOpaque,
    /// How labels are drawn.
    SetFill(OverlayStyle),
    /// The next way to draw labels.
    NextFill,
    /// Dark theme or light theme.
    ToggleTheme,
    /// Everything larger.
    ScaleUp,
    /// Everything smaller.
    ScaleDown,
    /// Everything at the size it has at the start.
    ScaleReset,
    /// Switch an example on or off.
    SwitchExample(Id, bool),
    /// Switch every example on.
    AllExamplesOn,
    /// Switch every example off.
    AllExamplesOff,
    /// Remove an example.
    RemoveExample(Id),
    /// Segment a label in the next run, or not.
    WantLabel(u16, bool),
    /// Segment every label in the next run.
    AllLabels,
    /// Segment no label in the next run.
    NoLabels,
    /// Draw a label, or not.
    ShowLabel(u16, bool),
    /// How many examples the network reads at once.
    SetMiniContext(usize),
    /// One example more at once.
    MoreAtOnce,
    /// One example less at once.
    LessAtOnce,
    /// Segment the target by the examples that are on.
    Segment,
    /// Stop the run, or close what lies on top.
    Cancel,
    /// Make the proposal the mask.
    Accept,
    /// Drop the proposal.
    Reject,
    /// Draw this layer over the target, or none.
    ShowLayer(Option<Id>),
    /// Remove a layer from the results.
    RemoveLayer(Id),
    /// Give a file of the import plan a role.
    PlanRole(usize, Role),
    /// Give an example of the import plan its label file.
    PlanPair(usize, Option<usize>),
    /// Choose what happens to a file that does not fit.
    PlanFix(usize, Fix),
    /// Choose the volume of a series, from 0.
    PlanVolume(usize, usize),
    /// Load what the import plan says.
    PlanLoad,
    /// Drop the import plan.
    PlanCancel,
    /// Take a notice away.
    Dismiss(u64),
    /// Open a dialog, or close it.
    Show(Option<Dialog>),
    /// Do what the dialog asks about.
    Confirm,
    /// What the dialog that asks for a path holds now.
    TypePath(String),
    /// Move the cursor, zoom, pan, window or level by the pointer.
    View(PaneAction),
}

/// What undo does after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// Undo brings the case back as it was.
    Case,
    /// Nothing of the case changes, so there is nothing to take back.
    Nothing,
}

/// What there is to say of a command.
pub struct About {
    /// What menus and tests call it.
    pub label: &'static str,
    /// Its keys.
    pub keys: Option<Keys>,
    /// What undo does after it.
    pub undo: Undo,
}

const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };

impl Command {
    /// Label, shortcut and undo behaviour.
    pub fn about(&self) -> About {
        let plain = |label, key| (label, Some(Keys::new(Modifiers::NONE, key)), Undo::Nothing);
        let ctrl = |label, key| (label, Some(Keys::new(CTRL, key)), Undo::Nothing);
        let ctrl_shift = |label, key| (label, Some(Keys::new(CTRL_SHIFT, key)), Undo::Nothing);
        let silent = |label| (label, None, Undo::Nothing);
        let undoable = |(label, keys, _)| (label, keys, Undo::Case);
        let (label, keys, undo) = match self {
            Self::Open => ctrl("Open files…", Key::O),
            Self::OpenFolder => ctrl_shift("Open folder…", Key::O),
            Self::OpenPaths(_) => silent("Open dropped files"),
            Self::OpenDemo => undoable(ctrl("Open the demo case", Key::D)),
            Self::Paste => ctrl("Paste paths", Key::V),
            Self::Export => ctrl("Export mask…", Key::E),
            Self::CloseCase => undoable(ctrl("Close case", Key::W)),
            Self::Quit => ctrl("Quit", Key::Q),
            Self::Undo => ctrl("Undo", Key::Z),
            Self::Redo => ctrl_shift("Redo", Key::Z),
            Self::Arrange(Layout::Planes) => plain("Three planes", Key::P),
            Self::Arrange(Layout::Compare) => plain("Compare", Key::C),
            Self::Use(Tool::Cursor) => plain("Cursor", Key::Num1),
            Self::Use(Tool::Zoom) => plain("Zoom", Key::Num2),
            Self::Use(Tool::Pan) => plain("Pan", Key::Num3),
            Self::Use(Tool::Contrast) => plain("Window and level", Key::Num4),
            Self::FlipConvention => plain("Radiological (R on left)", Key::R),
            Self::ResetView => plain("Fit to window", Key::F),
            Self::AutoWindow => plain("Automatic window and level", Key::W),
            Self::ToggleOverlay => plain("Show labels", Key::S),
            Self::SetOpacity(_) => silent("Opacity"),
            Self::MoreOpaque => plain("More opaque", Key::D),
            Self::LessOpaque => plain("Less opaque", Key::A),
            Self::SetFill(OverlayStyle::Fill) => silent("fill"),
            Self::SetFill(OverlayStyle::FillAndOutline) => silent("fill + outline"),
            Self::SetFill(OverlayStyle::Outline) => silent("outline"),
            Self::NextFill => plain("Fill, outline or both", Key::O),
            Self::ToggleTheme => ctrl("Light theme", Key::L),
            Self::ScaleUp => ctrl("Larger", Key::Plus),
            Self::ScaleDown => ctrl("Smaller", Key::Minus),
            Self::ScaleReset => ctrl("Reset zoom", Key::Num0),
            Self::SwitchExample(_, true) => undoable(silent("Switch example on")),
            Self::SwitchExample(_, false) => undoable(silent("Switch example off")),
            Self::AllExamplesOn => undoable(ctrl_shift("All examples on", Key::A)),
            Self::AllExamplesOff => undoable(ctrl_shift("All examples off", Key::N)),
            Self::RemoveExample(_) => undoable(silent("Remove example")),
            Self::WantLabel(..) => undoable(silent("Segment label")),
            Self::AllLabels => undoable(plain("Segment all labels", Key::L)),
            Self::NoLabels => undoable(plain("Segment no label", Key::N)),
            Self::ShowLabel(..) => undoable(silent("Show label")),
            Self::SetMiniContext(_) => silent("Examples at once"),
            Self::MoreAtOnce => plain("More examples at once", Key::CloseBracket),
            Self::LessAtOnce => plain("Fewer examples at once", Key::OpenBracket),
            Self::Segment => ctrl("Segment", Key::Enter),
            Self::Cancel => plain("Cancel", Key::Escape),
            Self::Accept => undoable(plain("Accept", Key::Y)),
            Self::Reject => undoable(plain("Reject", Key::Delete)),
            Self::ShowLayer(Some(_)) => silent("Show result"),
            Self::ShowLayer(None) => silent("Hide result"),
            Self::RemoveLayer(_) => undoable(silent("Remove result")),
            Self::PlanRole(..) => silent("Change role"),
            Self::PlanPair(..) => silent("Change label file"),
            Self::PlanFix(_, fix) => silent(fix.label()),
            Self::PlanVolume(..) => silent("Change volume"),
            Self::PlanLoad => undoable(silent("Load")),
            Self::PlanCancel => silent("Cancel import"),
            Self::Dismiss(_) => silent("Dismiss"),
            Self::Show(Some(Dialog::Shortcuts)) => plain("Shortcuts", Key::F1),
            Self::Show(Some(Dialog::About)) => plain("About Exemplar", Key::F2),
            Self::Show(Some(_)) => silent("Ask"),
            Self::Show(None) => silent("Close"),
            Self::Confirm => silent("Confirm"),
            Self::TypePath(_) => silent("Type a path"),
            Self::View(_) => silent("Look around"),
        };
        About { label, keys, undo }
    }

    /// Whether it would do something now.
    pub fn is_possible(&self, state: &State) -> bool {
        let case = &state.case;
        match self {
            Self::Undo => state.history.can_undo(),
            Self::Redo => state.history.can_redo(),
            Self::Export => case.judged().is_some(),
            Self::CloseCase => !case.is_empty(),
            Self::Segment => case.obstacle().is_none() && !state.run.is_running() && state.engine.is_usable(),
            Self::Cancel => state.run.is_running() || state.plan.is_some() || state.dialog.is_some(),
            Self::Accept | Self::Reject => state.proposal().is_some(),
            Self::Arrange(Layout::Compare) => case.judged().is_some(),
            Self::AllExamplesOn | Self::AllExamplesOff => !case.examples.is_empty(),
            Self::AllLabels | Self::NoLabels => !case.labels().is_empty(),
            Self::MoreAtOnce | Self::LessAtOnce => state.most_at_once() > 1,
            Self::ResetView | Self::AutoWindow => case.target.is_some(),
            _ => true,
        }
    }

    /// Whether its keys act while a dialog or the import plan lies over the panels.
    pub fn reaches_below_dialogs(&self) -> bool {
        matches!(
            self,
            Self::Cancel
                | Self::Open
                | Self::OpenFolder
                | Self::Paste
                | Self::Quit
                | Self::ToggleTheme
                | Self::ScaleUp
                | Self::ScaleDown
                | Self::ScaleReset
        )
    }

    /// For choices and switches, whether they hold now.
    pub fn is_chosen(&self, state: &State) -> Option<bool> {
        let look = &state.look;
        match self {
            Self::Arrange(layout) => Some(look.layout == *layout),
            Self::Use(tool) => Some(look.tool == *tool),
            Self::FlipConvention => Some(state.view.radiological),
            Self::ToggleOverlay => Some(look.overlay),
            Self::ToggleTheme => Some(look.light),
            _ => None,
        }
    }
}

/// The menus in order; None is a line between groups.
pub fn menus() -> Vec<(&'static str, Vec<Option<Command>>)> {
    use Command as C;
    let group = |groups: Vec<Vec<Command>>| {
        let mut entries = Vec::new();
        for commands in groups {
            if !entries.is_empty() {
                entries.push(None);
            }
            entries.extend(commands.into_iter().map(Some));
        }
        entries
    };
    vec![
        (
            "File",
            group(vec![
                vec![C::Open, C::OpenFolder, C::Paste, C::OpenDemo],
                vec![C::Export],
                vec![C::CloseCase, C::Quit],
            ]),
        ),
        ("Edit", group(vec![vec![C::Undo, C::Redo]])),
        (
            "View",
            group(vec![
                vec![C::Arrange(Layout::Planes), C::Arrange(Layout::Compare)],
                [Tool::Cursor, Tool::Zoom, Tool::Pan, Tool::Contrast].map(C::Use).to_vec(),
                vec![C::ResetView, C::AutoWindow, C::FlipConvention],
                vec![C::ToggleOverlay, C::NextFill, C::MoreOpaque, C::LessOpaque],
                vec![C::ToggleTheme, C::ScaleUp, C::ScaleDown, C::ScaleReset],
            ]),
        ),
        ("Examples", group(vec![vec![C::AllExamplesOn, C::AllExamplesOff], vec![C::AllLabels, C::NoLabels]])),
        (
            "Run",
            group(vec![
                vec![C::Segment, C::Cancel],
                vec![C::Accept, C::Reject],
                vec![C::MoreAtOnce, C::LessAtOnce],
            ]),
        ),
        ("Help", group(vec![vec![C::Show(Some(Dialog::Shortcuts)), C::Show(Some(Dialog::About))]])),
    ]
}

/// Every command of the menus.
pub fn listed() -> impl Iterator<Item = Command> {
    menus().into_iter().flat_map(|(_, entries)| entries).flatten()
}
