//! Menu bar, tool strip and status bar.

use crate::commands::edit::Edit;
use crate::commands::view::View;
use crate::commands::{Command, menus};
use crate::state::{DeviceState, State};
use crate::viewer::Tool;
use crate::window::icons::{self, Icon};
use crate::window::theme::{self, colours};
use crate::window::widgets::{Commands, hint};
use egui::{
    Align, Align2, Atom, Button, Color32, CornerRadius, FontId, Frame, IdSalt, Layout, Margin, Panel,
    RichText, Role, Sense, Stroke, Ui, Vec2, WidgetInfo, vec2,
};

const MENU_HEIGHT: f32 = 36.0;
const STATUS_HEIGHT: f32 = 28.0;
const STRIP_WIDTH: f32 = 44.0;

/// The menu bar with the device at its right.
pub fn menu_bar(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let c = colours(ui);
    let frame = Frame::new().fill(c.ground).inner_margin(Margin::symmetric(theme::MARGIN as i8, 0));
    Panel::top("menu bar").exact_size(MENU_HEIGHT).frame(frame).show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            ui.label(RichText::new("Exemplar").font(theme::semibold(14.0)).color(c.strong));
            ui.add_space(6.0);
            ui.visuals_mut().widgets.inactive.weak_bg_fill = Color32::TRANSPARENT;
            for menu in menus() {
                ui.menu_button(menu.title, |ui| {
                    for (number, group) in menu.groups.into_iter().enumerate() {
                        if number > 0 {
                            ui.separator();
                        }
                        group.into_iter().for_each(|command| menu_entry(ui, state, command, commands));
                    }
                });
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| device_chip(ui, state));
        });
    });
}

fn menu_entry(ui: &mut Ui, state: &State, command: Command, commands: &mut Commands) {
    let about = command.about();
    let keys = about.keys.map(|keys| ui.ctx().format_shortcut(&keys)).unwrap_or_default();
    // Every entry leaves room for the mark of a chosen one, so that labels stand below each other.
    let mark = IdSalt::new("mark");
    let gap = Atom::custom(IdSalt::new("gap"), vec2(16.0, 0.0));
    let button = Button::new((Atom::custom(mark, Vec2::splat(8.0)), command.entry(state).into_owned(), gap))
        .shortcut_text(RichText::new(keys).color(colours(ui).muted))
        .min_size(vec2(0.0, 24.0))
        .fill(Color32::TRANSPARENT);
    let shown = ui.add_enabled_ui(command.is_possible(state), |ui| button.atom_ui(ui)).inner;
    if let (Some(true), Some(place)) = (command.is_chosen(state), shown.rect(mark)) {
        ui.painter().circle_filled(place.center(), 2.5, colours(ui).accent);
    }
    let response = shown.response;
    if response.clicked() {
        commands.push(command);
        ui.close();
    }
}

/// What the network computes on.
fn device_chip(ui: &mut Ui, state: &State) {
    let c = colours(ui);
    let (text, colour) = match &state.device {
        DeviceState::Preparing(_) => ("Preparing…".to_owned(), c.muted),
        DeviceState::Failed => ("No network".to_owned(), c.problem),
        DeviceState::Ready(summary) => {
            (format!("{} · {:.1} GB", summary.device, gigabytes(summary.memory_bytes)), c.accept.1)
        }
    };
    let frame = Frame::new()
        .fill(c.card)
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin::symmetric(10, 3));
    let chip = frame.show(ui, |ui| {
        ui.spacing_mut().interact_size.y = 14.0;
        ui.horizontal(|ui| ui.label(RichText::new(text).size(12.0).color(colour)));
    });
    let chip = chip.response;
    if let Some(summary) = state.device.summary() {
        let model = &summary.model;
        let weights =
            format!("Weights {} · {:.1} million parameters", model.name, model.parameters as f64 / 1e6);
        let lines: Vec<&str> = summary
            .notes
            .iter()
            .map(String::as_str)
            .chain([weights.as_str()])
            .chain(model.description.as_deref())
            .collect();
        chip.on_hover_text(lines.join("\n"));
    }
}

/// Bytes as the window writes them.
pub fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}

/// Tools, undo and redo.
pub fn tool_strip(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let c = colours(ui);
    let frame = Frame::new().fill(c.panel).inner_margin(Margin::symmetric(5, 8));
    Panel::left("tools").exact_size(STRIP_WIDTH).resizable(false).frame(frame).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        let tools = [
            (Icon::Cursor, View::Use(Tool::Cursor)),
            (Icon::Zoom, View::Use(Tool::Zoom)),
            (Icon::Pan, View::Use(Tool::Pan)),
            (Icon::Contrast, View::Use(Tool::Contrast)),
        ];
        for (icon, command) in tools {
            tool(ui, state, icon, command, commands);
        }
        ui.add_space(4.0);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
        ui.painter().hline(rect.shrink2(vec2(8.0, 0.0)).x_range(), rect.center().y, Stroke::new(1.0, c.line));
        ui.add_space(4.0);
        tool(ui, state, Icon::Undo, Edit::Undo, commands);
        tool(ui, state, Icon::Redo, Edit::Redo, commands);
    });
}

fn tool(ui: &mut Ui, state: &State, icon: Icon, command: impl Into<Command>, commands: &mut Commands) {
    let command = command.into();
    let c = colours(ui);
    let chosen = command.is_chosen(state) == Some(true);
    let label = command.about().label;
    let response = ui.add_enabled_ui(command.is_possible(state), |ui| {
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(32.0), Sense::click());
        let (fill, colour) = match (chosen, ui.is_enabled(), response.hovered()) {
            (true, ..) => (c.accent, Color32::WHITE),
            (_, false, _) => (Color32::TRANSPARENT, c.muted.gamma_multiply(0.5)),
            (_, _, true) => (c.hover, c.strong),
            _ => (Color32::TRANSPARENT, c.text),
        };
        ui.painter().rect_filled(rect, CornerRadius::same(theme::RADIUS), fill);
        icons::paint(ui.painter(), icon, rect.center(), colour);
        response.widget_info(|| WidgetInfo::selected(Role::Button, ui.is_enabled(), chosen, label));
        response
    });
    if hint(response.inner, &command).clicked() {
        commands.push(command);
    }
}

/// Read-out of the cursor, and how things are shown.
pub fn status_bar(ui: &mut Ui, state: &State) {
    let c = colours(ui);
    let frame = Frame::new().fill(c.ground).inner_margin(Margin::symmetric(theme::MARGIN as i8, 0));
    Panel::bottom("status bar").exact_size(STATUS_HEIGHT).frame(frame).show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = 22.0;
            let quiet =
                |ui: &mut Ui, text: String| _ = ui.label(RichText::new(text).size(12.0).color(c.muted));
            if let Some(at) = state.read_out() {
                // Adding zero turns −0.0 into 0.0.
                let [x, y, z] = at.world_mm.to_array().map(|v| (v * 10.0).round() / 10.0 + 0.0);
                let [i, j, k] = at.voxel;
                quiet(ui, minus(format!("RAS {x:.1} {y:.1} {z:.1} mm")));
                quiet(ui, format!("voxel {i} {j} {k}"));
                quiet(ui, minus(format!("value {}", short(at.value))));
                if let Some(value) = at.label {
                    let name = state.document.labels().name(value);
                    ui.label(RichText::new(name).size(12.0).color(state.palette.colour(value)));
                }
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 22.0;
                quiet(ui, "offline".into());
                if state.target().is_some() {
                    let view = &state.view;
                    quiet(ui, minus(format!("W {} L {}", short(view.window), short(view.level))));
                    quiet(ui, format!("zoom {:.1}×", view.zoom));
                    let side = if view.radiological {
                        "R on left (radiological)"
                    } else {
                        "L on left (neurological)"
                    };
                    quiet(ui, side.into());
                }
            });
        });
    });
}

/// A number in about four figures.
fn short(value: f32) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(0.01..1e6).contains(&size) => format!("{value:.2e}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 && value.fract() != 0.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A true minus sign for every hyphen.
pub fn minus(text: String) -> String {
    text.replace('-', "−")
}

/// Text in the middle of a pane that has nothing to show.
pub fn in_the_middle(ui: &Ui, rect: egui::Rect, text: &str) {
    let font = FontId::proportional(12.0);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, text, font, Color32::from_gray(110));
}
