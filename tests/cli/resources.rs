//! Threads and memory: what a run is given is what it takes.

use exemplar_tests::fixture;
#[cfg(target_os = "linux")]
use exemplar_tests::program;
use glam::DAffine3;
use imaging::io::{Header, write_image, write_labels};
use imaging::{Grid, LabelMap, Volume};
#[cfg(target_os = "linux")]
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
#[cfg(target_os = "linux")]
use std::time::Duration;

/// A target of `side`³ voxels, and a small image with `labels` labels.
fn case(folder: &Path, side: usize, labels: u16) -> [PathBuf; 3] {
    let paths = ["target", "image", "label"].map(|name| folder.join(format!("{name}.nii")));
    for (path, side) in paths.iter().zip([side, 24, 24]) {
        let grid = Grid { shape: [side; 3], world_from_voxel: DAffine3::IDENTITY };
        let header = Header::for_grid(&grid);
        if path.ends_with("label.nii") {
            // Blocks of 4³ voxels: labels lie together.
            let block =
                |at: usize| (at % side / 4 + 6 * (at / side % side / 4 + 6 * (at / side.pow(2) / 4))) as u16;
            let voxels = (0..grid.len()).map(|at| block(at) % (labels + 1)).collect();
            write_labels(path, &LabelMap { grid, voxels }, &header).unwrap();
        } else {
            let voxels = (0..grid.len()).map(|at| (at % 97) as f32).collect();
            write_image(path, &Volume { grid, voxels }, &header).unwrap();
        }
    }
    paths
}

/// The most threads of a pool that a process was seen to have, and the report of its run.
#[cfg(target_os = "linux")]
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

#[cfg(target_os = "linux")]
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
#[cfg(target_os = "linux")]
#[test]
fn probabilities_of_all_labels_are_refused_with_both_figures_where_they_cannot_fit() {
    let folder = tempfile::tempdir().unwrap();
    let [target, image, label] = case(folder.path(), 128, 200);
    let all: Vec<String> = (1..=200).map(|label: u16| label.to_string()).collect();
    for labels in [vec![], vec!["--labels".to_owned(), all.join(",")]] {
        // 200 volumes of 128³ floats are 1.7 GB.
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v 1200000; exec \"$@\"", "sh"]).arg(program());
        command.args(["segment", "--device", "cpu", "--threads", "1", "--model"]);
        command
            .arg(fixture("golden/tiny_trained.ckpt"))
            .arg("-t")
            .arg(&target)
            .arg("-c")
            .args([&image, &label]);
        command
            .arg("-o")
            .arg(folder.path().join("m.nii"))
            .arg("--probabilities")
            .arg(folder.path().join("p.nii"));
        let Output { status, stderr, .. } = command.args(labels).output().unwrap();
        let told = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(1), "{told}");
        assert!(told.contains("This needs about") && told.contains("GB of memory and there are"), "{told}");
    }
}
