//! Undo, redo, copy.

use super::*;
use egui::OutputCommand;

#[test]
fn coordinates_of_the_cursor_are_copied_as_other_programs_read_them() {
    let _turn = alone();
    let mut window = open(Vec::new(), PathBuf::new());
    window.step();
    press(&mut window, egui::Modifiers::SHIFT, egui::Key::C);
    assert!(sentences(&window).is_empty(), "there is nothing to point at");
    click(&mut window, "Open the demo case");
    until(&mut window, "the target", |w| state(w).target().is_some());
    let key = egui::Key::C;
    let (physical_key, pressed, repeat, modifiers) = (None, true, false, egui::Modifiers::SHIFT);
    window.input_mut().events.push(egui::Event::Key { key, physical_key, pressed, repeat, modifiers });
    window.step();
    let copied = window.output().platform_output.commands.iter().find_map(|command| match command {
        OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    });
    let at = state(&window).read_out().unwrap();
    let [x, y, z] = at.world_mm.to_array();
    let [i, j, k] = at.voxel;
    assert_eq!(copied.unwrap(), format!("RAS {x:.1} {y:.1} {z:.1} mm, voxel {i} {j} {k}"));
    window.step();
    assert!(shows(&window, "Copied: RAS"));
}
