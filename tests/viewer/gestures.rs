//! What pointer and keys ask a pane for.

use crate::stage::{Scene, ras, stage};
use egui::{Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, TouchPhase, Vec2};
use egui_kittest::Harness;
use imaging::Volume;

fn staged() -> Harness<'static, Scene> {
    let mut harness = stage(300.0);
    let grid = ras([30, 30, 30]);
    harness.state_mut().show(&Volume { grid, voxels: (0..grid.len()).map(|i| i as f32).collect() });
    harness.run_steps(2);
    harness
}

fn button(harness: &mut Harness<'_, Scene>, pos: Pos2, button: PointerButton, pressed: bool) {
    harness.event(Event::PointerMoved(pos));
    harness.event(Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
    harness.step();
}

fn drag(harness: &mut Harness<'_, Scene>, from: Pos2, by: Vec2, with: PointerButton) {
    button(harness, from, with, true);
    for part in 1..=4 {
        harness.hover_at(from + by * part as f32 / 4.0);
        harness.step();
    }
    button(harness, from + by, with, false);
}

fn wheel(harness: &mut Harness<'_, Scene>, delta: Vec2, modifiers: Modifiers) {
    let (unit, phase, source) = (MouseWheelUnit::Line, TouchPhase::Move, MouseWheelSource::Wheel);
    harness.event_modifiers(Event::MouseWheel { unit, delta, phase, source, modifiers }, modifiers);
    harness.run_steps(40);
}

#[test]
fn a_press_and_a_drag_move_the_cursor_to_the_voxel_under_the_pointer() {
    let mut harness = staged();
    let from = Pos2::new(100.0, 90.0);
    button(&mut harness, from, PointerButton::Primary, true);
    let camera = harness.state().camera();
    let cursor = harness.state().view.cursor_mm;
    assert!((camera.world(from) - cursor).abs().max_element() <= 0.5, "{cursor}");
    let to = Pos2::new(200.0, 220.0);
    harness.hover_at(to);
    harness.step();
    let cursor = harness.state().view.cursor_mm;
    assert!((camera.world(to) - cursor).abs().max_element() <= 0.5, "{cursor}");
}

#[test]
fn wheel_and_arrow_keys_step_whole_slices() {
    let mut harness = staged();
    harness.hover_at(Pos2::new(150.0, 150.0));
    harness.step();
    let start = harness.state().view.cursor_mm;
    wheel(&mut harness, Vec2::new(0.0, 1.0), Modifiers::NONE);
    assert_eq!(harness.state().view.cursor_mm - start, glam::DVec3::Z);
    harness.key_press(Key::ArrowDown);
    harness.key_press(Key::ArrowDown);
    harness.run_steps(3);
    assert_eq!(harness.state().view.cursor_mm - start, glam::DVec3::NEG_Z);
}

#[test]
fn ctrl_and_wheel_zoom_about_the_pointer_and_a_double_click_fits_again() {
    let mut harness = staged();
    let pointer = Pos2::new(90.0, 210.0);
    harness.hover_at(pointer);
    harness.step();
    let before = harness.state().camera().world(pointer);
    wheel(&mut harness, Vec2::new(0.0, 3.0), Modifiers::CTRL | Modifiers::COMMAND);
    assert!(harness.state().view.zoom > 1.1, "{}", harness.state().view.zoom);
    assert!(harness.state().camera().world(pointer).distance(before) < 1e-3);
    for pressed in [true, false, true, false] {
        button(&mut harness, pointer, PointerButton::Primary, pressed);
    }
    assert_eq!(harness.state().view.zoom, 1.0);
}

#[test]
fn the_middle_button_pans_and_the_right_one_changes_contrast() {
    let mut harness = staged();
    let from = Pos2::new(120.0, 120.0);
    let held = harness.state().camera().world(from);
    let cursor = harness.state().view.cursor_mm;
    drag(&mut harness, from, Vec2::new(40.0, 16.0), PointerButton::Middle);
    let now = harness.state().camera().screen(held);
    assert!(now.distance(from + Vec2::new(40.0, 16.0)) < 0.5, "the grasped point did not follow: {now}");
    let (window, level) = (harness.state().view.window, harness.state().view.level);
    drag(&mut harness, from, Vec2::new(50.0, -50.0), PointerButton::Secondary);
    let view = &harness.state().view;
    assert!(view.window > window, "to the right: wider");
    assert!(view.level < level, "up: brighter");
    assert_eq!(view.cursor_mm, cursor, "neither moves the cursor");
}
