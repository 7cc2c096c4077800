//! Shortcuts, about, and sentences to the user.

pub mod import;
mod path;

use crate::commands::dialog::Dialogs;
use crate::commands::menus;
use crate::state::Question;
use crate::state::{Dialog, Leave, State};
use crate::window::icons::{self, Icon};
use crate::window::theme::{self, Colours, colours};
use crate::window::widgets::{ButtonStyle, Commands, button, muted, scrolled};
use egui::{
    Align, Align2, Area, Color32, CornerRadius, Frame, Id, Layout, Margin, Modal, Order, RichText, Role,
    Sense, Stroke, Ui, Vec2, WidgetInfo, vec2,
};

/// The frame of all dialogs.
fn frame(c: &Colours) -> Frame {
    let line = Stroke::new(1.0, c.line);
    Frame::new().fill(c.panel).stroke(line).corner_radius(CornerRadius::same(8))
}

/// Draws the dialog on top, if there is one.
pub fn show(ui: &Ui, state: &State, commands: &mut Commands) {
    let Some(dialog) = &state.dialog else { return };
    let c = colours(ui);
    let frame = frame(&c).inner_margin(Margin::same(24));
    let shown = Modal::new(Id::unique("dialog")).frame(frame).show(ui.ctx(), |ui| {
        let confirm = match dialog {
            Dialog::Shortcuts => {
                shortcuts(ui);
                None
            }
            Dialog::About => {
                about(ui, state);
                None
            }
            Dialog::Replace { path, .. } => {
                let sentence = format!("{} exists already. Replace it by the mask?", path.display());
                question(ui, "Replace the file?", &sentence);
                Some("Replace")
            }
            Dialog::Unsaved(leave) => {
                unsaved(ui, state);
                Some(match leave {
                    Leave::Case => "Close the case anyway",
                    Leave::Window => "Quit anyway",
                })
            }
            Dialog::Path { question, text, offered, problem } => {
                path::show(ui, question, text, offered, problem.as_deref(), commands);
                Some(if matches!(question, Question::Export { .. }) { "Export" } else { "Open" })
            }
        };
        ui.add_space(12.0);
        ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
            if let Some(text) = confirm
                && button(ui, text, ButtonStyle::Primary, vec2(72.0, 28.0)).clicked()
            {
                commands.push(Dialogs::Confirm);
            }
            let close = if confirm.is_some() { "Cancel" } else { "Close" };
            if button(ui, close, ButtonStyle::Quiet, vec2(72.0, 28.0)).clicked() {
                commands.push(Dialogs::Close);
            }
        });
    });
    if shown.should_close() {
        commands.push(Dialogs::Close);
    }
}

fn question(ui: &mut Ui, title: &str, sentence: &str) {
    ui.set_width(420.0);
    ui.label(RichText::new(title).font(theme::semibold(16.0)).color(colours(ui).strong));
    ui.label(sentence);
}

fn unsaved(ui: &mut Ui, state: &State) {
    let titles: Vec<&str> = state.unsaved().map(|mask| mask.info().name.as_str()).collect();
    let (what, them) = match titles[..] {
        [one] => (format!("{one} was accepted, but not exported."), "it"),
        _ => (format!("{} were accepted, but not exported.", titles.join(", ")), "them"),
    };
    question(ui, "Leave without exporting?", &format!("{what} Export {them} first to keep {them}."));
}

/// Every command with its keys, from the table that the menus are made of.
fn shortcuts(ui: &mut Ui) {
    let c = colours(ui);
    ui.set_width(640.0);
    ui.label(RichText::new("Shortcuts").font(theme::semibold(16.0)).color(c.strong));
    ui.add_space(4.0);
    let height = ui.ctx().content_rect().height() - 220.0;
    scrolled(ui, height, |ui| {
        ui.spacing_mut().item_spacing.x = 24.0;
        ui.columns(2, |columns| {
            let mut filled = [0.0_f32; 2];
            for menu in menus() {
                // Each menu goes where there is more room.
                let side = usize::from(filled[1] < filled[0]);
                let ui = &mut columns[side];
                ui.spacing_mut().item_spacing.y = 3.0;
                ui.add_space(4.0);
                muted(ui, menu.title);
                for about in menu.groups.into_iter().flatten().map(|command| command.about()) {
                    ui.horizontal(|ui| {
                        ui.label(about.label);
                        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                            let keys = about.keys.map(|keys| ui.ctx().format_shortcut(&keys));
                            ui.label(RichText::new(keys.unwrap_or_default()).color(c.muted));
                            ui.add_space(4.0);
                        });
                    });
                }
                filled[side] = ui.min_rect().height();
            }
            let ui = &mut columns[usize::from(filled[1] < filled[0])];
            ui.add_space(4.0);
            muted(ui, "In a pane");
            for (what, how) in MOUSE {
                ui.horizontal(|ui| {
                    ui.label(what);
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        ui.label(RichText::new(how).color(c.muted));
                        ui.add_space(4.0);
                    });
                });
            }
        });
    });
}

const MOUSE: [(&str, &str); 6] = [
    ("Next slice", "wheel, arrow keys"),
    ("Zoom", "Ctrl and wheel, pinch"),
    ("Pan", "middle or Shift drag"),
    ("Window and level", "right drag"),
    ("Move the cursor", "left drag"),
    ("Fit", "double click"),
];

fn about(ui: &mut Ui, state: &State) {
    let c = colours(ui);
    ui.set_width(420.0);
    ui.label(RichText::new("Exemplar").font(theme::semibold(18.0)).color(c.strong));
    muted(ui, concat!("Version ", env!("CARGO_PKG_VERSION")));
    ui.add_space(6.0);
    ui.label(
        "Segments 3D brain images by example: an in-context network reads the task from a few scans that somebody \
         has labelled. Everything happens on this computer; nothing is sent anywhere.",
    );
    ui.label("For research. Not a medical device.");
    if let Some(summary) = state.device.summary() {
        let model = &summary.model;
        ui.add_space(6.0);
        muted(ui, format!("{} · weights {} · {} parameters", summary.device, model.name, model.parameters));
    }
    muted(ui, "Network: Neuroverse3D (Hu et al., ICCV 2025). Font: Inter, SIL Open Font License 1.1.");
}

/// Sentences to the user, below the panes, until they are taken away.
pub fn notices(ui: &Ui, state: &State, commands: &mut Commands) {
    let c = colours(ui);
    let place = Area::new(Id::unique("notices"))
        .order(Order::Foreground)
        .anchor(Align2::CENTER_BOTTOM, vec2(0.0, -44.0));
    place.show(ui.ctx(), |ui| {
        for notice in state.notices() {
            let bar = if notice.problem { c.problem } else { c.good };
            let frame = Frame::new()
                .fill(c.card)
                .stroke(Stroke::new(1.0, c.line))
                .corner_radius(CornerRadius::same(theme::RADIUS))
                .shadow(ui.visuals().popup_shadow)
                .inner_margin(Margin::symmetric(14, 10));
            frame.show(ui, |ui| {
                ui.horizontal(|ui| {
                    let (rect, _) = ui.allocate_exact_size(vec2(9.0, 16.0), Sense::hover());
                    ui.painter().circle_filled(rect.center(), 4.5, bar);
                    ui.vertical(|ui| {
                        ui.set_max_width(520.0);
                        ui.label(RichText::new(&notice.sentence).color(c.text));
                    });
                    let (rect, response) = ui.allocate_exact_size(Vec2::splat(18.0), Sense::click());
                    let colour: Color32 = if response.hovered() { c.strong } else { c.muted };
                    icons::paint(ui.painter(), Icon::Close, rect.center(), colour);
                    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Dismiss"));
                    if response.clicked() {
                        commands.push(Dialogs::Dismiss(notice.id));
                    }
                });
            });
            if !notice.problem {
                ui.ctx().request_repaint_after_secs(1.0);
            }
        }
    });
}
