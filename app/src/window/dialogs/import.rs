//! The import plan sheet: what a drop leads to, before anything is loaded.

use crate::commands::import::Import;
use crate::import::{Check, Fix, Light, Outcome, Phase, Plan, Role, Yield};
use crate::state::State;
use crate::window::theme::{self, colours};
use crate::window::widgets::{self, ButtonStyle, Commands, button, dot, light_colour, link, muted};
use egui::{
    Align, Color32, ComboBox, Id, Layout, Margin, Modal, Popup, RichText, ScrollArea, Stroke, Ui, Vec2, vec2,
};

/// Widths of File, Role, Label or pair, Check, What will happen.
const COLUMNS: [f32; 5] = [212.0, 132.0, 202.0, 232.0, 210.0];
const ROW: f32 = 36.0;

/// Draws it when there is a plan.
pub fn show(ui: &Ui, state: &State, commands: &mut Commands) {
    let Some(plan) = &state.plan else { return };
    let c = colours(ui);
    let shadow = ui.visuals().window_shadow;
    let frame = super::frame(&c).shadow(shadow).inner_margin(Margin::symmetric(24, 20));
    let backdrop = Color32::from_black_alpha(150);
    let sheet = Modal::new(Id::unique("import plan")).frame(frame).backdrop_color(backdrop);
    sheet.show(ui.ctx(), |ui| {
        ui.set_width(COLUMNS.iter().sum::<f32>() + 4.0 * theme::GAP);
        ui.horizontal(|ui| {
            let count = plan.items.len();
            let title = match (plan.phase(), count) {
                (Phase::Collecting, _) => "Looking for files…".to_owned(),
                (_, 1) => "1 file".to_owned(),
                _ => format!("{count} files"),
            };
            ui.label(RichText::new(title).font(theme::semibold(16.0)).color(c.strong));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                muted(ui, "Nothing is loaded until you continue");
            });
        });
        row(ui, 24.0, |ui, column| {
            muted(ui, ["File", "Role", "Label or pair", "Check", "What will happen"][column]);
        });
        let height = (ui.ctx().content_rect().height() - 280.0).max(160.0);
        let rows = plan.overview().map_or(&[][..], |overview| &overview.rows);
        ui.spacing_mut().item_spacing.y = 0.0;
        let area = ScrollArea::vertical().max_height(height).auto_shrink([false, true]);
        area.show_rows(ui, ROW, rows.len(), |ui, shown| {
            for &index in &rows[shown] {
                item(ui, plan, index, commands);
            }
        });
        ui.add_space(16.0);
        foot(ui, plan, commands);
    });
}

/// Five columns under a hairline.
fn row(ui: &mut Ui, height: f32, mut cell: impl FnMut(&mut Ui, usize)) {
    ui.spacing_mut().item_spacing = vec2(theme::GAP, 0.0);
    let top = ui.horizontal(|ui| {
        for (column, width) in COLUMNS.into_iter().enumerate() {
            ui.allocate_ui_with_layout(vec2(width, height), Layout::left_to_right(Align::Center), |ui| {
                ui.set_min_size(vec2(width, height));
                ui.set_max_width(width);
                cell(ui, column);
            });
        }
    });
    let line = Stroke::new(1.0, colours(ui).line);
    ui.painter().hline(top.response.rect.x_range(), top.response.rect.bottom(), line);
}

fn item(ui: &mut Ui, plan: &Plan, index: usize, commands: &mut Commands) {
    let c = colours(ui);
    let (item, verdict) = (&plan.items[index], plan.verdict(index));
    let faded = item.role == Role::Ignored || item.fix == Some(Fix::LeaveOut);
    ui.push_id(index, |ui| {
        row(ui, ROW, |ui, column| {
            if faded && column != 1 {
                ui.multiply_opacity(0.6);
            }
            match column {
                0 => {
                    let shown = widgets::elided(ui, &plan.name(index), theme::TEXT, c.strong, 1);
                    shown.on_hover_text(item.path.display().to_string());
                }
                1 if matches!(item.check, Check::NotAnImage) => _ = muted(ui, "—"),
                // Choices show their value only, so screen readers are told what they choose.
                1 => ui
                    .name_inputs(format!("Role of {}", item.name), |ui| role(ui, index, item.role, commands)),
                2 => ui
                    .name_inputs(format!("Labels of {}", item.name), |ui| partner(ui, plan, index, commands)),
                3 => {
                    let colour = if verdict.light == Light::Problem { c.text } else { c.muted };
                    if verdict.light != Light::Off {
                        dot(ui, light_colour(&c, verdict.light));
                    }
                    widgets::elided(ui, &verdict.finding, 12.0, colour, 2);
                }
                _ => outcome(ui, plan, index, verdict.outcome, commands),
            }
        });
    });
}

fn role(ui: &mut Ui, index: usize, now: Role, commands: &mut Commands) {
    let menu = ComboBox::from_id_salt("role").width(COLUMNS[1] - 8.0).selected_text(now.label());
    menu.show_ui(ui, |ui| {
        for role in Role::ALL {
            if ui.selectable_label(role == now, role.label()).clicked() && role != now {
                commands.push(Import::Role(index, role));
            }
        }
    });
}

/// The label file of an example, or what a mask is for.
fn partner(ui: &mut Ui, plan: &Plan, index: usize, commands: &mut Commands) {
    let item = &plan.items[index];
    match item.role {
        Role::Example => {
            let text = item.partner.map_or("choose…".into(), |i| plan.name(i));
            let choice = ComboBox::from_id_salt("pair").width(COLUMNS[2] - 8.0).truncate();
            choice.selected_text(RichText::new(text).size(12.0)).show_ui(ui, |ui| {
                for option in plan.label_choices(index) {
                    let chosen = item.partner == Some(option);
                    if ui.selectable_label(chosen, plan.name(option)).clicked() && !chosen {
                        commands.push(Import::Pair(index, Some(option)));
                    }
                }
                if ui.selectable_label(item.partner.is_none(), "none").clicked() {
                    commands.push(Import::Pair(index, None));
                }
            });
        }
        Role::Truth | Role::Mask => {
            if let Some((target, _)) = plan.target() {
                widgets::elided(ui, &format!("of {target}"), 12.0, colours(ui).muted, 1);
            }
        }
        Role::Target | Role::Label | Role::Ignored => {}
    }
}

fn outcome(ui: &mut Ui, plan: &Plan, index: usize, outcome: Outcome, commands: &mut Commands) {
    let c = colours(ui);
    let item = &plan.items[index];
    match outcome {
        Outcome::Waits => {}
        Outcome::Ready => match item.image().map_or(1, |probe| probe.frames) {
            1 => _ = ui.label(RichText::new("ready").size(12.0).color(c.muted)),
            frames => ui.name_inputs(format!("Volume of {}", item.name), |ui| {
                let text = |frame: usize| format!("volume {} of {frames}", frame + 1);
                let choice = ComboBox::from_id_salt("volume").width(COLUMNS[4] - 8.0);
                choice.selected_text(RichText::new(text(item.frame)).size(12.0)).show_ui(ui, |ui| {
                    for frame in 0..frames {
                        let chosen = frame == item.frame;
                        if ui.selectable_label(chosen, text(frame)).clicked() && !chosen {
                            commands.push(Import::Volume(index, frame));
                        }
                    }
                });
            }),
        },
        Outcome::Ignored => _ = ui.label(RichText::new("not loaded").size(12.0).color(c.muted)),
        Outcome::Choose(fixes) => {
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing = vec2(10.0, 0.0);
                ui.horizontal_wrapped(|ui| {
                    for option in fixes {
                        let chosen = item.fix == Some(*option);
                        let text =
                            if chosen { format!("✓ {}", option.label()) } else { option.label().into() };
                        if link(ui, &text, 12.0, if chosen { c.strong } else { c.link }).clicked() {
                            commands.push(Import::Fix(index, *option));
                        }
                    }
                });
            });
        }
    }
}

fn foot(ui: &mut Ui, plan: &Plan, commands: &mut Commands) {
    ui.horizontal(|ui| {
        let note = match plan.phase() {
            Phase::Collecting => "Searching the folders.",
            Phase::Checking => "Looking at the files.",
            Phase::Ready => "Roles are guessed from names and content. Change any of them.",
        };
        muted(ui, note);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let sum = plan.overview().map_or(Yield::default(), |overview| overview.sum);
            let ready = plan.phase() == Phase::Ready && sum != Yield::default();
            let load = ui.add_enabled_ui(ready, |ui| {
                button(ui, &load_text(sum), ButtonStyle::Primary, vec2(120.0, 32.0))
            });
            // Enter belongs to the focused control, or to an open menu.
            let free = ui.memory(|memory| memory.focused().is_none()) && !Popup::is_any_open(ui.ctx());
            let entered = ready && free && ui.input(|i| i.key_pressed(egui::Key::Enter));
            if load.inner.clicked() || entered {
                commands.push(Import::Load);
            }
            if button(ui, "Cancel", ButtonStyle::Quiet, Vec2::new(60.0, 28.0)).clicked() {
                commands.push(Import::Cancel);
            }
        });
    });
}

/// `Load 5 pairs and the target`.
fn load_text(sum: Yield) -> String {
    let count = |n: usize, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let parts = [
        count(sum.pairs, "pair", "pairs"),
        sum.target.then(|| "the target".to_owned()),
        sum.truth.then(|| "the ground truth".to_owned()),
        count(sum.masks, "mask", "masks"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.split_last() {
        None => "Nothing to load".into(),
        Some((last, [])) => format!("Load {last}"),
        Some((last, others)) => format!("Load {} and {last}", others.join(", ")),
    }
}
