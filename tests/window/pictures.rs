//! What the panes, cards and menus show.

use super::*;
use exemplar::commands::examples::Examples;
use exemplar::document::MaskInfo;

#[test]
fn colours_stay_when_labels_and_examples_come_and_go() {
    let _turn = alone();
    let mut window = loaded(PathBuf::new());
    window.step();
    let colours = |window: &Window| [1, 2].map(|value| window.state().state.palette.colour(value));
    let before = colours(&window);
    assert_ne!(before[0], before[1]);
    execute(&mut window, Examples::WantLabel(1, false));
    assert_eq!(colours(&window), before, "label 1 is not asked for");
    press(&mut window, egui::Modifiers::COMMAND | egui::Modifiers::SHIFT, egui::Key::N);
    assert!(shows(&window, "Examples · 0 of 3 on"));
    assert_eq!(colours(&window), before, "every example is off");
}

#[test]
fn a_scan_that_is_shown_thinned_says_so_in_the_pane() {
    let _turn = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.nii");
    std::fs::write(&path, long_image(2100)).unwrap();
    let mut window: Window = Harness::builder().with_size([1440.0, 900.0]).wgpu().build_eframe(|creation| {
        let chooser = Box::new(Scripted { answer: Script::default(), asked: None });
        let graphics = creation.wgpu_render_state.as_ref();
        assert!(graphics.is_some());
        App::new(&creation.egui_ctx, graphics, chooser, vec![path])
    });
    until_plan(&mut window);
    click(&mut window, "Load the target");
    until(&mut window, "the target", |w| state(w).target().is_some());
    window.step();
    assert!(shows(&window, "shown thinned: 1 voxel in 2 along each axis"));
}

/// A file of `length` × 2 × 2 bytes, longer than textures of a device with the usual limits.
fn long_image(length: i16) -> Vec<u8> {
    let mut file = vec![0; 352];
    file[0..4].copy_from_slice(&348_i32.to_le_bytes());
    for (place, n) in [3, length, 2, 2, 1, 1, 1, 1].into_iter().enumerate() {
        file[40 + 2 * place..][..2].copy_from_slice(&n.to_le_bytes());
    }
    file[70..72].copy_from_slice(&2_i16.to_le_bytes()); // uint8
    file[72..74].copy_from_slice(&8_i16.to_le_bytes());
    for place in 0..4 {
        file[76 + 4 * place..][..4].copy_from_slice(&1_f32.to_le_bytes());
    }
    file[108..112].copy_from_slice(&352_f32.to_le_bytes());
    file[344..348].copy_from_slice(b"n+1\0");
    file.extend((0..length as usize * 4).map(|i| (i % 251) as u8));
    file
}

#[test]
fn warnings_stand_below_the_result_that_they_are_about() {
    let _turn = alone();
    let mut window = loaded(PathBuf::new());
    segment(&mut window);
    let warning = "Label 17 lies outside the part that the network sees.";
    let info = MaskInfo { remarks: vec![warning.into()], ..masks(&window)[0].info().clone() };
    let voxels = masks(&window)[0].voxels().clone();
    window.state_mut().state.edit("Prediction", |draft| draft.add_mask(voxels, &[], info));
    for _ in 0..2 {
        window.step();
        assert!(shows(&window, warning));
        press(&mut window, egui::Modifiers::NONE, egui::Key::C);
    }
}

#[test]
fn menus_are_no_wider_than_their_words() {
    let _turn = alone();
    let mut window = open(Vec::new(), PathBuf::new());
    window.step();
    click(&mut window, "View");
    let entry = window.query_all_by_label_contains("Automatic window and level").next().unwrap();
    assert!(entry.rect().width() < 330.0, "{}", entry.rect().width());
    assert!(shows(&window, "Reset zoom"));
}
