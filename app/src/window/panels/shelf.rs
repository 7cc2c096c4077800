//! The left panel: target, example shelf, labels.

use crate::commands::examples::Examples;
use crate::commands::file::File;
use crate::commands::view::View;
use crate::document::Example;
use crate::import::Light;
use crate::import::shape_of;
use crate::state::State;
use crate::state::paths::on_wayland;
use crate::window::icons::{self, Icon};
use crate::window::texture_cache::TextureCache;
use crate::window::theme::{self, colours};
use crate::window::widgets::{self, Commands, command_link, dot, head, light_colour, swatch};
use egui::{
    Align, Color32, CornerRadius, Frame, Layout, Panel, Pos2, Rect, Response, Role, Sense, Stroke, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

const WIDTH: f32 = 272.0;
const THUMBNAIL: f32 = 48.0;

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &State, texture_cache: &mut TextureCache, commands: &mut Commands) {
    let frame = Frame::new().fill(colours(ui).panel).inner_margin(widgets::beside_a_bar());
    Panel::left("shelf").exact_size(WIDTH).resizable(false).frame(frame).show(ui, |ui| {
        widgets::scrolled(ui, f32::INFINITY, |ui| {
            target(ui, state, texture_cache, commands);
            ui.add_space(2.0);
            examples(ui, state, texture_cache, commands);
            drop_hint(ui, commands);
            labels(ui, state, commands);
        });
    });
}

fn target(ui: &mut Ui, state: &State, texture_cache: &mut TextureCache, commands: &mut Commands) {
    let act = if state.target().is_some() { "Replace…" } else { "Open…" };
    head(ui, "Target", |ui| command_link(ui, state, File::Open, act, commands));
    let Some(target) = state.document.target() else {
        widgets::card(ui, None, |ui| _ = widgets::muted(ui, "The scan to segment"));
        return;
    };
    let scan = target.scan();
    let warning = scan.facts.warnings.first();
    let c = colours(ui);
    let details = shape_of(&scan.volume.grid);
    widgets::card(ui, None, |ui| {
        ui.horizontal(|ui| {
            thumbnail(ui, texture_cache.thumbnail(ui.ctx(), target.revision(), state));
            let light = if warning.is_some() { Light::Attention } else { Light::Good };
            widgets::text_and(ui, THUMBNAIL, (&state.name_of(scan), c.strong), (&details, c.muted), |ui| {
                let dot = dot(ui, light_colour(&c, light));
                if !scan.facts.warnings.is_empty() {
                    dot.on_hover_text(scan.facts.warnings.join("\n"));
                }
            });
        });
    });
}

fn examples(ui: &mut Ui, state: &State, texture_cache: &mut TextureCache, commands: &mut Commands) {
    let (all, on) = (state.document.examples().len(), state.examples_on().count());
    let title = match all {
        0 => "Examples".to_owned(),
        _ => format!("Examples · {on} of {all} on"),
    };
    head(ui, &title, |ui| command_link(ui, state, File::Open, "Add…", commands));
    for one in state.document.examples() {
        ui.push_id(one.id(), |ui| example(ui, state, one, texture_cache, commands));
    }
    if state.is_loading() {
        widgets::muted(ui, "Loading examples…");
    }
}

fn example(
    ui: &mut Ui,
    state: &State,
    example: &Example,
    texture_cache: &mut TextureCache,
    commands: &mut Commands,
) {
    let c = colours(ui);
    let name = state.name_of(example.image());
    let info = example.info();
    let count = match example.values().len() {
        1 => "1 label".to_owned(),
        n => format!("{n} labels"),
    };
    let (light, detail) = match (info.remarks.is_empty(), info.on) {
        (_, false) => (Light::Off, format!("Off · {count}")),
        (false, true) => (Light::Attention, info.remarks.join(" · ")),
        (true, true) => (Light::Good, count),
    };
    let colour = if light == Light::Attention { c.attention } else { c.muted };
    let response = widgets::card(ui, None, |ui| {
        ui.horizontal(|ui| {
            if !info.on {
                ui.multiply_opacity(0.55);
            }
            thumbnail(ui, texture_cache.thumbnail(ui.ctx(), example.revision(), state));
            widgets::text_and(ui, THUMBNAIL, (&name, c.strong), (&detail, colour), |ui| {
                dot(ui, if info.on { light_colour(&c, light) } else { c.line });
                ui.add_space(2.0);
                if switch(ui, info.on, &name).clicked() {
                    commands.push(Examples::Switch(example.id(), !info.on));
                }
            });
        });
    });
    if remove(ui, &response, &name).clicked() {
        commands.push(Examples::Remove(example.id()));
    }
}

/// The slice through the middle, on black.
fn thumbnail(ui: &mut Ui, texture: Option<egui::TextureId>) {
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(THUMBNAIL), Sense::hover());
    ui.painter().rect_filled(rect, CornerRadius::same(4), Color32::BLACK);
    let all = Rect::from_min_max(Pos2::ZERO, pos2(1.0, 1.0));
    if let Some(texture) = texture {
        ui.painter().image(texture, rect, all, Color32::WHITE);
    }
}

/// A small switch.
fn switch(ui: &mut Ui, on: bool, name: &str) -> Response {
    let c = colours(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(22.0, 18.0), Sense::click());
    let rail = Rect::from_center_size(rect.center(), vec2(22.0, 12.0));
    let fill = match (on, response.hovered()) {
        (true, _) => c.accent,
        (false, true) => c.muted,
        (false, false) => c.line,
    };
    ui.painter().rect_filled(rail, CornerRadius::same(6), fill);
    let x = if on { rail.right() - 6.0 } else { rail.left() + 6.0 };
    ui.painter().circle_filled(pos2(x, rail.center().y), 4.0, Color32::WHITE);
    response.widget_info(|| WidgetInfo::selected(Role::Switch, true, on, format!("Use {name}")));
    response.on_hover_text(if on { "Used in the next run" } else { "Not used in the next run" })
}

/// A cross in the corner of a card, drawn while the pointer is over the card.
pub fn remove(ui: &mut Ui, card: &Response, name: &str) -> Response {
    let centre = card.rect.right_top() + vec2(-2.0, 2.0);
    let rect = Rect::from_center_size(centre, Vec2::splat(16.0));
    let response = ui.interact(rect, card.id.with("remove"), Sense::click());
    if response.hovered() || response.has_focus() || ui.rect_contains_pointer(card.rect) {
        let c = colours(ui);
        let fill = if response.hovered() { c.problem } else { c.hover };
        ui.painter().circle_filled(centre, 8.0, fill);
        icons::paint(ui.painter(), Icon::Close, centre, c.strong);
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Remove {name}")));
    response
}

/// Where to drop; where no drop arrives, it says what to do instead.
fn drop_hint(ui: &mut Ui, commands: &mut Commands) {
    let c = colours(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::click());
    let outline = rect.shrink(0.5);
    let corners = [outline.left_top(), outline.right_top(), outline.right_bottom(), outline.left_bottom()];
    let path: Vec<Pos2> = corners.into_iter().chain([corners[0]]).collect();
    let over = ui.input(|i| !i.raw.hovered_files.is_empty());
    let colour = if over || response.hovered() { c.accent } else { c.line };
    ui.painter().extend(egui::Shape::dashed_line(&path, Stroke::new(1.0, colour), 4.0, 3.0));
    let text = if !on_wayland() { "Drop scans and labels anywhere" } else { "Browse for scans and labels" };
    let font = egui::FontId::proportional(theme::TEXT);
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, text, font, c.muted);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, text));
    if response.clicked() {
        commands.push(File::Open);
    }
}

fn labels(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let values = state.label_values();
    if values.is_empty() {
        return;
    }
    head(ui, "Labels", |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        command_link(ui, state, Examples::NoLabels, "none", commands);
        widgets::muted(ui, "·");
        command_link(ui, state, Examples::AllLabels, "all", commands);
    });
    let c = colours(ui);
    let summary = state.shown_mask().and_then(|mask| state.summary(mask));
    let table = state.document.labels();
    ui.spacing_mut().item_spacing.y = 2.0;
    for value in values {
        let (name, wanted) = (table.name(value), !table.is_excluded(value));
        let drawn = table.is_visible(value);
        ui.horizontal(|ui| {
            ui.spacing_mut().interact_size.y = 20.0;
            let (rect, tick) = ui.allocate_exact_size(vec2(13.0, 18.0), Sense::click());
            icons::paint_box(ui.painter(), rect.center(), wanted, c.accent, c.muted);
            tick.widget_info(|| {
                WidgetInfo::selected(Role::CheckBox, true, wanted, format!("Segment {name}"))
            });
            if tick.on_hover_text("Segment this label in the next run").clicked() {
                commands.push(Examples::WantLabel(value, !wanted));
            }
            let square = swatch(ui, state.palette.colour(value), drawn, &format!("Show {name}"));
            let hint = if drawn { "Drawn; click to hide" } else { "Hidden; click to draw" };
            if square.on_hover_text(hint).clicked() {
                commands.push(View::ShowLabel(value, !drawn));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if let Some(ml) = summary.and_then(|summary| summary.volumes_ml.get(&value)) {
                    widgets::muted(ui, format!("{ml:.1} ml"));
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    widgets::elided(ui, &name, theme::TEXT, if drawn { c.text } else { c.muted }, 1);
                });
            });
        });
    }
}
