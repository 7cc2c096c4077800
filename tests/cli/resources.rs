//! Threads and memory: what a run is given is what it takes.

#![cfg(target_os = "linux")]

use crate::case::Case;
use exemplar_tests::program;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// The most threads of a pool that a process was seen to have, and the report of its run.
fn threads_of(mut command: Command, report: &Path) -> (usize, serde_json::Value) {
    let mut run = command.spawn().unwrap();
    let tasks = PathBuf::from(format!("/proc/{}/task", run.id()));
    let of_a_pool = |task: std::io::Result<std::fs::DirEntry>| {
        let task = task.ok()?;
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        // Threads of rayon's own making have no name but the program's.
        (name.starts_with("compute-") || name.starts_with("exemplar\n")).then(|| task.file_name())
    };
    let (mut most, mut before) = (0, HashSet::new());
    while run.try_wait().unwrap().is_none() {
        if let Ok(tasks) = tasks.read_dir() {
            let now: HashSet<_> = tasks.filter_map(of_a_pool).collect();
            // Those seen twice, since a thread has the program's name until it takes its own; but the first, which runs
            // the command.
            most = most.max(now.intersection(&before).count().saturating_sub(1));
            before = now;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(run.wait().unwrap().success());
    (most, serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap())
}

#[test]
fn a_run_has_the_threads_that_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    for threads in [1, 3] {
        let mut command = Command::new(program());
        command.args(["demo", "--device", "cpu", "--threads", &threads.to_string(), "-o"]).arg(folder.path());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let (seen, report) = threads_of(command, &folder.path().join("report.json"));
        assert_eq!((seen, report["threads"].as_u64()), (threads, Some(threads as u64)));
    }
}

/// Probabilities of all labels that the examples hold are part of what a run needs, and of what is there the limit of the
/// shell is part.
#[test]
fn probabilities_of_all_labels_are_refused_with_both_figures_where_they_cannot_fit() {
    let folder = tempfile::tempdir().unwrap();
    let case = Case::new(folder.path(), 128, 200);
    let all: Vec<String> = (1..=200).map(|label: u16| label.to_string()).collect();
    for labels in [vec![], vec!["--labels".to_owned(), all.join(",")]] {
        // 200 volumes of 128³ floats are 1.7 GB.
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v 1200000; exec \"$@\"", "sh"]).arg(program());
        let command = command.args(case.segment("")).args(["--threads", "1"]).args(labels);
        let Output { status, stderr, .. } = command.output().unwrap();
        let told = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(1), "{told}");
        assert!(told.contains("This needs about") && told.contains("GB of memory and there are"), "{told}");
    }
}
