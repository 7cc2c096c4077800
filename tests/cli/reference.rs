//! `--pipeline reference` against what the published script wrote (see the README of the golden values).

use exemplar_tests::{exemplar, fixture};
use imaging::io::Scan;
use std::path::{Path, PathBuf};

/// Runs a command for one target with the three context pairs; `labels` are the images themselves for `transform`.
fn run(command: &str, case: &str, out: &Path) -> Scan {
    let golden = fixture("golden/cli_reference");
    let images = [0, 1, 2].map(|i| golden.join(format!("context_images/case{i}_0000.nii.gz")));
    let labels = match command {
        "segment" => [0, 1, 2].map(|i| golden.join(format!("context_labels/case{i}.nii.gz"))),
        _ => images.clone(),
    };
    let target = golden.join(format!("targets/{case}.nii.gz"));
    let model = fixture("golden/tiny_trained.ckpt");
    let arguments = format!(
        "{command} --pipeline reference --device cpu --model {{}} -t {{}} -c {{}} {{}} -c {{}} {{}} -c {{}} {{}} -o {{}}"
    );
    let mut paths: Vec<&Path> = vec![&model, &target];
    paths.extend(images.iter().zip(&labels).flat_map(|(image, label)| [image, label]).map(PathBuf::as_path));
    paths.push(out);
    exemplar(&arguments, &paths).well();
    let (result, target) = (Scan::open(out, 0).unwrap(), Scan::open(&target, 0).unwrap());
    assert_eq!(result.volume.grid, target.volume.grid);
    result
}

#[test]
fn segment_equals_the_published_script() {
    let folder = tempfile::tempdir().unwrap();
    for case in ["case3_0000", "case4_0000"] {
        let ours = run("segment", case, &folder.path().join("mask.nii.gz"));
        assert_eq!(ours.facts.datatype, "uint8", "labels are true integers");
        let theirs = fixture(&format!("golden/cli_reference/reference_masks/{case}.nii.gz"));
        let theirs = Scan::open(&theirs, 0).unwrap().labels().unwrap();
        let ours = ours.labels().unwrap();
        let equal = ours.voxels.iter().zip(&theirs.voxels).filter(|(a, b)| a == b).count();
        let part = equal as f64 / ours.voxels.len() as f64;
        println!("{case}: {:.4} % of the voxels are equal", 100.0 * part);
        assert!(part >= 0.999, "{case}: only {part}");
        assert!(ours.counts().len() == 2, "both labels are there");
    }
}

#[test]
fn transform_equals_the_published_script() {
    let folder = tempfile::tempdir().unwrap();
    for case in ["case3_0000", "case4_0000"] {
        let ours = run("transform", case, &folder.path().join("image.nii.gz"));
        assert_eq!(ours.facts.datatype, "float32");
        let theirs = fixture(&format!("golden/cli_reference/reference_transform/{case}.nii.gz"));
        let theirs = Scan::open(&theirs, 0).unwrap();
        let [low, high] = theirs.facts.range;
        let pairs = ours.volume.voxels.iter().zip(&theirs.volume.voxels);
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / (high - low);
        println!("{case}: the largest difference is {worst:.1e} of the intensity range");
        assert!(worst <= 1e-3, "{case}: {worst}");
    }
}
