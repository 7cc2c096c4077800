//! The promise: a mask comes back on its target's grid, whatever the axis order, and its header repeats the
//! target's geometry byte for byte. An independent reader (nibabel) makes and checks the files where
//! `EXEMPLAR_PYTHON` names an interpreter that has it; `tests/run.sh` always sets it.

use glam::{DAffine3, DMat3, DQuat, DVec3};
use imaging::io::{Header, Scan, write_image, write_labels};
use imaging::{Grid, LabelMap, Volume};
use std::path::{Path, PathBuf};
use std::process::Command;

const SHAPE: [usize; 3] = [12, 15, 9];
const MARK: [usize; 3] = [8, 4, 6];

/// Bytes of a NIfTI-1 header that an export may change: rank and dimensions beyond the third, intent, type,
/// offset and scaling, display range, intent name, magic. All others must be the target's.
const MAY_CHANGE: [std::ops::Range<usize>; 5] = [40..42, 48..74, 108..120, 124..132, 328..348];

/// 48 axis orders and flips of isotropic, anisotropic, oblique, sheared and left-handed grids.
fn grids() -> Vec<Grid> {
    let turn = DMat3::from_quat(DQuat::from_euler(glam::EulerRot::XYZ, 0.3, -0.2, 0.4));
    let sizes = |x, y, z| DMat3::from_diagonal(DVec3::new(x, y, z));
    let shear = DMat3::from_cols(DVec3::X, DVec3::new(0.2, 1.0, 0.0), DVec3::Z);
    let kinds = [
        sizes(1.5, 1.5, 1.5),
        sizes(0.8, 1.2, 4.0),
        turn * sizes(0.9, 1.1, 2.5),
        shear * sizes(1.0, 1.3, 2.0),
        turn * sizes(-1.0, 1.0, 2.0),
    ];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let mut grids = Vec::new();
    for kind in kinds {
        for order in orders {
            for flips in 0..8 {
                let column = |i: usize| kind.col(order[i]) * if flips >> i & 1 == 1 { -1.0 } else { 1.0 };
                let matrix3 = DMat3::from_cols(column(0), column(1), column(2));
                let world_from_voxel = DAffine3 { matrix3, translation: DVec3::new(-31.25, 17.5, 42.75) };
                grids.push(Grid { shape: SHAPE, world_from_voxel });
            }
        }
    }
    grids
}

/// Targets of our own making: one bright voxel each.
fn create(folder: &Path) {
    for (number, grid) in grids().into_iter().enumerate() {
        let mut volume = Volume { grid, voxels: vec![10.0; grid.len()] };
        volume.voxels[grid.index(MARK)] = 100.0;
        write_image(&folder.join(format!("{number:03}.nii.gz")), &volume, &Header::for_grid(&grid)).unwrap();
    }
}

fn world(grid: &Grid, voxel: [usize; 3]) -> DVec3 {
    grid.world_from_voxel.transform_point3(DVec3::from_array(voxel.map(|i| i as f64)))
}

/// Marks the bright voxel of a target, exports the mask, and compares what comes back.
fn export_and_compare(target: &Path) {
    let scan = Scan::open(target, 0).unwrap();
    let grid = scan.volume.grid;
    let voxels = scan.volume.voxels.iter().map(|&value| u16::from(value > 50.0)).collect();
    let name = target.file_name().unwrap().to_string_lossy().replace(".nii.gz", "_mask.nii.gz");
    let exported = target.with_file_name(name);
    write_labels(&exported, &LabelMap { grid, voxels }, &scan.header).unwrap();

    let back = Scan::open(&exported, 0).unwrap();
    for at in (0..348).filter(|at| !MAY_CHANGE.iter().any(|range| range.contains(at))) {
        assert_eq!(
            scan.header.nifti().unwrap()[at],
            back.header.nifti().unwrap()[at],
            "byte {at} of {}",
            exported.display()
        );
    }
    assert_eq!(back.facts.datatype, "uint8");
    let labels = back.labels().unwrap();
    let marked = labels.voxels.iter().position(|&label| label == 1).unwrap();
    let marked = [marked % SHAPE[0], marked / SHAPE[0] % SHAPE[1], marked / SHAPE[0] / SHAPE[1]];
    let half = 0.5 * grid.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
    assert!(world(&back.volume.grid, marked).distance(world(&grid, MARK)) <= half, "{}", target.display());
}

/// Has nibabel take a step in a folder; false where there is no nibabel.
fn independent(step: &str, folder: &Path) -> bool {
    let Some(python) = std::env::var_os("EXEMPLAR_PYTHON") else { return false };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("geometry/independent_reader.py");
    let done = Command::new(python).arg(&script).arg(step).arg(folder).output().unwrap();
    assert!(done.status.success(), "{step}: {}", String::from_utf8_lossy(&done.stderr));
    true
}

/// The files of a folder for which `wanted` holds, of which there are 240.
fn targets(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let all = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut targets: Vec<_> = all.filter(|path| wanted(path)).collect();
    targets.sort();
    assert_eq!(targets.len(), 240);
    targets
}

#[test]
fn masks_of_240_grids_come_back_where_they_belong() {
    let folder = tempfile::tempdir().unwrap();
    if !independent("create", folder.path()) {
        create(folder.path());
    }
    targets(folder.path(), |_| true).iter().for_each(|target| export_and_compare(target));
    independent("check", folder.path());
}

#[test]
fn mgh_files_lie_and_read_as_nibabel_says() {
    let folder = tempfile::tempdir().unwrap();
    if !independent("create-mgh", folder.path()) {
        return;
    }
    for path in targets(folder.path(), |path| path.extension().unwrap() != "nii") {
        let [ours, theirs] = [&path, &path.with_extension("nii")].map(|path| Scan::open(path, 0).unwrap());
        let [a, b] = [&ours, &theirs].map(|scan| scan.volume.grid.world_from_voxel);
        assert!(a.abs_diff_eq(b, 1e-4), "{}: {a} {b}", path.display());
        assert_eq!(ours.volume.voxels, theirs.volume.voxels, "{}", path.display());
        let mask = path.with_file_name(format!("{}_mask.nii.gz", ours.name));
        write_labels(&mask, &ours.labels_of_volume().unwrap(), &ours.header).unwrap();
    }
    independent("check-mgh", folder.path());
}
