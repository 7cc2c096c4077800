//! Every odd file through `info` and `segment`: done, or one sentence and exit code 1; never a panic.

use exemplar_tests::{Ran, exemplar, fixture};
use imaging::io::Scan;
use std::path::{Path, PathBuf};

fn odd_files() -> Vec<PathBuf> {
    let inside = |folder: &str| fixture(folder).read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = inside("odd/samples").chain(inside("odd/generated")).collect();
    files.sort();
    assert_eq!(files.len(), 40);
    files
}

/// One sentence that names the file and ends in a full stop, on one line.
fn refused(ran: &Ran, file: &Path) {
    assert_eq!(ran.code, 1, "{}", ran.complained);
    let sentence = ran.complained.trim_end();
    let name = file.file_name().unwrap().to_string_lossy();
    assert_eq!(sentence.lines().count(), 1, "{sentence}");
    assert!(
        sentence.contains(&*name) && sentence.ends_with('.') && !sentence.contains("panic"),
        "{sentence}"
    );
}

#[test]
fn every_odd_file_ends_in_a_result_or_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let mask = folder.path().join("mask.nii.gz");
    let [image, label] = ["image", "label"].map(|what| fixture(&format!("odd/generated/ok_{what}.nii.gz")));
    let mut outcomes = Vec::new();
    for file in odd_files() {
        let info = exemplar("info --json {}", &[&file]);
        // One small label keeps forty runs of the network short.
        let arguments = "segment --device cpu --labels 60 -t {} -c {} {} -o {}";
        let segment = exemplar(arguments, &[&file, &image, &label, &mask]);
        match Scan::open(&file, 0) {
            Ok(scan) => {
                let facts: serde_json::Value = serde_json::from_str(&info.well().said).unwrap();
                assert_eq!(facts["warnings"].as_array().unwrap().len(), scan.facts.warnings.len());
                segment.well();
                let exported = Scan::open(&mask, 0).unwrap();
                assert!(exported.volume.grid.agrees_with(&scan.volume.grid), "{}", file.display());
                std::fs::remove_file(&mask).unwrap();
                outcomes.push((file, "segmented"));
            }
            Err(_) => {
                refused(&info, &file);
                refused(&segment, &file);
                assert!(!mask.exists());
                outcomes.push((file, "refused"));
            }
        }
    }
    let count = |what: &str| outcomes.iter().filter(|(_, outcome)| *outcome == what).count();
    outcomes.iter().for_each(|(file, outcome)| println!("{outcome}: {}", file.display()));
    assert_eq!((count("segmented"), count("refused")), (31, 9));
}

#[test]
fn labels_that_cannot_serve_as_examples_are_refused_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let mask = folder.path().join("mask.nii.gz");
    let generated = |name: &str| fixture(&format!("odd/generated/{name}.nii.gz"));
    let image = generated("ok_image");
    let cases = [
        ("label_other_shape", "", "--geometry resample"),
        ("label_all_zero", "", "empty"),
        ("label_float_exact", "--labels 9999", "No example holds Label 9999"),
        ("ok_image", "", "are image and label swapped?"),
        ("int16_slope", "", "no label map"),
        ("label_other_shape", "--geometry copy", "cannot be copied"),
    ];
    for (label, options, words) in cases {
        let arguments = format!("segment --device cpu -t {{}} -c {{}} {{}} -o {{}} {options}");
        let ran = exemplar(&arguments, &[&image, &image, &generated(label), &mask]);
        assert_eq!(ran.code, 1, "{label}");
        assert!(ran.complained.contains(words), "{label}: {}", ran.complained);
    }
    // The same voxels of the world, mirrored in the array: brought over by the headers, and told.
    let arguments = "segment --device cpu --labels 60 -t {} -c {} {} -o {}";
    let mirrored = exemplar(arguments, &[&image, &image, &generated("label_other_affine"), &mask]).well();
    assert!(mirrored.complained.contains("another axis order"), "{}", mirrored.complained);
}
