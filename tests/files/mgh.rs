//! FreeSurfer's MGH and MGZ: types, geometry, label maps, damage. `tests/geometry` compares with nibabel.

use crate::damage::{BUFFERS, gzip, peak};
use crate::odd::fixture;
use imaging::Error;
use imaging::io::{Scan, is_image, probe, write_labels};
use imaging::labels::Names;
use proptest::prelude::*;
use std::path::Path;

/// A file of 6 × 5 × 4 voxels for each frame, whose bytes are `voxels`. A footer follows, as in files of FreeSurfer.
fn file(kind: i32, frames: i32, good: i16, voxels: &[u8]) -> Vec<u8> {
    let ints = [1, 6, 5, 4, frames, kind, 0];
    let mut bytes: Vec<u8> = ints.iter().flat_map(|n| n.to_be_bytes()).collect();
    bytes.extend(good.to_be_bytes());
    // Spacing, the directions of x, y and z, and the centre.
    let reals = [1.0_f32, 1.5, 2.0, -1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0, 5.0, -3.0, 8.0];
    bytes.extend(reals.iter().flat_map(|x| x.to_be_bytes()));
    bytes.resize(284, 0);
    bytes.extend(voxels);
    bytes.extend([7; 20]);
    bytes
}

/// Label values, each of four voxels in a row, as FreeSurfer stores them.
fn segmentation() -> Vec<u8> {
    let values = (0..120).map(|i| [0, 17, 53, 1035, 2035][i / 4 % 5]);
    file(1, 1, 1, &values.flat_map(i32::to_be_bytes).collect::<Vec<u8>>())
}

fn open(bytes: &[u8]) -> Result<Scan, Error> {
    Scan::from_bytes("x.mgh", bytes)
}

#[test]
fn a_file_of_freesurfer_opens_with_its_values_and_its_place() {
    let path = fixture("samples/freesurfer_tiny.mgz");
    let scan = Scan::open(&path, 1).unwrap();
    assert_eq!((scan.name.as_str(), scan.volume.grid.shape), ("freesurfer_tiny", [3, 4, 5]));
    assert_eq!((scan.facts.format.as_str(), scan.facts.datatype.as_str()), ("MGH, compressed", "float32"));
    assert_eq!((scan.facts.shape, scan.facts.frames), (vec![3, 4, 5, 2], 2));
    // Read with nibabel.
    assert!((scan.volume.voxels[scan.volume.grid.index([1, 2, 3])] - 0.001_798_8).abs() < 1e-7);
    let rows = [[1.0, 2.0, 3.0, -13.0], [2.0, 3.0, 1.0, -11.5], [3.0, 1.0, 2.0, -11.5]];
    for (axis, row) in rows.into_iter().enumerate() {
        let affine = scan.volume.grid.world_from_voxel;
        let ours = [affine.x_axis, affine.y_axis, affine.z_axis, affine.translation].map(|v| v[axis]);
        assert!(ours.iter().zip(row).all(|(a, b)| (a - b).abs() < 1e-4), "{ours:?}");
    }
}

#[test]
fn every_type_is_read_and_others_are_named() {
    let values = 0..120;
    let types: [(i32, &str, Vec<u8>); 5] = [
        (0, "uint8", values.clone().map(|i| i as u8).collect()),
        (1, "int32", values.clone().flat_map(|i: i32| i.to_be_bytes()).collect()),
        (3, "float32", values.clone().flat_map(|i| (i as f32).to_be_bytes()).collect()),
        (4, "int16", values.clone().flat_map(|i| (i as i16).to_be_bytes()).collect()),
        (10, "uint16", values.clone().flat_map(|i| (i as u16).to_be_bytes()).collect()),
    ];
    for (kind, name, voxels) in types {
        let plain = file(kind, 1, 1, &voxels);
        for bytes in [gzip(&[&plain]), plain] {
            let scan = open(&bytes).unwrap();
            assert_eq!(scan.facts.datatype, name);
            assert!(scan.volume.voxels.iter().enumerate().all(|(i, &voxel)| voxel == i as f32), "{name}");
        }
    }
    for (kind, words) in [(5, "single bits"), (9, "RGB"), (77, "code 77")] {
        let sentence = open(&file(kind, 1, 1, &[0; 1000])).unwrap_err().to_string();
        assert!(sentence.contains(words), "{sentence}");
    }
}

#[test]
fn without_directions_the_slices_are_coronal_and_a_warning_says_so() {
    let mut singular = file(0, 1, 1, &[1; 120]);
    singular[30..42].fill(0);
    for bytes in [file(0, 1, 0, &[1; 120]), singular] {
        let scan = open(&bytes).unwrap();
        let grid = scan.volume.grid;
        assert_eq!((grid.orientation().as_str(), grid.spacing_mm()), ("LIA", [1.0; 3]));
        // Half the dimensions lie at the origin.
        assert_eq!(grid.world_from_voxel.translation.to_array(), [3.0, -2.0, 2.5]);
        assert_eq!(scan.facts.transform, "coronal");
        assert!(
            scan.facts.warnings[0].contains("left and right may be swapped"),
            "{:?}",
            scan.facts.warnings
        );
    }
}

#[test]
fn a_label_map_is_one_and_its_export_is_nifti_on_the_same_grid() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Neither the name nor the compression decides what a file is.
    std::fs::write(at("aseg.mgz"), gzip(&[&segmentation()])).unwrap();
    std::fs::write(at("aseg"), segmentation()).unwrap();
    std::fs::write(at("labels.tsv"), "17\tLeft-Hippocampus\n").unwrap();
    assert!(is_image(&at("aseg.mgz")) && is_image(&at("aseg")) && !is_image(&at("labels.tsv")));
    let scan = Scan::open(&at("aseg.mgz"), 0).unwrap();
    assert_eq!(scan.facts.label_values, Some(vec![17, 53, 1035, 2035]));
    let labels = scan.labels().unwrap();
    assert_eq!(labels, Scan::open(&at("aseg"), 0).unwrap().labels().unwrap());
    assert_eq!(Names::beside(&at("aseg.mgz")).name(17), "Left-Hippocampus");

    write_labels(&at("mask.nii.gz"), &labels, &scan.header).unwrap();
    let back = Scan::open(&at("mask.nii.gz"), 0).unwrap();
    assert_eq!(back.labels().unwrap().voxels, labels.voxels);
    assert!(back.volume.grid.corner_distance_voxels(&labels.grid).unwrap() < 1e-4);
    let refused = write_labels(&at("mask.mgz"), &labels, &scan.header).unwrap_err().to_string();
    assert!(refused.contains(".nii.gz"), "{refused}");
}

#[test]
fn an_axis_that_nifti_cannot_hold_is_refused_before_anything_is_written() {
    let mut surface = file(0, 1, 1, &[1; 40_000]);
    for (at, n) in [(4, 40_000_i32), (8, 1), (12, 1)] {
        surface[at..at + 4].copy_from_slice(&n.to_be_bytes());
    }
    let scan = open(&surface).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask.nii");
    let refused = write_labels(&path, &scan.labels().unwrap(), &scan.header).unwrap_err().to_string();
    assert!(refused.contains("32767") && !path.exists(), "{refused}");
}

#[test]
fn every_truncation_is_one_sentence() {
    let plain = segmentation();
    for length in 0..284 + 480 {
        let sentence = open(&plain[..length]).unwrap_err().to_string();
        let known = ["truncated", "more than the file can hold", "empty", "no image"];
        assert!(known.iter().any(|words| sentence.contains(words)), "{length}: {sentence}");
    }
    // What follows the voxels is not read.
    assert!(open(&plain[..284 + 480]).is_ok());
    let zipped = gzip(&[&plain]);
    for length in 1..zipped.len() {
        assert!(open(&zipped[..length]).is_err(), "{length} bytes of {}", zipped.len());
    }
    for (at, dimension) in [(4, -1_i32), (4, 0), (8, i32::MAX), (12, i32::MIN), (16, 0), (16, i32::MAX)] {
        let mut wrong = plain.clone();
        wrong[at..at + 4].copy_from_slice(&dimension.to_be_bytes());
        let (outcome, held) = peak(|| open(&wrong));
        assert!(outcome.unwrap_err().to_string().contains("damaged") && held < BUFFERS, "{at}: {held}");
    }
}

/// A probe says what the whole scan says.
fn agree(path: &Path) {
    match (probe(path), Scan::open(path, 0)) {
        (Ok(probe), Ok(scan)) => {
            assert_eq!(
                (probe.grid, probe.frames, probe.header),
                (scan.volume.grid, scan.facts.frames, scan.header)
            );
            assert!(scan.facts.warnings.starts_with(&probe.warnings));
        }
        (Ok(_), Err(_)) => {}
        (Err(probed), opened) => assert_eq!(probed.to_string(), opened.unwrap_err().to_string()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_file_never_panics_nor_takes_much_memory(
        changes in prop::collection::vec((0usize..284, any::<u8>()), 1..6),
        flips in prop::collection::vec((0usize..4096, 0u8..8), 0..3),
        compress: bool,
    ) {
        let mut bytes = segmentation();
        changes.iter().for_each(|&(at, byte)| bytes[at] = byte);
        if compress {
            bytes = gzip(&[&bytes]);
        }
        let length = bytes.len();
        flips.iter().for_each(|&(at, bit)| bytes[at % length] ^= 1 << bit);
        let capacity = if compress { 1032 * length } else { length };
        let (outcome, held) = peak(|| open(&bytes).map(|scan| scan.labels().is_ok()));
        prop_assert!(held <= BUFFERS + 4 * 4 * capacity, "{held} for {outcome:?}");
    }
}

#[test]
fn probes_of_whole_and_damaged_files_agree_with_the_scan() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mgz");
    for at in 0..90 {
        let mut bytes = segmentation();
        bytes[at] ^= 0x81;
        std::fs::write(&path, if at % 2 == 0 { gzip(&[&bytes]) } else { bytes }).unwrap();
        agree(&path);
    }
    agree(&fixture("samples/freesurfer_tiny.mgz"));
}
