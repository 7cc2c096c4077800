//! What the program says of its inputs: pairs, label maps that are none, geometry, pipes, the system's refusals.

use exemplar_tests::{exemplar, fixture, program};
use glam::DVec3;
use imaging::io::{Header, Scan, write_image, write_labels, write_series};
use imaging::{Grid, LabelMap, Volume};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn hippocampus(part: &str, number: u16) -> PathBuf {
    fixture(&format!("hippocampus_msd/{part}/hippocampus_{number}.nii.gz"))
}

/// Copies a pair under other names.
fn pair(folder: &Path, number: u16, image: &str, label: &str) {
    for (part, name) in
        [("images", image), ("labels", label)].into_iter().filter(|(_, name)| !name.is_empty())
    {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(hippocampus(part, number), path).unwrap();
    }
}

/// The labels of volume 148, changed and written as floats.
fn changed(path: &Path, change: impl Fn(usize, f32) -> f32) {
    let scan = Scan::open(&hippocampus("labels", 148), 0).unwrap();
    let voxels = scan.volume.voxels.iter().enumerate().map(|(i, &value)| change(i, value)).collect();
    write_image(path, &Volume { grid: scan.volume.grid, voxels }, &scan.header).unwrap();
}

/// Writes a scan as FreeSurfer does, in 32-bit floats.
fn write_mgh(path: &Path, scan: &Scan) {
    let grid = &scan.volume.grid;
    let [x, y, z] = grid.shape.map(|n| n as i32);
    let mut bytes: Vec<u8> = [1, x, y, z, 1, 3, 0].iter().flat_map(|n| n.to_be_bytes()).collect();
    bytes.extend(1_i16.to_be_bytes());
    let m = grid.world_from_voxel.matrix3;
    let axes = [m.x_axis, m.y_axis, m.z_axis];
    let half = DVec3::from_array(grid.shape.map(|n| n as f64 / 2.0));
    let centre = grid.world_from_voxel.transform_point3(half).to_array();
    let directions = axes.into_iter().flat_map(|axis| axis.normalize().to_array());
    let reals = axes.into_iter().map(DVec3::length).chain(directions).chain(centre);
    bytes.extend(reals.flat_map(|x| (x as f32).to_be_bytes()));
    bytes.resize(284, 0);
    bytes.extend(scan.volume.voxels.iter().flat_map(|voxel| voxel.to_be_bytes()));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn files_of_freesurfer_are_targets_and_examples() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (number, part, name) in [
        (143, "images", "target.mgh"),
        (148, "images", "subjects/s148/mri/orig.mgh"),
        (148, "labels", "subjects/s148/mri/aseg.mgh"),
    ] {
        write_mgh(&at(name), &Scan::open(&hippocampus(part, number), 0).unwrap());
    }
    std::fs::write(at("subjects/labels.tsv"), "1\tAnterior\n").unwrap();
    let info = exemplar("info {}", &[&at("target.mgh")]).well().said;
    assert!(info.contains("MGH") && info.contains("vox2ras"), "{info}");

    let arguments = "segment --device cpu --labels 1 --target {} --context-dir {} -o {}";
    let said = exemplar(arguments, &[&at("target.mgh"), &at("subjects"), &at("mask.nii.gz")]).well().said;
    assert!(said.contains("Anterior"), "{said}");
    let mask = Scan::open(&at("mask.nii.gz"), 0).unwrap().labels().unwrap();
    let target = Scan::open(&hippocampus("images", 143), 0).unwrap().volume.grid;
    assert!(mask.grid.agrees_with(&target) && !mask.counts().is_empty());
    let ran = exemplar(arguments, &[&at("target.mgh"), &at("subjects"), &at("mask.mgz")]);
    assert!(ran.code == 1 && ran.complained.contains(".nii.gz or .nii"), "{}", ran.complained);
}

#[test]
fn pairs_of_a_folder_are_printed_and_what_is_left_out_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let [set, mask] = ["set", "mask.nii.gz"].map(|name| folder.path().join(name));
    pair(&set, 143, "sub-1/sub-1_run-1_T1w.nii.gz", "");
    pair(&set, 148, "sub-1/sub-1_run-2_T1w.nii.gz", "sub-1/sub-1_run-2_dseg.nii.gz");
    pair(&set, 149, "sub-2/sub-2_T1w.nii.gz", "sub-2/sub-2_dseg.nii.gz");
    pair(&set, 166, "sub-3/sub-3_T1w.nii.gz", "");
    let report = folder.path().join("report.json");
    let target = set.join("sub-2/sub-2_T1w.nii.gz");
    let arguments = "segment --device cpu --labels 1 -t {} --context-dir {} -o {} --report {}";
    let said = exemplar(arguments, &[&target, &set, &mask, &report]).well().complained;
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("Example: ")).collect();
    assert!(
        lines.len() == 1 && lines[0].contains("run-2_T1w") && lines[0].ends_with("run-2_dseg.nii.gz"),
        "{said}"
    );
    for words in ["sub-2/sub-2_T1w.nii.gz", "its own example", "without a label): sub-3/sub-3_T1w.nii.gz"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert!(report["warnings"].to_string().contains("its own example"), "{}", report["warnings"]);
    // Which of two label files is meant, nobody knows.
    pair(&set, 148, "", "sub-1/sub-1_run-2_desc-other_dseg.nii.gz");
    let ran = exemplar("segment --device cpu -t {} --context-dir {} -o {}", &[&target, &set, &mask]);
    assert_eq!(ran.code, 1);
    assert!(ran.complained.contains("sub-1_run-2_desc-other_dseg.nii.gz"), "{}", ran.complained);
}

#[test]
fn a_label_that_is_none_is_refused_and_an_odd_one_reported() {
    let folder = tempfile::tempdir().unwrap();
    let [label, mask] = ["label.nii.gz", "mask.nii.gz"].map(|name| folder.path().join(name));
    let [target, image] = [143, 148].map(|number| hippocampus("images", number));
    let segment = || {
        exemplar("segment --device cpu --labels 1 -t {} -c {} {} -o {}", &[&target, &image, &label, &mask])
    };

    let truth = hippocampus("labels", 148);
    let scan = Scan::open(&truth, 0).unwrap();
    let grid = scan.volume.grid;
    let volume = |wanted: f32| {
        let voxels = scan.volume.voxels.iter().map(|&value| f32::from(u8::from(value == wanted))).collect();
        Volume { grid, voxels }
    };
    write_series(&label, &[volume(0.0), volume(1.0), volume(2.0)], &scan.header).unwrap();
    for ran in [segment(), exemplar("evaluate {} {}", &[&label, &truth])] {
        assert!(ran.code == 1 && ran.complained.contains("3 volumes"), "{}", ran.complained);
        assert!(ran.complained.contains("one-hot"), "{}", ran.complained);
    }
    std::fs::copy(&image, &label).unwrap();
    for ran in [segment(), exemplar("evaluate {} {}", &[&label, &truth])] {
        assert!(
            ran.code == 1 && ran.complained.contains("are image and label swapped?"),
            "{}",
            ran.complained
        );
    }
    let info = exemplar("info {}", &[&label]).well().said;
    assert!(info.contains("not a label map"), "{info}");

    changed(&label, |i, value| match i {
        0..5 => -1.0,
        5..7 => f32::NAN,
        _ => value,
    });
    let said = segment().well().complained;
    assert!(said.contains("5 voxels are negative") && said.contains("2 voxels were not finite"), "{said}");
}

#[test]
fn two_empty_maps_are_called_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.nii");
    let grid = Grid { shape: [4, 4, 4], world_from_voxel: glam::DAffine3::IDENTITY };
    write_labels(&path, &LabelMap::empty(grid).unwrap(), &Header::for_grid(&grid)).unwrap();
    let said = exemplar("evaluate {} {}", &[&path, &path]).well().said;
    assert!(said.contains("Both maps are empty") && !said.contains("Dice"), "{said}");
}

#[test]
fn a_geometry_error_names_both_files_and_both_grids() {
    let folder = tempfile::tempdir().unwrap();
    let [label, mask] = ["moved.nii.gz", "mask.nii.gz"].map(|name| folder.path().join(name));
    let scan = Scan::open(&hippocampus("labels", 148), 0).unwrap();
    let mut map = scan.labels().unwrap();
    map.grid.world_from_voxel.translation += DVec3::new(0.0, 12.0, 0.0);
    write_labels(&label, &map, &Header::for_grid(&map.grid)).unwrap();
    let [target, image] = [143, 148].map(|number| hippocampus("images", number));
    let ran = exemplar("segment --device cpu -t {} -c {} {} -o {}", &[&target, &image, &label, &mask]);
    let [x, y, z] = map.grid.shape;
    let size = format!("{x} × {y} × {z} voxels of 1.00 × 1.00 × 1.00 mm");
    assert_eq!((ran.code, ran.complained.matches(&size).count()), (1, 2), "{}", ran.complained);
    for words in
        ["moved.nii.gz", "hippocampus_148.nii.gz", "12.0 mm", "--geometry resample", "--geometry copy"]
    {
        assert!(ran.complained.contains(words), "{words}: {}", ran.complained);
    }
}

#[test]
#[cfg(unix)]
fn a_pipe_is_read_like_a_file() {
    let info = |options: Stdio| {
        let mut command = Command::new(program());
        let output = command.args(["info", "/dev/stdin"]).stdin(options).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let through_a_pipe = |path: &Path| {
        let mut cat = Command::new("cat").arg(path).stdout(Stdio::piped()).spawn().unwrap();
        let told = info(cat.stdout.take().unwrap().into());
        cat.wait().unwrap();
        told
    };
    for name in ["odd/generated/ok_label.nii.gz", "odd/samples/bigendian_int16.nii"] {
        let (code, said, complained) = through_a_pipe(&fixture(name));
        assert_eq!((code, complained.as_str()), (Some(0), ""));
        assert_eq!(said, exemplar("info {}", &[&fixture(name)]).well().said);
    }
    // Claims more than any memory holds.
    let (code, _, complained) = through_a_pipe(&fixture("odd/generated/dims_lie_huge.nii.gz"));
    assert!(code == Some(1) && !complained.contains("panic"), "{complained}");
    let (code, _, complained) = info(Stdio::null());
    assert!(code == Some(1) && complained.contains("nothing came from the pipe"), "{complained}");
    let (code, _, complained) = info(File::open("/dev/zero").unwrap().into());
    assert!(code == Some(1) && complained.contains("no image that Exemplar knows"), "{complained}");
}

#[test]
fn the_system_refuses_in_one_sentence_that_is_true() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let [target, label] = ["images", "labels"].map(|part| hippocampus(part, 143));
    let arguments = "segment --device cpu -t {} --context-dir {} -o {}";
    let mask = folder.path().join("mask.nii.gz");
    for (ran, words) in [
        (exemplar("info {}", &[&nowhere]), "does not exist"),
        (exemplar("info {}", &[folder.path()]), "this is a folder"),
        (exemplar(arguments, &[&target, &nowhere, &mask]), "does not exist"),
        (exemplar(arguments, &[&target, &label, &mask]), "a folder is expected"),
    ] {
        assert_eq!((ran.code, ran.complained.trim_end().lines().count()), (1, 1), "{}", ran.complained);
        assert!(ran.complained.contains(words) && !ran.complained.contains("os error"), "{}", ran.complained);
    }
}
