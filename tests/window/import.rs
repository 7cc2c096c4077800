//! The import plan: keys, cancel, and how little it reads.

use super::*;

#[test]
fn enter_presses_the_focused_button_only() {
    let _turn = alone();
    let mut window = open(case(), PathBuf::new());
    until_plan(&mut window);
    let cancel =
        window.query_all_by_label("Cancel").find(|node| node.accesskit_node().role() == Role::Button);
    cancel.unwrap().focus();
    window.step();
    press(&mut window, egui::Modifiers::NONE, egui::Key::Enter);
    let state = state(&window);
    assert!(state.plan.is_none() && state.is_empty() && !state.is_loading());
}

#[test]
fn enter_loads_where_nothing_has_the_focus() {
    let _turn = alone();
    let mut window = open(case(), PathBuf::new());
    until_plan(&mut window);
    press(&mut window, egui::Modifiers::NONE, egui::Key::Enter);
    assert!(state(&window).plan.is_none());
    until(&mut window, "the examples", |w| examples(w).len() == 3);
}

#[test]
fn escape_closes_an_open_choice_before_the_plan() {
    let _turn = alone();
    let mut window = open(case(), PathBuf::new());
    until_plan(&mut window);
    let choice = window.query_all_by_label_contains("Role of").next().unwrap();
    choice.click();
    window.step();
    window.step();
    assert!(shows(&window, "Ground truth"), "the choice is open");
    press(&mut window, egui::Modifiers::NONE, egui::Key::Escape);
    assert!(window.state().state.plan.is_some() && !shows(&window, "Ground truth"));
    press(&mut window, egui::Modifiers::NONE, egui::Key::Escape);
    assert!(window.state().state.plan.is_none());
}

#[test]
fn a_long_plan_draws_the_rows_that_are_in_sight() {
    let _turn = alone();
    let folder = tempfile::tempdir().unwrap();
    for number in 0..200 {
        std::fs::write(folder.path().join(format!("scan{number:03}.nii")), b"no image").unwrap();
    }
    let mut window = open(vec![folder.path().into()], PathBuf::new());
    until_plan(&mut window);
    let drawn = window.query_all_by_label_contains("scan").map(text).collect::<HashSet<_>>().len();
    assert!((1..100).contains(&drawn), "{drawn} of 200 rows");
    press(&mut window, egui::Modifiers::NONE, egui::Key::Escape);
    assert!(window.state().state.plan.is_none());
}

#[test]
fn labels_that_no_name_marks_are_known_by_their_values() {
    let _turn = alone();
    let folder = tempfile::tempdir().unwrap();
    let files = case();
    for (file, name) in [(&files[0], "one.nii.gz"), (files.last().unwrap(), "two.nii.gz")] {
        std::fs::copy(file, folder.path().join(name)).unwrap();
    }
    let mut window = open(vec![folder.path().into()], PathBuf::new());
    until_plan(&mut window);
    let plan = window.state().state.plan.as_ref().unwrap();
    assert_eq!(plan.items[1].role, ImportRole::Label, "two.nii.gz holds labels");
}
