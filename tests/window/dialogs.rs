//! Exports and closing: nothing of the user's is replaced or lost without a question.

use super::*;
use exemplar::commands::dialog::Dialogs;

#[test]
fn an_input_is_never_overwritten_however_it_is_spelled() {
    let _turn = alone();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    let copies: Vec<PathBuf> = case()
        .iter()
        .map(|path| {
            let kind = path.parent().unwrap().file_name().unwrap();
            std::fs::create_dir_all(folder.path().join(kind)).unwrap();
            let copy = folder.path().join(kind).join(path.file_name().unwrap());
            std::fs::copy(path, &copy).unwrap();
            copy
        })
        .collect();
    let input = copies.last().unwrap();
    let before = std::fs::read(input).unwrap();
    let spelled = folder.path().join("inner/../labels").join(input.file_name().unwrap());
    let mut window = open(copies.clone(), spelled);
    load(&mut window);
    segment(&mut window);
    click(&mut window, "Export…");
    until(&mut window, "the sentence", |w| shows(w, "never overwritten"));
    assert_eq!(std::fs::read(input).unwrap(), before);
    // Removing the example lifts no protection, since its file was read.
    let names: Vec<_> = examples(&window).iter().map(|example| example.image().name.clone()).collect();
    for name in names {
        click(&mut window, &format!("Remove {name}"));
    }
    let shown: Vec<u64> = state(&window).notices().iter().map(|notice| notice.id).collect();
    shown.into_iter().for_each(|id| execute(&mut window, Dialogs::Dismiss(id)));
    click(&mut window, "Export…");
    until(&mut window, "the sentence", |w| shows(w, "never overwritten"));
    assert_eq!(std::fs::read(input).unwrap(), before);
}

#[test]
fn a_completed_name_asks_before_it_replaces_a_file() {
    let _turn = alone();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mask.nii.gz");
    std::fs::write(&file, b"another file").unwrap();
    let mut window = loaded(folder.path().join("mask"));
    segment(&mut window);
    click(&mut window, "Export…");
    until(&mut window, "the question", |w| shows(w, "exists already"));
    click(&mut window, "Cancel");
    assert_eq!(std::fs::read(&file).unwrap(), b"another file");
    click(&mut window, "Export…");
    until(&mut window, "the question", |w| shows(w, "exists already"));
    click(&mut window, "Replace");
    until(&mut window, "the file", |w| shows(w, "was exported to"));
    assert!(imaging::io::Scan::open(&file, 0).is_ok());
}

#[test]
fn closing_asks_about_accepted_masks_that_were_not_exported() {
    let _turn = alone();
    let folder = tempfile::tempdir().unwrap();
    let mut window = loaded(folder.path().join("mask.nii.gz"));
    segment(&mut window);
    click(&mut window, "Accept");
    press(&mut window, egui::Modifiers::COMMAND, egui::Key::W);
    assert!(shows(&window, "Prediction 1 was accepted, but not exported."));
    click(&mut window, "Cancel");
    press(&mut window, egui::Modifiers::COMMAND, egui::Key::Q);
    assert!(shows(&window, "Quit anyway"));
    click(&mut window, "Cancel");
    assert!(!state(&window).is_empty());
    click(&mut window, "Export…");
    until(&mut window, "the file", |w| shows(w, "was exported to"));
    press(&mut window, egui::Modifiers::COMMAND, egui::Key::W);
    assert!(state(&window).is_empty(), "an exported mask needs no question");
}

#[test]
fn a_desktop_without_dialogs_gets_one_of_the_window() {
    let _turn = alone();
    let script: Script = Rc::new(RefCell::new(Some(Answer::NoDialog)));
    let mut window = open_scripted(Vec::new(), &script);
    window.step();
    click(&mut window, "Browse…");
    until(&mut window, "the dialog", |w| shows(w, "Open a file or a folder"));
    window.step();
    let typed = |window: &mut Window, text: &str| {
        execute(window, Dialogs::TypePath(text.into()));
        window.step();
        click(window, "Open");
    };
    typed(&mut window, "/no/such/scan.nii");
    assert!(shows(&window, "There is no file or folder /no/such/scan.nii"));
    typed(&mut window, &fixture("hippocampus_msd").display().to_string());
    until_plan(&mut window);
    assert!(window.state().state.dialog.is_none());
}

#[test]
fn without_a_display_one_sentence_says_so() {
    let ran = exemplar_tests::exemplar("DISPLAY= WAYLAND_DISPLAY=", &[]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.complained.trim().lines().count(), 1, "{}", ran.complained);
    assert!(ran.complained.contains("display") && !ran.complained.contains(".rs"), "{}", ran.complained);
}
