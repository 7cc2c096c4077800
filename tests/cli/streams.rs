//! Streams that take no more text, signals, and machines without a display: never a panic, nothing left behind.

#[cfg(unix)]
use crate::case::Case;
use exemplar_tests::{fixture, program};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Every command that writes to stdout, short; `out` is a folder for what it writes besides.
fn talkative(out: &Path) -> Vec<Command> {
    let part = |part: &str, n: u16| fixture(&format!("hippocampus_msd/{part}/hippocampus_{n}.nii.gz"));
    let [scan, image, label] = [part("images", 143), part("images", 148), part("labels", 148)];
    let ckpt = fixture("golden/tiny_trained.ckpt");
    let new = |arguments: &[&str], paths: &[&Path]| {
        let mut command = Command::new(program());
        command.args(arguments).args(paths);
        command
    };
    let mut segment = new(&["segment", "--device", "cpu", "--labels", "1", "-t"], &[&scan]);
    segment.arg("-c").args([&image, &label]).arg("-o").arg(out.join("mask.nii.gz"));
    vec![
        new(&["info"], &[&scan]),
        new(&["info", "--json"], &[&scan]),
        new(&["evaluate"], &[&label, &label]),
        new(&["evaluate", "--json"], &[&label, &label]),
        new(&["train"], &[]),
        new(&["study"], &[]),
        new(&["convert"], &[&ckpt, &out.join("weights.safetensors")]),
        new(
            &["bench", "--device", "cpu", "--channels", "2,4", "--size", "16", "--runs", "1", "--layers"],
            &[],
        ),
        new(&["bench", "--train", "--channels", "2,4", "--size", "16", "--runs", "1"], &[]),
        new(&["demo", "--device", "cpu", "-o"], &[out]),
        new(&["help"], &[]),
        new(&["--version"], &[]),
        segment,
    ]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_reader_who_has_gone_ends_a_command_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    for mut command in talkative(folder.path()) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let Output { status, stderr, .. } = command.stdout(writer).output().unwrap();
        assert_eq!(status.code(), Some(141), "{command:?}: {}", text(&stderr));
        assert!(!text(&stderr).contains("panicked"), "{command:?}: {}", text(&stderr));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_a_stream_is_one_sentence() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let folder = tempfile::tempdir().unwrap();
    for mut command in talkative(folder.path()) {
        let Output { status, stderr, .. } = command.stdout(full()).output().unwrap();
        let told = text(&stderr);
        assert_eq!(status.code(), Some(1), "{command:?}: {told}");
        assert_eq!(told.matches("no space left").count(), 1, "{command:?}: {told}");
        assert!(!told.contains("panicked"), "{command:?}: {told}");
    }
    // Nobody can be told where stderr is full; the exit code says it.
    let mut command = Command::new(program());
    let status = command.args(["info", "nothing.nii"]).stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[cfg(unix)]
#[test]
fn a_run_that_is_interrupted_while_it_writes_leaves_no_temporary_file() {
    use std::os::unix::process::ExitStatusExt;
    let folder = tempfile::tempdir().unwrap();
    // The probabilities of two labels on a large target take long to write.
    let case = Case::new(folder.path(), 256, 2);
    let out = folder.path().join("out");
    for (signal, number) in [("-INT", 2), ("-TERM", 15)] {
        std::fs::create_dir_all(&out).unwrap();
        let mut command = Command::new(program());
        command.args(case.segment("out")).args(["--pipeline", "reference"]);
        let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let part = || {
            let mut names = out.read_dir().unwrap().map(|entry| entry.unwrap().file_name());
            names.any(|name| name.to_string_lossy().ends_with(".part"))
        };
        while !part() {
            assert!(run.try_wait().unwrap().is_none(), "the run is not over before it writes");
            std::thread::sleep(Duration::from_millis(1));
        }
        Command::new("kill").arg(signal).arg(run.id().to_string()).status().unwrap();
        assert_eq!(run.wait().unwrap().signal(), Some(number), "{signal}");
        assert!(!part(), "{signal}");
        std::fs::remove_dir_all(&out).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_a_display_is_told_in_one_sentence() {
    let without = |arguments: &[&str]| {
        let mut command = Command::new(program());
        ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "XDG_RUNTIME_DIR"].iter().for_each(|name| {
            command.env_remove(name);
        });
        command.args(arguments).output().unwrap()
    };
    let window = without(&[]);
    let told = text(&window.stderr);
    assert_eq!((window.status.code(), told.trim_end().lines().count()), (Some(1), 1), "{told}");
    assert!(told.contains("display") && !told.contains(".rs") && !told.contains(".cargo"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let demo = without(&["demo", "-o", &folder.path().join("demo").to_string_lossy()]);
    let told = text(&demo.stderr);
    // With a card, its driver may say more.
    let most = if Path::new("/dev/dri").exists() { usize::MAX } else { 1 };
    assert!(demo.status.success() && told.lines().count() <= most, "{told}");
}
