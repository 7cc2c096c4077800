//! Rules of the house, held by reading the sources: who may import whom, and how long a file may be.

use std::path::{Path, PathBuf};

/// Most lines of a Rust file.
const CEILING: usize = 400;

/// A word, the folders (or files) that may use it, and the folders that the rule looks at.
const RULES: [(&str, &[&str], &str); 21] = [
    ("use nifti::", &["engine/src/nifti"], "engine/src"),
    ("egui", &[], "engine/src"),
    ("wgpu::", &["engine/src/network"], "engine/src"),
    ("crossbeam_channel", &["engine/src/worker", "engine/src/session"], "engine/src"),
    (
        "std::thread",
        &["engine/src/worker", "engine/src/session", "engine/src/network/gpu/answer.rs"],
        "engine/src",
    ),
    ("burn::", &["engine/src/network", "engine/src/weights"], "engine/src"),
    ("burn::", &[], "app/src"),
    ("pulp::", &["engine/src/network/cpu"], "engine/src"),
    ("cubecl::", &["engine/src/network/gpu", "engine/src/network/device.rs"], "engine/src"),
    // Chance comes from one generator.
    ("chacha20", &["engine/src/random.rs"], "engine/src"),
    ("rand_distr", &["engine/src/random.rs"], "engine/src"),
    ("unsafe_code", &["engine/src/network/cpu", "engine/src/network/gpu/map.rs"], "engine/src"),
    ("unsafe_code", &[], "app/src"),
    // The document knows no window, card, thread, clock or file, and nothing else of the application.
    ("egui", &[], "app/src/document"),
    ("wgpu", &[], "app/src/document"),
    ("std::thread", &[], "app/src/document"),
    ("Instant", &[], "app/src/document"),
    ("std::fs", &[], "app/src/document"),
    ("crate::", &[], "app/src/document"),
    // Hooks for tests.
    ("pretend_gpu", &[], "app/src"),
    ("guard_pages", &[], "app/src"),
];

/// The data side of training, and what it may use of the engine.
const DATA_ROOMS: [&str; 4] =
    ["engine/src/augment", "engine/src/filter", "engine/src/synthesis", "engine/src/tasks"];
const DATA_USES: [&str; 8] = [
    "augment::",
    "filter::",
    "network::Cube;",
    "preprocess::",
    "random::",
    "synthesis::",
    "tasks::",
    "{Error, Result};",
];

#[test]
fn files_stay_short() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > CEILING)
        .collect();
    assert!(long.is_empty(), "split these files, their limit is {CEILING} lines: {long:?}");
}

#[test]
fn rooms_import_only_what_they_may() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        for (word, allowed, scope) in RULES {
            let judged = path.starts_with(scope) && !allowed.iter().any(|room| path.starts_with(room));
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            if judged && code.into_iter().any(|line| line.contains(word)) {
                broken.push(format!("{} uses {word}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_data_side_of_training_knows_cubes_only() {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let judged = DATA_ROOMS.iter().any(|room| path.starts_with(room));
        let uses = text.lines().filter_map(|line| line.strip_prefix("use crate::"));
        for used in uses.filter(|_| judged) {
            if !DATA_USES.iter().any(|may| used.starts_with(may)) {
                broken.push(format!("{} uses {used}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_file_opens_with_what_it_is() {
    let silent: Vec<_> = sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).collect();
    let names: Vec<_> = silent.iter().map(|(path, _)| path).collect();
    assert!(names.is_empty(), "these files have no module documentation: {names:?}");
}

/// Every Rust file of the workspace with its path relative to the top.
fn sources() -> Vec<(PathBuf, String)> {
    let top =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the workspace");
    let mut found = Vec::new();
    for room in ["app", "engine", "tests"] {
        collect(&top.join(room), &mut found);
    }
    assert!(found.len() > 20, "the walk finds the sources");
    found
        .into_iter()
        .map(|(path, text)| (path.strip_prefix(top).expect("below the top").into(), text))
        .collect()
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("the source is text");
            found.push((path, text));
        }
    }
}
