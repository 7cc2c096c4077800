//! Results, scores and exports belong to the very scans and masks that they were asked for.

use super::*;
use exemplar::commands::file::File;
use exemplar::commands::view::View;

/// Two copies of the case's target: two scans on one grid.
fn twins(folder: &Path) -> [PathBuf; 2] {
    let target = fixture("hippocampus_msd/images");
    let mut images: Vec<_> = target.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    images.sort();
    ["first.nii.gz", "second.nii.gz"].map(|name| {
        let path = folder.join(name);
        std::fs::copy(&images[3], &path).unwrap();
        path
    })
}

fn open_target(window: &mut Window, path: &Path) {
    let name = path.file_name().unwrap().to_string_lossy().replace(".nii.gz", "");
    execute(window, File::OpenPaths(vec![path.into()]));
    until_plan(window);
    click(window, "Load the target");
    until(window, "the target", |w| state(w).target().is_some_and(|scan| scan.name == name));
}

#[test]
fn a_run_for_a_target_that_was_undone_proposes_nothing() {
    let _turn = alone();
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = twins(folder.path());
    let mut window = loaded(PathBuf::new());
    open_target(&mut window, &first);
    open_target(&mut window, &second);
    click(&mut window, "Segment");
    press(&mut window, egui::Modifiers::COMMAND, egui::Key::Z);
    assert_eq!(state(&window).target().unwrap().name, "first");
    assert!(!window.state().state.run.is_running());
    // The run that follows waits for the end of the one that was superseded.
    segment(&mut window);
    let titles: Vec<_> = masks(&window).iter().map(|mask| mask.info().name.clone()).collect();
    assert_eq!(titles, ["Prediction 1"]);
}

#[test]
fn a_run_whose_example_is_removed_proposes_nothing() {
    let _turn = alone();
    let mut window = loaded(PathBuf::new());
    click(&mut window, "Segment");
    let name = examples(&window)[0].image().name.clone();
    click(&mut window, &format!("Remove {name}"));
    assert!(!window.state().state.run.is_running());
    assert!(shows(&window, "its target or one of its examples is gone"));
    segment(&mut window);
    assert_eq!(masks(&window).len(), 1);
    assert_eq!(state(&window).report(&masks(&window)[0]).unwrap().contexts, 2);
}

#[test]
fn a_rejected_mask_leaves_its_name_to_no_other() {
    let _turn = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask.nii.gz");
    let script = Script::default();
    let mut window = open_scripted(case(), &script);
    load(&mut window);
    segment(&mut window);
    let rejected = masks(&window)[0].id();
    // The dialog of this export stays open meanwhile.
    click(&mut window, "Export…");
    click(&mut window, "Reject");
    segment(&mut window);
    assert_ne!(masks(&window)[0].id(), rejected);
    *script.borrow_mut() = Some(Answer::Paths(vec![path.clone()]));
    until(&mut window, "the sentence", |w| shows(w, "The mask of this export is gone"));
    assert!(!path.exists());
}

#[test]
fn accepting_judges_the_proposal_on_the_screen() {
    let _turn = alone();
    let mut window = loaded(PathBuf::new());
    segment(&mut window);
    segment(&mut window);
    let [newest, first] = [0, 1].map(|place| masks(&window)[place].id());
    execute(&mut window, View::ShowMask(Some(first)));
    press(&mut window, egui::Modifiers::NONE, egui::Key::Y);
    let status = |id| state(&window).document.mask(id).unwrap().info().status;
    assert_eq!((status(first), status(newest)), (Status::Accepted, Status::Proposal));
}

fn scored(window: &Window) -> bool {
    state(window).scores(&masks(window)[0]).is_some()
}

#[test]
fn a_score_comes_back_with_the_mask_that_undo_brings_back() {
    let _turn = alone();
    let mut window = open(Vec::new(), PathBuf::new());
    window.step();
    click(&mut window, "Open the demo case");
    segment(&mut window);
    // Accepted before its score can have arrived.
    press(&mut window, egui::Modifiers::NONE, egui::Key::Y);
    until(&mut window, "the score", scored);
    press(&mut window, egui::Modifiers::COMMAND, egui::Key::Z);
    assert_eq!(masks(&window)[0].info().status, Status::Proposal);
    until(&mut window, "the score again", scored);
}

#[test]
fn undo_of_a_step_keeps_what_arrived_after_it() {
    let _turn = alone();
    let mut window = loaded(PathBuf::new());
    let name = examples(&window)[0].image().name.clone();
    click(&mut window, &format!("Use {name}"));
    segment(&mut window);
    // The prediction is the last step, the switch the one before.
    press(&mut window, egui::Modifiers::COMMAND, egui::Key::Z);
    assert!(masks(&window).is_empty() && !examples(&window)[0].info().on);
    press(&mut window, egui::Modifiers::COMMAND, egui::Key::Z);
    assert!(examples(&window)[0].info().on);
    // What one plan loaded is one step, however many files it had.
    press(&mut window, egui::Modifiers::COMMAND, egui::Key::Z);
    assert!(state(&window).is_empty());
    for _ in 0..3 {
        press(&mut window, egui::Modifiers::COMMAND | egui::Modifiers::SHIFT, egui::Key::Z);
    }
    assert_eq!((examples(&window).len(), masks(&window).len()), (3, 1));
}
