//! The right panel: run, results, overlay, agreement with the ground truth.

use super::bars::{gigabytes, minus};
use super::shelf;
use crate::commands::Command;
use crate::commands::file::File;
use crate::commands::run::Run;
use crate::commands::view::View;
use crate::document::{Mask, Provenance, Status};
use crate::state::{self, Layout as Arrangement, State, messages};
use crate::viewer::OverlayStyle;
use crate::window::theme::{self, colours};
use crate::window::widgets::{self, ButtonStyle, Commands, command_button, head, link, muted, slider};
use egui::{Align, Frame, Layout, Margin, Panel, RichText, Role, Sense, Stroke, Ui, WidgetInfo, vec2};
use imaging::metrics::{COLUMNS, LabelScore};
use inference::pipeline::Stage;

const WIDTH: f32 = 288.0;

/// Draws the panel.
pub fn show(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let frame = Frame::new().fill(colours(ui).panel).inner_margin(widgets::beside_a_bar());
    Panel::right("results").exact_size(WIDTH).resizable(false).frame(frame).show(ui, |ui| {
        let right = Margin { right: theme::MARGIN as i8, ..Margin::ZERO };
        let frame = Frame::new().inner_margin(right);
        Panel::bottom("export").show_separator_line(false).frame(frame).show(ui, |ui| {
            ui.add_space(theme::GAP);
            halves(ui, |ui, size| {
                let compare = Command::from(View::Arrange(Arrangement::Compare));
                let text = if compare.is_chosen(state) == Some(true) { "Planes" } else { "Compare" };
                command_button(ui, state, compare, text, (ButtonStyle::Quiet, size), commands);
                command_button(ui, state, File::Export, "Export…", (ButtonStyle::Quiet, size), commands);
            });
        });
        widgets::scrolled(ui, f32::INFINITY, |ui| {
            run(ui, state, commands);
            if !state.document.masks().is_empty() {
                rule(ui);
                results(ui, state, commands);
                overlay(ui, state, commands);
            }
            if let Some(rows) = state.active_mask().and_then(|mask| state.scores(mask)) {
                rule(ui);
                scores(ui, state, rows);
            }
        });
    });
}

fn rule(ui: &mut Ui) {
    ui.add_space(2.0);
    widgets::line(ui);
    ui.add_space(2.0);
}

/// Two buttons side by side.
fn halves(ui: &mut Ui, add: impl FnOnce(&mut Ui, egui::Vec2)) {
    ui.horizontal(|ui| {
        let size = vec2((ui.available_width() - theme::GAP) / 2.0, 28.0);
        add(ui, size);
    });
}

/// A row with text at both ends.
fn ends(ui: &mut Ui, left: &str, right: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = 18.0;
        ui.label(left);
        ui.with_layout(Layout::right_to_left(Align::Center), right);
    });
}

fn run(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let (at_once, most) = (state.at_once(), state.most_at_once());
    head(ui, "Examples at once", |_| {});
    ui.spacing_mut().item_spacing.y = 6.0;
    ends(ui, &format!("ℓ = {at_once}"), |ui| _ = muted(ui, cost(state, at_once)));
    ui.add_enabled_ui(most > 1, |ui| {
        if let Some(value) = slider(ui, "Examples at once", at_once as f32, 1.0..=most as f32, 1.0) {
            commands.push(Run::SetMiniContext(value as usize));
        }
    });
    let note = state.device.summary().and_then(|summary| match summary {
        summary if !summary.model.reads_examples => {
            Some("not read: the weights are a U-Net that knows one task")
        }
        summary if summary.most_at_once == 1 => Some("read one by one on a processor"),
        _ => None,
    });
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size.y = 14.0;
        if let Some(note) = note {
            muted(ui, note);
        } else {
            muted(ui, "less memory");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| muted(ui, "faster"));
        }
    });
    let size = vec2(ui.available_width(), 34.0);
    command_button(ui, state, Run::Segment, "Segment", (ButtonStyle::Primary, size), commands);
    match &state.run {
        state::Run::Running { stage, fraction, started, stopping, .. } => {
            let doing = if *stopping { "Stopping".to_owned() } else { messages::stage(stage.as_ref()) };
            ends(ui, &doing, |ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                let colour = colours(ui).muted;
                if link(ui, "Cancel", theme::SMALL, colour).clicked() {
                    commands.push(Run::Cancel);
                }
                muted(ui, format!("{} s ·", started.elapsed().as_secs()));
            });
            widgets::progress(ui, *fraction);
            if let Some(Stage::Reading { flops_per_second, .. }) = stage {
                muted(ui, format!("{:.0} GFLOP/s", flops_per_second / 1e9));
            }
        }
        _ => {
            if let Some(obstacle) = state.run_blocker().filter(|_| !state.is_empty()) {
                muted(ui, obstacle);
            }
        }
    }
    ui.spacing_mut().item_spacing.y = theme::GAP;
}

/// What a run with ℓ examples at once costs, or cost when exactly this was run last.
fn cost(state: &State, at_once: usize) -> String {
    let Some(summary) = state.device.summary() else { return String::new() };
    let all = gigabytes(summary.memory_bytes);
    let (examples, labels) = (state.examples_on().count(), state.wanted_labels().len());
    if let Some(done) = state.run.report() {
        let work = |examples: usize, labels: usize| (examples * labels).max(1) as f64;
        if (done.contexts, done.mini_context, done.labels.len()) == (examples, at_once, labels) {
            let peak = amount(done.card_memory_bytes.unwrap_or(done.peak_memory_bytes));
            return format!("took {peak} of {all:.1} GB · {:.1} s", done.seconds.total);
        }
        if let Some(bytes) = state.predicted_bytes(at_once) {
            let ratio = work(examples, labels) / work(done.contexts, done.labels.len());
            let seconds = (done.seconds.total * ratio).max(1.0);
            return format!("{} of {all:.1} GB · about {seconds:.0} s", amount(bytes as u64));
        }
    }
    let predicted = state.predicted_bytes(at_once);
    predicted.map(|bytes| format!("about {} of {all:.1} GB", amount(bytes as u64))).unwrap_or_default()
}

/// Gigabytes with one figure after the point, or two where one would round to nothing much.
fn amount(bytes: u64) -> String {
    let gigabytes = gigabytes(bytes);
    if gigabytes < 0.1 { format!("{gigabytes:.2}") } else { format!("{gigabytes:.1}") }
}

fn results(ui: &mut Ui, state: &State, commands: &mut Commands) {
    head(ui, "Results", |_| {});
    let proposal = state.proposal().map(Mask::id);
    for mask in state.document.masks().iter().rev() {
        ui.push_id(mask.id(), |ui| result(ui, state, mask, commands));
        if Some(mask.id()) == proposal {
            halves(ui, |ui, size| {
                command_button(ui, state, Run::Reject, "Reject", (ButtonStyle::Quiet, size), commands);
                command_button(ui, state, Run::Accept, "Accept", (ButtonStyle::Accept, size), commands);
            });
        }
    }
}

fn result(ui: &mut Ui, state: &State, mask: &Mask, commands: &mut Commands) {
    let (c, info) = (colours(ui), mask.info());
    let shown = state.settings.shown == Some(mask.id());
    let title = match (info.status, &info.provenance) {
        (Status::Proposal, _) => format!("{} · proposal", info.name),
        (Status::Edited, _) => format!("{} · edited", info.name),
        (Status::Accepted, Provenance::Predicted { .. }) => format!("{} · accepted", info.name),
        _ => info.name.clone(),
    };
    let origin = match &info.provenance {
        Provenance::File(path) => path.file_name().unwrap_or_default().to_string_lossy(),
        Provenance::Predicted { summary, .. } => summary.into(),
        Provenance::Drawn => "drawn here".into(),
    };
    let outline = (info.status == Status::Proposal).then_some(c.accent);
    let response = widgets::card(ui, outline, |ui| {
        widgets::text_and(ui, 32.0, (&title, c.strong), (&origin, c.muted), |ui| {
            let (text, command) = match shown {
                true => ("hide", View::ShowMask(None)),
                false => ("show", View::ShowMask(Some(mask.id()))),
            };
            if link(ui, text, theme::SMALL, c.muted).clicked() {
                commands.push(command);
            }
        });
    });
    for warning in &info.remarks {
        ui.label(RichText::new(warning).size(theme::SMALL).color(c.attention));
    }
    if shelf::remove(ui, &response, &info.name).clicked() {
        commands.push(Run::RemoveMask(mask.id()));
    }
}

fn overlay(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let opacity = state.view.overlay_opacity;
    ui.spacing_mut().item_spacing.y = 4.0;
    ends(ui, "Opacity", |ui| _ = muted(ui, format!("A / D · {:.0} %", opacity * 100.0)));
    if let Some(value) = slider(ui, "Opacity", opacity, 0.0..=1.0, 0.01) {
        commands.push(View::SetOpacity(value));
    }
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 10.0;
        for style in [OverlayStyle::Fill, OverlayStyle::FillAndOutline, OverlayStyle::Outline] {
            let command = Command::from(View::SetFill(style));
            if radio(ui, state.view.overlay_style == style, command.about().label) {
                commands.push(command);
            }
        }
    });
    ui.spacing_mut().item_spacing.y = theme::GAP;
}

fn radio(ui: &mut Ui, chosen: bool, text: &str) -> bool {
    let c = colours(ui);
    let font = egui::FontId::proportional(12.0);
    let colour = if chosen { c.text } else { c.muted };
    let galley = ui.painter().layout_no_wrap(text.into(), font, colour);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(14.0, 4.0), Sense::click());
    let centre = rect.left_center() + vec2(5.0, 0.0);
    ui.painter().circle_stroke(centre, 4.5, Stroke::new(1.2, c.muted));
    if chosen {
        ui.painter().circle_filled(centre, 2.5, c.text);
    }
    let at = rect.left_center() + vec2(14.0, -galley.size().y / 2.0);
    ui.painter().galley(at, galley, colour);
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, text));
    response.clicked()
}

/// The most important scores by label.
fn scores(ui: &mut Ui, state: &State, rows: &[LabelScore]) {
    let c = colours(ui);
    head(ui, "Against ground truth", |_| {});
    let columns: Vec<_> = COLUMNS
        .iter()
        .filter_map(|column| {
            let (heading, text) = column.compact()?;
            let ratio = column.unit.is_empty();
            // `.87` needs less than a signed volume such as −411.1.
            let width = if ratio { 34.0 } else { (18.0 + 6.0 * heading.chars().count() as f32).max(50.0) };
            let text =
                move |score: &LabelScore| minus(if ratio { without_zero(text(score)) } else { text(score) });
            Some((heading, width, text))
        })
        .collect();
    let figures = |ui: &mut Ui, score: Option<&LabelScore>, size: f32, colour| {
        ui.spacing_mut().item_spacing.x = 0.0;
        for (heading, width, text) in columns.iter().rev() {
            let place = vec2(*width, 18.0);
            ui.allocate_ui_with_layout(place, Layout::right_to_left(Align::Center), |ui| {
                ui.set_min_size(place);
                let text = score.map_or_else(|| heading.clone(), text);
                ui.label(RichText::new(text).size(size).color(colour));
            });
        }
    };
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.horizontal(|ui| {
        muted(ui, "label");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| figures(ui, None, theme::SMALL, c.muted));
    });
    for row in rows.iter().filter(|row| state.draws(row.label)) {
        ui.horizontal(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(12.0, 18.0), Sense::hover());
            let square = egui::Rect::from_center_size(rect.center(), egui::Vec2::splat(12.0));
            ui.painter().rect_filled(square, 3, state.palette.colour(row.label));
            // What the figures leave, so that long names end in an ellipsis before them.
            let taken = columns.iter().map(|(_, width, _)| width).sum::<f32>() + theme::GAP;
            let left = vec2(ui.available_width() - taken, 18.0);
            ui.allocate_ui_with_layout(left, Layout::left_to_right(Align::Center), |ui| {
                ui.set_min_width(left.x);
                widgets::elided(ui, &state.document.labels().name(row.label), theme::TEXT, c.text, 1);
            });
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                figures(ui, Some(row), theme::TEXT, c.text);
            });
        });
    }
}

/// `.87`, or `1.00` for the perfect.
pub fn dice(value: f64) -> String {
    without_zero(format!("{value:.2}"))
}

/// A ratio without the zero before its point.
fn without_zero(text: String) -> String {
    text.strip_prefix('0').map(str::to_owned).unwrap_or(text)
}
