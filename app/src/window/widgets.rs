//! Widgets of the panels. Each has a name for screen readers and tests.

use super::theme::{self, Colours, colours};
use crate::commands::Command;
use crate::import::Light;
use crate::state::State;
use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Align, Align2, Color32, CornerRadius, CursorIcon, FontId, Frame, Layout, Margin, Rect, Response, Role,
    Sense, Stroke, StrokeKind, TextFormat, Ui, UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};

/// Commands that the user issued in the panels.
#[derive(Default)]
pub struct Commands(Vec<Command>);

impl Commands {
    /// Adds a command.
    pub fn push(&mut self, command: impl Into<Command>) {
        self.0.push(command.into());
    }

    /// All commands, in the order in which they were issued.
    pub fn into_inner(self) -> Vec<Command> {
        self.0
    }
}

/// A section heading; `right` adds widgets at its right end.
pub fn head(ui: &mut Ui, text: &str, right: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = 16.0;
        ui.label(egui::RichText::new(text).font(theme::semibold(theme::SMALL)).color(colours(ui).muted));
        ui.with_layout(Layout::right_to_left(Align::Center), right);
    });
}

/// Small muted text.
pub fn muted(ui: &mut Ui, text: impl Into<String>) -> Response {
    let colour = colours(ui).muted;
    ui.label(egui::RichText::new(text).size(theme::SMALL).color(colour))
}

/// Clickable text.
pub fn link(ui: &mut Ui, text: &str, size: f32, colour: Color32) -> Response {
    let galley = ui.painter().layout_no_wrap(text.into(), FontId::proportional(size), colour);
    let (rect, response) = ui.allocate_exact_size(galley.size(), Sense::click());
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    let shown = match (ui.is_enabled(), response.hovered()) {
        (false, _) => ui.visuals().disable(colour),
        (true, true) => colours(ui).strong,
        (true, false) => colour,
    };
    ui.painter().galley_with_override_text_color(rect.min, galley, shown);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), text));
    response
}

/// A muted link that issues a command; disabled if the command is not possible.
pub fn command_link(
    ui: &mut Ui,
    state: &State,
    command: impl Into<Command>,
    text: &str,
    commands: &mut Commands,
) {
    let command = command.into();
    let (possible, colour) = (command.is_possible(state), colours(ui).muted);
    let clicked = ui.add_enabled_ui(possible, |ui| link(ui, text, theme::SMALL, colour)).inner;
    if hint(clicked, &command).clicked() {
        commands.push(command);
    }
}

/// Adds a tooltip with the command's label and shortcut, if it has one.
pub fn hint(response: Response, command: &Command) -> Response {
    let about = command.about();
    match about.keys {
        Some(keys) => {
            let keys = response.ctx.format_shortcut(&keys);
            response.on_hover_text(format!("{} · {keys}", about.label))
        }
        None => response,
    }
}

/// The style of a button.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ButtonStyle {
    /// The main action.
    Primary,
    /// All others.
    Quiet,
    /// Accepts a proposal.
    Accept,
}

/// A button of at least `size` points.
pub fn button(ui: &mut Ui, text: &str, look: ButtonStyle, size: Vec2) -> Response {
    let c = colours(ui);
    let (fill, colour) = match look {
        ButtonStyle::Primary => (c.accent, Color32::WHITE),
        ButtonStyle::Quiet => (c.card, c.text),
        ButtonStyle::Accept => c.accept,
    };
    let font = if look == ButtonStyle::Primary {
        theme::semibold(theme::TEXT)
    } else {
        FontId::proportional(theme::TEXT)
    };
    let galley = ui.painter().layout_no_wrap(text.into(), font, colour);
    let size = size.max(galley.size() + vec2(24.0, 10.0));
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let (fill, colour) = match (ui.is_enabled(), response.hovered()) {
        (false, _) => (c.card, c.muted),
        (true, true) => (fill.lerp_to_gamma(c.strong, 0.08), colour),
        (true, false) => (fill, colour),
    };
    ui.painter().rect_filled(rect, CornerRadius::same(theme::RADIUS), fill);
    if response.has_focus() {
        let focus = Stroke::new(1.5, c.link);
        ui.painter().rect_stroke(rect, CornerRadius::same(theme::RADIUS), focus, StrokeKind::Inside);
    }
    let at = Align2::CENTER_CENTER.align_size_within_rect(galley.size(), rect).min;
    ui.painter().galley_with_override_text_color(at, galley, colour);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), text));
    response
}

/// A button that issues a command; disabled if the command is not possible.
pub fn command_button(
    ui: &mut Ui,
    state: &State,
    command: impl Into<Command>,
    text: &str,
    (look, size): (ButtonStyle, Vec2),
    commands: &mut Commands,
) {
    let command = command.into();
    let clicked = ui.add_enabled_ui(command.is_possible(state), |ui| button(ui, text, look, size)).inner;
    if hint(clicked, &command).clicked() {
        commands.push(command);
    }
}

/// Margins of a scrolling panel: the scroll bar takes the place of the right one.
pub fn beside_a_bar() -> Margin {
    Margin { right: 0, ..Margin::same(theme::MARGIN as i8) }
}

/// Contents that scroll if they are higher than `height` points, with a right margin for the scroll bar.
pub fn scrolled(ui: &mut Ui, height: f32, add: impl FnOnce(&mut Ui)) {
    egui::ScrollArea::vertical().max_height(height).auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(Margin { right: theme::MARGIN as i8, ..Margin::ZERO }).show(ui, add);
    });
}

/// A card; `outline` marks one that requires a decision.
pub fn card(ui: &mut Ui, outline: Option<Color32>, add: impl FnOnce(&mut Ui)) -> Response {
    let frame = Frame::new()
        .fill(colours(ui).card)
        .corner_radius(CornerRadius::same(theme::RADIUS))
        .stroke(outline.map_or(Stroke::NONE, |colour| Stroke::new(1.0, colour)))
        .inner_margin(Margin::same(8));
    frame
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            add(ui);
        })
        .response
}

/// A title over a muted line, centred in `height` points, with `right` beside them; both are truncated with … to fit.
pub fn text_and(
    ui: &mut Ui,
    height: f32,
    title: (&str, Color32),
    detail: (&str, Color32),
    right: impl FnOnce(&mut Ui),
) {
    let size = vec2(ui.available_width(), height);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.set_min_size(size);
        ui.spacing_mut().item_spacing = vec2(6.0, 1.0);
        right(ui);
        let width = ui.available_width();
        let lines =
            [(title, theme::TEXT, 1), (detail, theme::SMALL, 2)].map(|((text, colour), size, rows)| {
                ui.painter().layout_job(elided_job(text, size, colour, rows, width))
            });
        let both = lines[0].size().y + 1.0 + lines[1].size().y;
        ui.allocate_ui_with_layout(vec2(width, both), Layout::top_down(Align::Min), |ui| {
            ui.set_min_width(width);
            for (galley, (text, _)) in lines.into_iter().zip([title, detail]) {
                ui.label(galley).on_hover_text(text);
            }
        });
    });
}

/// Text truncated with … after `rows` rows; the tooltip shows all of it.
pub fn elided(ui: &mut Ui, text: &str, size: f32, colour: Color32, rows: usize) -> Response {
    // Laid out here, since a label in a row neither wraps nor truncates.
    let job = elided_job(text, size, colour, rows, ui.available_width());
    let galley = ui.painter().layout_job(job);
    ui.label(galley).on_hover_text(text)
}

fn elided_job(text: &str, size: f32, color: Color32, max_rows: usize, max_width: f32) -> LayoutJob {
    let format = TextFormat { font_id: FontId::proportional(size), color, ..Default::default() };
    let mut job = LayoutJob::single_section(text.into(), format);
    job.wrap = TextWrapping { max_width, max_rows, break_anywhere: max_rows == 1, ..Default::default() };
    job
}

/// The colour of a traffic light.
pub fn light_colour(c: &Colours, light: Light) -> Color32 {
    match light {
        Light::Off => Color32::TRANSPARENT,
        Light::Good => c.good,
        Light::Attention => c.attention,
        Light::Problem => c.problem,
    }
}

/// A dot in the colour of a traffic light.
pub fn dot(ui: &mut Ui, colour: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(9.0, 16.0), Sense::hover());
    ui.painter().circle_filled(rect.center(), 4.5, colour);
    response
}

/// A slider; returns the new value if the user moved it.
pub fn slider(
    ui: &mut Ui,
    name: &str,
    value: f32,
    range: std::ops::RangeInclusive<f32>,
    step: f32,
) -> Option<f32> {
    let c = colours(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::click_and_drag());
    let (low, high) = (*range.start(), *range.end());
    let inner = rect.shrink2(vec2(7.0, 0.0));
    let mut moved = None;
    if let Some(at) = response.interact_pointer_pos().filter(|_| high > low) {
        let part = ((at.x - inner.left()) / inner.width()).clamp(0.0, 1.0);
        moved = Some(low + ((high - low) * part / step).round() * step);
    }
    if response.has_focus() {
        let (less, more) =
            ui.input(|i| (i.key_pressed(egui::Key::ArrowLeft), i.key_pressed(egui::Key::ArrowRight)));
        let change = f32::from(i8::from(more) - i8::from(less)) * step;
        moved = moved.or((change != 0.0).then_some((value + change).clamp(low, high)));
    }
    let part = if high > low { ((moved.unwrap_or(value) - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
    let x = inner.left() + inner.width() * part;
    let rail = Rect::from_center_size(rect.center(), vec2(rect.width(), 5.0));
    ui.painter().rect_filled(rail, CornerRadius::same(3), c.line);
    let done = Rect::from_min_max(rail.min, pos2(x, rail.max.y));
    let (fill, handle) = if ui.is_enabled() { (c.accent, Color32::WHITE) } else { (c.line, c.muted) };
    ui.painter().rect_filled(done, CornerRadius::same(3), fill);
    let ring = if response.has_focus() { Stroke::new(2.0, c.link) } else { Stroke::new(1.0, c.line) };
    ui.painter().circle(pos2(x, rect.center().y), 7.0, handle, ring);
    response.widget_info(|| WidgetInfo::slider(ui.is_enabled(), value.into(), name));
    moved.filter(|&new| new != value)
}

/// A progress bar; `fraction` is from 0 to 1.
pub fn progress(ui: &mut Ui, fraction: f32) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 4.0), Sense::hover());
    let c = colours(ui);
    ui.painter().rect_filled(rect, CornerRadius::same(2), c.line);
    let done = Rect::from_min_size(rect.min, vec2(rect.width() * fraction.clamp(0.0, 1.0), rect.height()));
    ui.painter().rect_filled(done, CornerRadius::same(2), c.accent);
    response.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, "Progress"));
}

/// A separator line between groups.
pub fn line(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(1.0, colours(ui).line));
}

/// A child that fills `rect` and is laid out from the top.
pub fn within(ui: &mut Ui, rect: Rect, salt: &str, add: impl FnOnce(&mut Ui)) {
    let mut child =
        ui.new_child(UiBuilder::new().id_salt(salt).max_rect(rect).layout(Layout::top_down(Align::Min)));
    child.set_clip_rect(rect.intersect(ui.clip_rect()));
    add(&mut child);
}

/// A small square in a label's colour: filled if the label is shown, hollow if it is hidden.
pub fn swatch(ui: &mut Ui, colour: Color32, filled: bool, name: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(12.0, 16.0), Sense::click());
    let square = Rect::from_center_size(rect.center(), Vec2::splat(12.0));
    match filled {
        true => _ = ui.painter().rect_filled(square, CornerRadius::same(3), colour),
        false => {
            let stroke = Stroke::new(1.5, colour);
            ui.painter().rect_stroke(square, CornerRadius::same(3), stroke, StrokeKind::Inside);
        }
    }
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), filled, name));
    response
}
