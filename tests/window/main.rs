//! The window as a user meets it: by what is written on it, with real files and real jobs behind it.

mod dialogs;
mod edit;
mod identity;
mod import;
mod pictures;

use egui::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use egui_kittest::{Harness, Node};
use exemplar::commands::{self, Command, run::Run};
use exemplar::document::{Example, Mask, Status};
use exemplar::import::{Phase, Role as ImportRole};
use exemplar::state::{Answer, Chooser, Question, State};
use exemplar::window::App;
use exemplar_tests::fixture;
use std::cell::RefCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Answers every file dialog as the test says; while it says nothing, the dialog stays open.
struct Scripted {
    answer: Script,
    asked: Option<Question>,
}

type Script = Rc<RefCell<Option<Answer>>>;

impl Chooser for Scripted {
    fn ask(&mut self, question: Question, _: &egui::Context) {
        self.asked = Some(question);
    }

    fn answer(&mut self, _: &egui::Context) -> Option<(Question, Answer)> {
        let answer = self.answer.borrow().clone()?;
        self.asked.take().map(|question| (question, answer))
    }
}

type Window = Harness<'static, App>;

/// One window at a time, since a test counts the threads of the process.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // As the program does it: threads of a pool that starts by itself are called like the one that first needs it.
    exemplar::pool::start(None).ok();
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(files: Vec<PathBuf>, export_to: PathBuf) -> Window {
    open_scripted(files, &Rc::new(RefCell::new(Some(Answer::Paths(vec![export_to])))))
}

fn open_scripted(files: Vec<PathBuf>, script: &Script) -> Window {
    Harness::builder().with_size([1440.0, 900.0]).build_eframe(|creation| {
        let chooser = Box::new(Scripted { answer: script.clone(), asked: None });
        App::new(&creation.egui_ctx, None, chooser, files)
    })
}

/// Draws frames until something holds; long enough for the slowest machine, over as soon as it does.
fn until(window: &mut Window, what: &str, holds: impl Fn(&Window) -> bool) {
    let began = Instant::now();
    while !holds(window) {
        assert!(began.elapsed() < Duration::from_secs(300), "still waiting for: {what}");
        window.step();
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn click(window: &mut Window, label: &str) {
    // Menus and section heads share words, so only what can be pressed counts.
    let pressable = |node: &Node<'_>| matches!(node.accesskit_node().role(), Role::Button | Role::Switch);
    window
        .query_all_by_label(label)
        .find(pressable)
        .unwrap_or_else(|| panic!("no button says {label}"))
        .click();
    window.step();
    window.step();
}

fn shows(window: &Window, text: &str) -> bool {
    window.query_all_by_label_contains(text).next().is_some()
}

/// Three pairs, and a target without labels.
fn case() -> Vec<PathBuf> {
    let folder = fixture("hippocampus_msd");
    let mut images: Vec<_> =
        std::fs::read_dir(folder.join("images")).unwrap().map(|entry| entry.unwrap().path()).collect();
    images.sort();
    let labels = images[..3].iter().map(|image| folder.join("labels").join(image.file_name().unwrap()));
    let labels: Vec<_> = labels.collect();
    images.into_iter().chain(labels).collect()
}

/// Draws frames until the import plan waits for the user.
fn until_plan(window: &mut Window) {
    until(window, "the plan", |w| w.state().state.plan.as_ref().is_some_and(|p| p.phase() == Phase::Ready));
    window.step();
}

/// Opens the case and goes through the import plan.
fn loaded(export_to: PathBuf) -> Window {
    let mut window = open(case(), export_to);
    load(&mut window);
    window
}

fn load(window: &mut Window) {
    until_plan(window);
    click(window, "Load 3 pairs and the target");
    until(window, "the examples", |w| w.state().state.document.examples().len() == 3);
}

/// Runs the network to its end.
fn segment(window: &mut Window) {
    click(window, "Segment");
    until(window, "the end of the run", |w| !w.state().state.run.is_running());
    window.step();
}

/// Presses a key, held with others, and draws what it leads to.
fn press(window: &mut Window, modifiers: egui::Modifiers, key: egui::Key) {
    window.key_press_modifiers(modifiers, key);
    window.step();
    window.step();
}

fn state(window: &Window) -> &State {
    &window.state().state
}

/// The masks, the newest first.
fn masks(window: &Window) -> Vec<Mask> {
    state(window).document.masks().iter().rev().cloned().collect()
}

fn examples(window: &Window) -> &[Example] {
    state(window).document.examples()
}

/// Carries out a command.
fn execute(window: &mut Window, command: impl Into<Command>) {
    let App { state, platform, .. } = window.state_mut();
    command.into().execute(state, platform);
}

/// Names of this process's threads that jobs started.
fn job_threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("exemplar-")).collect()
}

#[test]
fn a_plan_comes_before_anything_is_loaded() {
    let _turn = alone();
    let mut window = open(case(), PathBuf::new());
    until_plan(&mut window);
    assert!(shows(&window, "Nothing is loaded until you continue"));
    assert!(state(&window).is_empty());
    assert!(shows(&window, "same grid"));
    click(&mut window, "Cancel");
    assert!(window.state().state.plan.is_none() && state(&window).is_empty());
}

#[test]
fn a_broken_file_gets_one_sentence_and_the_rest_loads() {
    let _turn = alone();
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken_scan.nii.gz");
    std::fs::write(&broken, b"this is no image").unwrap();
    let mut window = open(case().into_iter().chain([broken]).collect(), PathBuf::new());
    until_plan(&mut window);
    let plan = window.state().state.plan.as_ref().unwrap();
    let row = plan.items.iter().position(|item| item.name == "broken_scan.nii.gz").unwrap();
    let finding = plan.verdict(row).finding;
    assert!(finding.ends_with('.') && !finding.contains("broken_scan"), "{finding}");
    assert_eq!(window.query_all_by_label(&finding).count(), 1);
    click(&mut window, "Load 3 pairs and the target");
    until(&mut window, "the examples", |w| w.state().state.document.examples().len() == 3);
    assert!(state(&window).notices().is_empty(), "the plan has told it already");
}

#[test]
fn examples_can_be_switched_off_and_undone() {
    let _turn = alone();
    let mut window = loaded(PathBuf::new());
    assert!(shows(&window, "Examples · 3 of 3 on"));
    let name = examples(&window)[0].image().name.clone();
    click(&mut window, &format!("Use {name}"));
    assert!(shows(&window, "Examples · 2 of 3 on"));
    press(&mut window, egui::Modifiers::COMMAND, egui::Key::Z);
    assert!(shows(&window, "Examples · 3 of 3 on"));
}

#[test]
fn closing_ends_the_threads() {
    let _turn = alone();
    let window = loaded(PathBuf::new());
    assert!(!job_threads().is_empty());
    drop(window);
    // The system lists a thread for a moment after it was waited for.
    let ended = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        job_threads().is_empty()
    });
    assert!(ended, "{:?}", job_threads());
}

#[test]
fn every_menu_entry_has_a_shortcut_of_its_own() {
    let (mut labels, mut keys) = (HashSet::new(), HashSet::new());
    for about in commands::listed().map(|command| command.about()) {
        let shortcut = about.keys.unwrap_or_else(|| panic!("{} has no shortcut", about.label));
        assert!(labels.insert(about.label), "{} is there twice", about.label);
        assert!(keys.insert(format!("{shortcut:?}")), "{} shares its shortcut", about.label);
    }
}

#[test]
fn menus_show_the_shortcuts() {
    let _turn = alone();
    let mut window = open(Vec::new(), PathBuf::new());
    window.step();
    for menu in commands::menus() {
        click(&mut window, menu.title);
        for command in menu.groups.into_iter().flatten() {
            let about = command.about();
            let keys = window.ctx.format_shortcut(&about.keys.unwrap());
            let entry =
                window.query_all_by_label_contains(about.label).map(text).find(|text| text.contains(&keys));
            assert!(entry.is_some(), "{} does not show {keys}", about.label);
        }
        window.key_press(egui::Key::Escape);
        window.step();
        window.step();
    }
}

fn text(node: Node<'_>) -> String {
    node.accesskit_node().label().unwrap_or_default()
}

#[test]
fn the_whole_path_by_what_is_written_on_the_window() {
    let _turn = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask.nii.gz");
    let mut window = loaded(path.clone());
    click(&mut window, "Segment");
    until(&mut window, "the proposal", |w| !w.state().state.run.is_running());
    window.step();
    assert!(state(&window).proposal().is_some(), "{:?}", sentences(&window));
    assert!(shows(&window, "Prediction 1 · proposal"));
    click(&mut window, "Accept");
    assert_eq!(masks(&window)[0].info().status, Status::Accepted);
    click(&mut window, "Export…");
    until(&mut window, "the file", |w| shows(w, "was exported to"));
    let target = state(&window).target().cloned().unwrap();
    let mask = imaging::io::Scan::open(&path, 0).unwrap();
    assert!(mask.volume.grid.agrees_with(&target.volume.grid));
    let values = mask.facts.label_values.unwrap();
    assert!(!values.is_empty() && values.iter().all(|value| [1, 2].contains(value)), "{values:?}");
}

#[test]
fn a_run_can_be_stopped_and_another_started() {
    let _turn = alone();
    let mut window = loaded(PathBuf::new());
    click(&mut window, "Segment");
    click(&mut window, "Cancel");
    until(&mut window, "the end of the run", |w| !w.state().state.run.is_running());
    window.step();
    assert!(masks(&window).is_empty());
    assert!(shows(&window, "The run was stopped; nothing was changed."));
    assert!(Command::from(Run::Segment).is_possible(state(&window)));
    click(&mut window, "Segment");
    until(&mut window, "the proposal", |w| w.state().state.proposal().is_some());
}

fn sentences(window: &Window) -> Vec<String> {
    state(window).notices().iter().map(|notice| notice.sentence.clone()).collect()
}
