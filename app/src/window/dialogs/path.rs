//! The window's own dialog for a path, for desktops without one: a line of text and what it could become.

use crate::commands::dialog::Dialogs;
use crate::state::Question;
use crate::state::paths::OFFERED;
use crate::window::theme::{self, colours};
use crate::window::widgets::{Commands, link, muted};
use egui::text::{CCursor, CCursorRange};
use egui::{Id, Key, Modifiers, RichText, TextEdit, Ui, vec2};

/// Draws it.
pub fn show(
    ui: &mut Ui,
    question: &Question,
    text: &str,
    offered: &[String],
    problem: Option<&str>,
    commands: &mut Commands,
) {
    let c = colours(ui);
    ui.set_width(560.0);
    let title = match question {
        Question::Files | Question::Folder => "Open a file or a folder",
        Question::Export { .. } => "Export the mask",
    };
    ui.label(RichText::new(title).font(theme::semibold(16.0)).color(c.strong));
    muted(ui, "This desktop has no file dialog. Type or paste a path; Tab completes it.");
    let id = Id::unique("path");
    let mut completed = None;
    if ui.memory(|memory| memory.has_focus(id)) && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Tab))
    {
        completed = offered.first().cloned();
    }
    let mut typed = text.to_owned();
    // The dialog takes the whole Tab key, which would move the focus otherwise.
    let edit = TextEdit::singleline(&mut typed).id(id).desired_width(f32::INFINITY).lock_focus(true);
    let shown = ui.name_inputs("Path", |ui| edit.show(ui));
    let entered = shown.response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
    if ui.memory(|memory| memory.focused().is_none()) {
        shown.response.request_focus();
    }
    // As high with few completions as with many, so that the dialog stays where it is.
    let row = 12.0 + ui.spacing().item_spacing.y;
    ui.allocate_ui(vec2(ui.available_width(), OFFERED as f32 * row), |ui| {
        ui.set_min_height(OFFERED as f32 * row);
        ui.spacing_mut().item_spacing.y = 4.0;
        for option in offered {
            // What is typed already says the folder.
            let inner = option.trim_end_matches(std::path::is_separator);
            let start = inner.rfind(std::path::is_separator).map_or(0, |at| at + 1);
            if link(ui, &option[start..], 12.0, c.link).clicked() {
                completed = Some(option.clone());
            }
        }
    });
    if let Some(problem) = problem {
        ui.label(RichText::new(problem).color(c.problem));
    }
    match completed {
        Some(path) => {
            let end = CCursor::new(path.chars().count());
            let mut state = shown.state;
            state.cursor.set_char_range(Some(CCursorRange::one(end)));
            state.store(ui.ctx(), id);
            commands.push(Dialogs::TypePath(path));
        }
        None if typed != text => commands.push(Dialogs::TypePath(typed)),
        None => {}
    }
    if entered {
        commands.push(Dialogs::Confirm);
    }
}
