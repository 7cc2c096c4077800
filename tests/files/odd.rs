//! Each file of `fixtures/odd`: opened with the warnings named here and no others, or refused with these words.

use glam::DVec3;
use imaging::io::Scan;
use std::path::{Path, PathBuf};

/// Expected outcome.
enum Outcome {
    /// Opens: orientation, transform, words of each warning.
    Opens(&'static str, &'static str, &'static [&'static str]),
    /// Refused with these words.
    Refused(&'static str),
}
use Outcome::{Opens, Refused};

/// Whether the file can serve as a label map.
const LABELS: bool = true;
const IMAGE: bool = false;

#[rustfmt::skip]
const CASES: [(&str, Outcome, bool); 42] = [
    ("samples/nifti2_4d.nii.gz", Opens("LAS", "sform", &["series of 2 volumes; volume 1"]), IMAGE),
    ("samples/bigendian_int16.nii", Opens("LAS", "sform", &[]), IMAGE),
    ("samples/fmri_4d_scaled.nii", Opens("LAS", "sform", &["series of 20 volumes; volume 1"]), IMAGE),
    ("samples/tiny_4x5x7.nii.gz", Opens("RAS", "sform", &[]), LABELS),
    ("samples/cifti_dconn.nii", Refused("CIFTI-2"), IMAGE),
    ("samples/header_only.hdr", Refused("header_only.img"), IMAGE),
    ("samples/freesurfer_tiny.mgz", Opens("SAR", "vox2ras", &["off by 51.8 degrees", "series of 2 volumes; volume 1"]), IMAGE),
    ("samples/float_bigendian.nii.gz", Opens("LAS", "qform", &[]), IMAGE),
    ("samples/float_littleendian.nii.gz", Opens("LAS", "qform", &[]), IMAGE),
    ("samples/5d_vector.nii", Refused("5 dimensions"), IMAGE),
    ("samples/not_nifti.nii", Refused("no image that Exemplar knows"), IMAGE),
    ("samples/header_extension.nii.gz", Opens("LPI", "sform", &[]), LABELS),
    ("samples/pair_air2.hdr.gz", Opens("AIR", "sform", &[]), IMAGE),
    ("samples/pair_air2.img.gz", Opens("AIR", "sform", &[]), IMAGE),
    ("samples/orient_AIL_scaled.nii.gz", Opens("AIL", "sform", &[]), IMAGE),
    ("generated/ok_image.nii.gz", Opens("PSR", "sform", &[]), IMAGE),
    ("generated/ok_label.nii.gz", Opens("PSR", "sform", &[]), LABELS),
    ("generated/truncated_stream.nii.gz", Refused("truncated"), IMAGE),
    ("generated/truncated_voxels.nii", Refused("truncated"), IMAGE),
    ("generated/empty.nii.gz", Refused("empty"), IMAGE),
    ("generated/html_page.nii.gz", Refused("web page"), IMAGE),
    ("generated/plain_named_gz.nii.gz", Opens("PSR", "sform", &["not compressed"]), IMAGE),
    ("generated/no_geometry.nii.gz", Opens("LAS", "pixdim", &["left and right may be swapped"]), IMAGE),
    ("generated/sform_qform_differ.nii.gz", Opens("PSR", "sform", &["20.0 mm (10.0 voxels)"]), IMAGE),
    ("generated/nan_inf.nii.gz", Opens("PSR", "sform", &["2629 voxels were not finite"]), IMAGE),
    ("generated/constant.nii.gz", Opens("PSR", "sform", &["the same value (7)"]), LABELS),
    ("generated/label_all_zero.nii.gz", Opens("PSR", "sform", &["the same value (0)"]), LABELS),
    ("generated/label_float_exact.nii.gz", Opens("PSR", "sform", &[]), LABELS),
    ("generated/label_other_shape.nii.gz", Opens("PSR", "sform", &[]), LABELS),
    ("generated/label_other_affine.nii.gz", Opens("ASR", "sform", &[]), LABELS),
    ("generated/singleton_4th.nii.gz", Opens("PSR", "sform", &[]), IMAGE),
    ("generated/int16_slope.nii.gz", Opens("PSR", "sform", &[]), IMAGE),
    ("generated/float64.nii.gz", Opens("PSR", "sform", &[]), IMAGE),
    ("generated/same_as_RAS.nii.gz", Opens("RAS", "sform", &[]), IMAGE),
    ("generated/same_as_LPI.nii.gz", Opens("LPI", "sform", &[]), IMAGE),
    ("generated/same_as_ASL.nii.gz", Opens("ASL", "sform", &[]), IMAGE),
    ("generated/thick_slices.nii.gz", Opens("PSR", "sform", &[]), IMAGE),
    ("generated/single_slice.nii.gz", Opens("PSR", "sform", &["single slice"]), IMAGE),
    ("generated/dims_lie_huge.nii.gz", Refused("more than the file can hold"), IMAGE),
    ("generated/Ünïcode name (1).NII.GZ", Opens("PSR", "sform", &[]), IMAGE),
    ("generated/not there.nii.gz", Refused("does not exist"), IMAGE),
    ("generated", Refused("folder of DICOM"), IMAGE),
];

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/odd").join(name)
}

#[test]
fn each_odd_file_ends_as_expected() {
    let mut wrong = Vec::new();
    for (name, expected, is_label_map) in &CASES {
        let scan = Scan::open(&fixture(name), 0);
        match (scan, expected) {
            (Ok(scan), Opens(orientation, transform, warnings)) => {
                let facts = &scan.facts;
                let told = facts.warnings.len() == warnings.len()
                    && facts.warnings.iter().zip(*warnings).all(|(said, word)| said.contains(word));
                let placed = facts.orientation == *orientation && facts.transform == *transform;
                let whole = scan.volume.voxels.len() == scan.volume.grid.len();
                let finite = scan.volume.voxels.iter().all(|voxel| voxel.is_finite());
                if !(told && placed && whole && finite && scan.labels().is_ok() == *is_label_map) {
                    wrong.push(format!("{name}: {facts:?}, labels {:?}", scan.labels().err()));
                }
            }
            (Err(error), Refused(words)) if error.to_string().contains(words) => {}
            (outcome, _) => wrong.push(format!("{name}: {:?}", outcome.map(|scan| scan.facts))),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_same_head_stored_otherwise_lies_in_the_same_place() {
    let open = |name: &str| Scan::open(&fixture(&format!("generated/{name}.nii.gz")), 0).unwrap().volume;
    let image = open("ok_image");
    for name in ["same_as_RAS", "same_as_LPI", "same_as_ASL", "singleton_4th", "plain_named_gz", "float64"] {
        let other = open(name);
        let other_from_image = other.grid.voxel_from_world() * image.grid.world_from_voxel;
        for z in 0..64 {
            for y in 0..64 {
                for x in 0..64 {
                    let there = other_from_image.transform_point3(DVec3::new(x as f64, y as f64, z as f64));
                    let there = there.round().to_array().map(|i| i as usize);
                    let [a, b] =
                        [image.voxels[image.grid.index([x, y, z])], other.voxels[other.grid.index(there)]];
                    assert_eq!(a, b, "{name} at {x} {y} {z}");
                }
            }
        }
    }
    let [big, little] = ["big", "little"].map(|order| {
        Scan::open(&fixture(&format!("samples/float_{order}endian.nii.gz")), 0).unwrap().volume.voxels.clone()
    });
    assert_eq!(big, little);
    let scaled = open("int16_slope");
    let stored = (scaled.voxels[100_000] + 5.0) / 0.37;
    assert!((stored - stored.round()).abs() < 1e-3, "slope and intercept are applied");
}

#[test]
fn a_volume_of_a_series_can_be_chosen() {
    let path = fixture("samples/fmri_4d_scaled.nii");
    let [first, last] = [0, 19].map(|frame| Scan::open(&path, frame).unwrap().volume.voxels.clone());
    assert_ne!(first, last);
    let beyond = Scan::open(&path, 20).unwrap_err().to_string();
    assert!(beyond.contains("no volume 21") && beyond.contains("holds 20"), "{beyond}");
}
