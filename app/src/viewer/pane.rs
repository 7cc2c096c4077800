//! One pane of the window: a slice, the text over it, and the user's actions in it.

use super::{Camera, Gpu, Layers, PaneAction, Plane, View, camera, slice};
use egui::{
    Align2, Color32, CursorIcon, Event, FontId, Key, MouseWheelUnit, PointerButton, Pos2, Rect, Response,
};
use egui::{Role, Sense, Stroke, TextStyle, Ui, WidgetInfo};

/// What dragging with the left button does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Moves the cursor.
    #[default]
    Cursor,
    /// Up zooms in, down zooms out, about the point where the drag began.
    Zoom,
    /// Moves the picture.
    Pan,
    /// Sideways changes the window, up and down the level.
    Contrast,
}

/// One slice pane.
pub struct Pane<'a> {
    /// Distinguishes the panes of one window.
    pub id: egui::Id,
    /// The plane it shows.
    pub plane: Plane,
    /// Position, zoom and contrast, shared by all panes.
    pub view: &'a View,
    /// The layers that it draws.
    pub layers: Layers<'a>,
    /// The action of the left button.
    pub tool: Tool,
}

const CROSSHAIR: Color32 = Color32::from_rgba_unmultiplied_const(0x4f, 0x9c, 0xf5, 170);
const STRONG: Color32 = Color32::from_gray(0xf2);
const QUIET: Color32 = Color32::from_gray(0xd2);
const TEXT_SIZE: f32 = 12.0;
/// A style of this name gives the font of pane titles, where the window's theme has one.
pub const TITLE_STYLE: &str = "pane title";

/// Fills the space that `ui` has left with a slice pane and returns what the user did in it.
///
/// Left drag acts by [`Tool`], right drag changes window and level, middle or Shift drag pans, the wheel and the arrow
/// keys step through slices, Ctrl with the wheel or a pinch zooms about the pointer, a double click fits.
pub fn show_pane(ui: &mut Ui, gpu: &Gpu, pane: &Pane<'_>) -> Vec<PaneAction> {
    let (_, rect) = ui.allocate_space(ui.available_size());
    let response = ui.interact(rect, pane.id, Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, pane.plane.name()));
    let camera = Camera::new(pane.plane, pane.view, rect);
    if ui.is_rect_visible(rect) {
        draw(ui, gpu, pane, &camera, rect);
    }
    let mut actions = dragged(ui, pane, &camera, &response);
    if response.hovered() {
        actions.extend(stepped(ui, pane));
        actions.extend(zoomed(ui, pane, &camera, &response));
    }
    if response.double_clicked() {
        actions.push(PaneAction::Fit);
    }
    actions
}

fn draw(ui: &Ui, gpu: &Gpu, pane: &Pane<'_>, camera: &Camera, rect: Rect) {
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let title = ui.style().text_styles.get(&TextStyle::Name(TITLE_STYLE.into())).cloned();
    let (small, title) = (FontId::proportional(TEXT_SIZE), title.unwrap_or(FontId::proportional(TEXT_SIZE)));
    let text = |at: Pos2, anchor: Align2, text: &str, font: &FontId, colour: Color32| {
        // A dark rim keeps letters legible over bright tissue.
        for way in [egui::vec2(1.0, 0.0), egui::vec2(-1.0, 0.0), egui::vec2(0.0, 1.0), egui::vec2(0.0, -1.0)]
        {
            painter.text(at + way, anchor, text, font.clone(), Color32::from_black_alpha(150));
        }
        painter.text(at, anchor, text, font.clone(), colour);
    };
    if pane.layers.image.is_none() && pane.layers.labels.is_none() {
        painter.rect_filled(rect, 0.0, Color32::BLACK);
    } else {
        let pixels_per_point = ui.ctx().pixels_per_point();
        painter.add(slice::paint(gpu, pane.id, &pane.layers, camera, pane.view, rect, pixels_per_point));
        let at = camera.screen(pane.view.cursor_mm);
        let line = Stroke::new(1.0 / pixels_per_point, CROSSHAIR);
        // The middle of a physical pixel, so that the line is one sharp pixel wide.
        let sharp = |v: f32| ((v * pixels_per_point).floor() + 0.5) / pixels_per_point;
        painter.vline(sharp(at.x), rect.y_range(), line);
        painter.hline(rect.x_range(), sharp(at.y), line);
        let [left, right, top, bottom] = pane.plane.letters(pane.view.radiological).map(String::from);
        let inner = rect.shrink(8.0);
        text(inner.left_center(), Align2::LEFT_CENTER, &left, &small, QUIET);
        text(inner.right_center(), Align2::RIGHT_CENTER, &right, &small, QUIET);
        text(inner.center_top(), Align2::CENTER_TOP, &top, &small, QUIET);
        text(inner.center_bottom(), Align2::CENTER_BOTTOM, &bottom, &small, QUIET);
        let position = pane.plane.position(pane.view.cursor_mm);
        text(inner.right_bottom(), Align2::RIGHT_BOTTOM, &position, &small, QUIET);
    }
    text(rect.shrink(8.0).left_top(), Align2::LEFT_TOP, pane.plane.name(), &title, STRONG);
}

/// The action of a drag, by button and tool.
fn dragged(ui: &Ui, pane: &Pane<'_>, camera: &Camera, response: &Response) -> Vec<PaneAction> {
    let (primary, shift) = ui.input(|i| (i.pointer.primary_down(), i.modifiers.shift));
    let tool =
        match (response.dragged_by(PointerButton::Middle), response.dragged_by(PointerButton::Secondary)) {
            (true, _) => Tool::Pan,
            (_, true) => Tool::Contrast,
            _ if shift => Tool::Pan,
            _ => pane.tool,
        };
    if response.hovered() || response.dragged() {
        ui.ctx().set_cursor_icon(match tool {
            Tool::Cursor => CursorIcon::Crosshair,
            Tool::Zoom => CursorIcon::ZoomIn,
            Tool::Pan if response.dragged() => CursorIcon::Grabbing,
            Tool::Pan => CursorIcon::Grab,
            Tool::Contrast => CursorIcon::AllScroll,
        });
    }
    let (view, delta) = (pane.view, response.drag_delta());
    let pointer = response.interact_pointer_pos();
    match (tool, pointer) {
        // Follows from the press on, before egui is sure that it is a drag.
        (Tool::Cursor, Some(pointer)) if primary && response.is_pointer_button_down_on() => {
            let world = camera.world(pointer);
            let snapped = pane.layers.image.map_or(world, |image| camera::snap(image.grid(), world));
            vec![PaneAction::MoveCursor(snapped)]
        }
        (Tool::Cursor, _) | (_, None) => vec![],
        _ if delta == egui::Vec2::ZERO => vec![],
        (Tool::Pan, _) => {
            let centre_mm = view.centre_mm - camera.world_delta(delta);
            vec![PaneAction::Look { centre_mm, zoom: view.zoom }]
        }
        (Tool::Zoom, Some(pointer)) => {
            let about = ui.input(|i| i.pointer.press_origin()).unwrap_or(pointer);
            vec![zoom_about(pane, camera, about, (-f64::from(delta.y) / 150.0).exp())]
        }
        (Tool::Contrast, _) => {
            let window = view.window * (delta.x / 200.0).exp();
            vec![PaneAction::SetContrast { window, level: view.level + delta.y / 300.0 * view.window }]
        }
    }
}

/// Steps through slices by wheel or arrow keys; forwards is towards the right, front and top of the body.
fn stepped(ui: &Ui, pane: &Pane<'_>) -> Option<PaneAction> {
    let keys_are_free = ui.memory(|m| m.focused().is_none());
    let moved = ui.input(|i| {
        let events = i.events.iter().map(|event| match event {
            Event::MouseWheel { unit, delta, modifiers, .. } if !modifiers.command && !modifiers.ctrl => {
                delta.y
                    * match unit {
                        MouseWheelUnit::Line => 1.0,
                        MouseWheelUnit::Page => 10.0,
                        MouseWheelUnit::Point => 0.05,
                    }
            }
            Event::Key { key, pressed: true, modifiers, .. } if keys_are_free && modifiers.is_none() => {
                match key {
                    Key::ArrowUp | Key::ArrowRight => 1.0,
                    Key::ArrowDown | Key::ArrowLeft => -1.0,
                    _ => 0.0,
                }
            }
            _ => 0.0,
        });
        events.sum::<f32>()
    });
    if moved == 0.0 {
        return None;
    }
    // Touchpads move by fractions of a slice; what is left over waits for the next frame.
    let left_over = pane.id.with("left over");
    let slices = moved + ui.data(|d| d.get_temp::<f32>(left_over)).unwrap_or(0.0);
    ui.data_mut(|d| d.insert_temp(left_over, slices.fract()));
    let image = pane.layers.image.map(|image| image.grid());
    let grid = image.or(pane.layers.labels.map(|labels| labels.grid()))?;
    let mut cursor = pane.view.cursor_mm;
    cursor[pane.plane.normal()] += f64::from(slices.trunc()) * camera::slice_step_mm(grid, pane.plane);
    (slices.trunc() != 0.0).then_some(PaneAction::MoveCursor(cursor))
}

/// Zooms about the pointer by Ctrl and wheel, or by pinching.
fn zoomed(ui: &Ui, pane: &Pane<'_>, camera: &Camera, response: &Response) -> Option<PaneAction> {
    let factor = ui.input(|i| i.zoom_delta());
    let pointer = response.hover_pos().filter(|_| factor != 1.0)?;
    Some(zoom_about(pane, camera, pointer, factor.into()))
}

fn zoom_about(pane: &Pane<'_>, camera: &Camera, pointer: Pos2, factor: f64) -> PaneAction {
    let zoom = (pane.view.zoom * factor).clamp(*View::ZOOM.start(), *View::ZOOM.end());
    let mut centre_mm = camera.centre_for_zoom_about(camera.world(pointer), zoom / pane.view.zoom);
    // The slice's own position belongs to the cursor, not to the picture's place on the screen.
    centre_mm[pane.plane.normal()] = pane.view.centre_mm[pane.plane.normal()];
    PaneAction::Look { centre_mm, zoom }
}
