//! The middle: panes, comparison columns, or what to do first.

use super::bars::{in_the_middle, minus};
use super::network_view;
use super::results::dice;
use crate::commands::file::File;
use crate::commands::view::View;
use crate::document::Mask;
use crate::state::paths::on_wayland;
use crate::state::{Layout as Arrangement, State};
use crate::viewer::{ImageTexture, Layers, Pane, Plane, show_pane};
use crate::window::texture_cache::TextureCache;
use crate::window::theme::{self, colours};
use crate::window::widgets::{ButtonStyle, Commands, command_button, within};
use egui::{Align2, CentralPanel, Color32, FontId, Frame, Id, Rect, RichText, Ui, Vec2, pos2, vec2};
use imaging::io::readable_formats;

/// Gap between panes.
const SEAM: f32 = 2.0;
const COLUMN_HEAD: f32 = 28.0;

/// Draws the middle.
pub fn show(ui: &mut Ui, state: &State, texture_cache: &mut TextureCache, commands: &mut Commands) {
    let seam = if ui.visuals().dark_mode { Color32::from_rgb(0x16, 0x18, 0x1c) } else { colours(ui).line };
    CentralPanel::no_frame().frame(Frame::new().fill(seam)).show(ui, |ui| {
        let all = ui.max_rect();
        if state.target().is_none() {
            ui.painter().rect_filled(all, 0, Color32::BLACK);
            return empty(ui, state, all, commands);
        }
        match state.settings.layout {
            Arrangement::Planes => planes(ui, state, texture_cache, all, commands),
            Arrangement::Compare => compare(ui, state, texture_cache, all, commands),
        }
    });
}

/// Cuts a rectangle into columns and rows with a seam between them.
fn cell(all: Rect, [columns, rows]: [usize; 2], [column, row]: [usize; 2]) -> Rect {
    let size = vec2(
        (all.width() - SEAM * (columns - 1) as f32) / columns as f32,
        (all.height() - SEAM * (rows - 1) as f32) / rows as f32,
    );
    let step = size + Vec2::splat(SEAM);
    Rect::from_min_size(all.min + vec2(step.x * column as f32, step.y * row as f32), size)
}

fn planes(ui: &mut Ui, state: &State, texture_cache: &mut TextureCache, all: Rect, commands: &mut Commands) {
    let places = [[0, 0], [1, 0], [0, 1]];
    let mask = state.shown_mask();
    for (plane, place) in Plane::ALL.into_iter().zip(places) {
        pane(ui, state, texture_cache, cell(all, [2, 2], place), (plane, "planes"), [mask, None], commands);
    }
    network_view::show(ui, state, cell(all, [2, 2], [1, 1]));
}

/// Columns side by side: prediction, ground truth and difference, or the scan beside the prediction.
fn compare(ui: &mut Ui, state: &State, texture_cache: &mut TextureCache, all: Rect, commands: &mut Commands) {
    let Some(active) = state.active_mask() else { return };
    let mean = state.mean_dice(active).map_or(String::new(), |value| format!(" · Dice {}", dice(value)));
    let prediction = (format!("{}{mean}", active.info().name), [Some(active), None]);
    let columns = match state.document.reference() {
        Some(truth) => vec![
            prediction,
            ("Ground truth".into(), [Some(truth), None]),
            (format!("Difference{}", excess(state, active)), [Some(active), Some(truth)]),
        ],
        None => vec![("Scan".into(), [None, None]), prediction],
    };
    let across = columns.len();
    let c = colours(ui);
    let head = Rect::from_min_max(all.min, pos2(all.right(), all.top() + COLUMN_HEAD));
    let body = Rect::from_min_max(pos2(all.left(), head.bottom()), all.max);
    ui.painter().rect_filled(head, 0, c.panel);
    for (column, (title, masks)) in columns.into_iter().enumerate() {
        let top = cell(head, [across, 1], [column, 0]).shrink2(vec2(10.0, 0.0));
        within(ui, top, &format!("title {column}"), |ui| {
            ui.add_space(6.0);
            ui.label(RichText::new(&title).font(theme::semibold(theme::TEXT)).color(c.strong));
        });
        for (row, plane) in [Plane::Axial, Plane::Sagittal].into_iter().enumerate() {
            let place = cell(body, [across, 2], [column, row]);
            pane(ui, state, texture_cache, place, (plane, &format!("compare {column}")), masks, commands);
        }
    }
}

/// Millilitres that a prediction has beyond the truth, and those that it lacks.
fn excess(state: &State, mask: &Mask) -> String {
    let Some(rows) = state.scores(mask) else { return String::new() };
    let (mut added, mut missing) = (0.0, 0.0);
    for row in rows.iter().filter(|row| state.draws(row.label)) {
        // Dice is twice the overlap over the sum of both volumes.
        let overlap = row.dice * (row.prediction_ml + row.truth_ml) / 2.0;
        added += row.prediction_ml - overlap;
        missing += row.truth_ml - overlap;
    }
    minus(format!(" · +{added:.1} ml -{missing:.1} ml"))
}

/// One pane; `masks` are the labels and what they are shown as the difference from.
fn pane(
    ui: &mut Ui,
    state: &State,
    texture_cache: &mut TextureCache,
    rect: Rect,
    (plane, place): (Plane, &str),
    masks: [Option<&Mask>; 2],
    commands: &mut Commands,
) {
    let Some(target) = state.target() else { return };
    let Some(gpu) = texture_cache.gpu() else {
        ui.painter().rect_filled(rect, 0, Color32::BLACK);
        return in_the_middle(ui, rect, plane.name());
    };
    let image = texture_cache.image(target);
    let [labels, reference] = masks.map(|mask| {
        let drawn = mask.filter(|_| state.settings.overlay);
        drawn.and_then(|mask| texture_cache.mask(mask, target))
    });
    let shown = Layers {
        image: image.as_ref(),
        labels: labels.as_ref(),
        reference: reference.as_ref(),
        palette: &state.palette,
    };
    within(ui, rect, &format!("{place} {}", plane.name()), |ui| {
        let id = Id::unique((place, plane));
        let pane = Pane { id, plane, view: &state.view, layers: shown, tool: state.settings.tool };
        show_pane(ui, &gpu, &pane).into_iter().for_each(|action| commands.push(View::Pane(action)));
        if let Some(note) = image.as_ref().and_then(ImageTexture::note) {
            let at = Rect::from_min_max(rect.left_bottom() - vec2(0.0, 26.0), rect.right_bottom());
            let mut low = ui.new_child(egui::UiBuilder::new().max_rect(at.shrink2(vec2(8.0, 6.0))));
            let text = RichText::new(&note.short).size(theme::SMALL).color(colours(&low).attention);
            low.label(text).on_hover_text(note.sentence);
        }
    });
}

/// What to do, in three steps.
fn empty(ui: &mut Ui, state: &State, all: Rect, commands: &mut Commands) {
    let place = Rect::from_center_size(all.center(), vec2(480.0, 250.0));
    let c =
        if ui.visuals().dark_mode { colours(ui) } else { return empty_on_black(ui, state, place, commands) };
    steps(ui, state, place, [c.strong, c.text, c.muted], commands);
}

fn empty_on_black(ui: &mut Ui, state: &State, place: Rect, commands: &mut Commands) {
    let [strong, text, quiet] = [255, 215, 150].map(Color32::from_gray);
    steps(ui, state, place, [strong, text, quiet], commands);
}

fn steps(
    ui: &mut Ui,
    state: &State,
    place: Rect,
    [strong, text, quiet]: [Color32; 3],
    commands: &mut Commands,
) {
    let first = match on_wayland() {
        false => "Drop a scan here, and a few scans that somebody has labelled",
        true => "Browse for a scan, and a few scans that somebody has labelled",
    };
    let lines = [
        first,
        "Check the plan: which is the target, which the examples",
        "Press Segment, look, accept, export",
    ];
    within(ui, place, "empty", |ui| {
        ui.vertical_centered(|ui| {
            ui.label(RichText::new("Segment by example").font(theme::semibold(18.0)).color(strong));
            ui.add_space(10.0);
        });
        for (number, line) in (1..).zip(lines) {
            ui.horizontal(|ui| {
                ui.add_space(18.0);
                let (rect, _) = ui.allocate_exact_size(Vec2::splat(20.0), egui::Sense::hover());
                ui.painter().circle_stroke(rect.center(), 9.5, egui::Stroke::new(1.0, quiet));
                let font = FontId::proportional(11.0);
                ui.painter().text(rect.center(), Align2::CENTER_CENTER, number.to_string(), font, quiet);
                ui.label(RichText::new(line).color(text));
            });
        }
        ui.add_space(14.0);
        let size = vec2(120.0, 32.0);
        ui.horizontal(|ui| {
            ui.add_space((place.width() - 330.0) / 2.0);
            command_button(ui, state, File::Open, "Browse…", (ButtonStyle::Primary, size), commands);
            let demo = vec2(180.0, 32.0);
            command_button(
                ui,
                state,
                File::OpenDemo,
                "Open the demo case",
                (ButtonStyle::Quiet, demo),
                commands,
            );
        });
        ui.add_space(10.0);
        ui.vertical_centered(|ui| {
            let note = match on_wayland() {
                false => format!("{} files and folders · nothing leaves this computer", readable_formats()),
                true => {
                    "Wayland hands no dropped files to windows like this one · nothing leaves this computer"
                        .into()
                }
            };
            ui.label(RichText::new(note).size(theme::SMALL).color(quiet));
        });
    });
}
