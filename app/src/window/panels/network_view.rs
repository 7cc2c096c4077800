//! The fourth pane: what the network saw of each image.

use super::bars::minus;
use crate::state::State;
use crate::window::theme;
use crate::window::widgets::within;
use egui::{Color32, Rect, RichText, ScrollArea, Ui, vec2};
use inference::pipeline::PreprocessingRecord;

const TEXT: Color32 = Color32::from_gray(0xd0);
const QUIET: Color32 = Color32::from_gray(0x8c);

/// Draws it on black, as the panes beside it are in both themes.
pub fn show(ui: &mut Ui, state: &State, rect: Rect) {
    ui.painter().rect_filled(rect, 0, Color32::BLACK);
    let report = state.active_mask().and_then(|mask| state.report(mask));
    within(ui, rect.shrink2(vec2(10.0, 8.0)), "seen", |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.label(RichText::new("What the network sees").font(theme::semibold(12.0)).color(Color32::WHITE));
        let Some(report) = report else {
            let text = "After a run: the part of each image that reached the network, how coarsely, and how far an \
                        example was deformed onto the target.";
            ui.label(RichText::new(text).size(12.0).color(QUIET));
            return;
        };
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            // The first is the target's, which the engine names by its file alone.
            let target = state.target().map(|target| state.name_of(target));
            let names = target.iter().chain(report.records.iter().skip(1).map(|record| &record.name));
            for (record, name) in report.records.iter().zip(names) {
                ui.add_space(8.0);
                ui.label(RichText::new(name).size(12.0).color(TEXT));
                ui.label(RichText::new(describe(record)).size(theme::SMALL).color(QUIET));
            }
        });
    });
}

/// `LIA → RAS · 80 × 80 × 80 voxels seen at 1.7 mm · intensities 3 to 118 · deformed by 2.9 mm`.
fn describe(record: &PreprocessingRecord) -> String {
    let [start, end] = record.box_voxels;
    let [x, y, z]: [usize; 3] = std::array::from_fn(|axis| end[axis] - start[axis]);
    let [a, b, c] = record.working_voxel_mm;
    let even = (a - b).abs() < 0.005 && (b - c).abs() < 0.005;
    let voxel = if even { format!("{a:.1} mm") } else { format!("{a:.1} × {b:.1} × {c:.1} mm") };
    let [low, high] = record.intensity;
    let turned = &record.orientation;
    let deformed =
        record.mean_displacement_mm.map_or(String::new(), |mm| format!(" · deformed by {mm:.1} mm"));
    minus(format!(
        "{turned} → RAS · {x} × {y} × {z} voxels seen at {voxel} · intensities {low:.0} to {high:.0}{deformed}"
    ))
}
