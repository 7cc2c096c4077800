//! `segment`, `evaluate`, `convert`, `info` and `bench`: what they promise beyond the network.

use exemplar_tests::{exemplar, fixture};
use imaging::io::Scan;
use std::path::{Path, PathBuf};

fn hippocampus(part: &str, number: u16) -> PathBuf {
    fixture(&format!("hippocampus_msd/{part}/hippocampus_{number}.nii.gz"))
}

/// Segments volume 143 by the other three in this order; returns mask and probabilities.
fn segmented(folder: &Path, order: [u16; 3], options: &str) -> [Scan; 2] {
    let [mask, probabilities] = ["mask.nii.gz", "p.nii.gz"].map(|name| folder.join(name));
    let target = hippocampus("images", 143);
    let pairs = order.map(|n| [hippocampus("images", n), hippocampus("labels", n)]);
    let mut paths: Vec<&Path> = vec![&target];
    paths.extend(pairs.iter().flatten().map(PathBuf::as_path));
    paths.extend([mask.as_path(), probabilities.as_path()]);
    let device = if options.contains("--device") { "" } else { "--device cpu" };
    let arguments = format!(
        "segment {device} -t {{}} -c {{}} {{}} -c {{}} {{}} -c {{}} {{}} -o {{}} --probabilities {{}} {options}"
    );
    exemplar(&arguments, &paths).well();
    [Scan::open(&mask, 0).unwrap(), Scan::open(&probabilities, 1).unwrap()]
}

#[test]
fn mini_context_order_threads_vectors_and_a_card_change_rounding_only() {
    let folder = tempfile::tempdir().unwrap();
    let [mask, p] = segmented(folder.path(), [148, 149, 166], "--mini-context 3 --threads 2");
    assert_eq!(p.facts.frames, 2, "one volume for each label");
    assert_eq!(mask.labels().unwrap().counts().len(), 2);
    for (order, options, most) in [
        ([148, 149, 166], "--mini-context 3 --threads 1", 1e-5),
        ([148, 149, 166], "--mini-context 1 --threads 2", 1e-5),
        ([166, 148, 149], "--mini-context 2 --threads 2", 1e-5),
        ([148, 149, 166], "EXEMPLAR_LANES=8", 1e-5),
        // These round twice in a multiply-add.
        ([148, 149, 166], "EXEMPLAR_LANES=4", 1e-4),
        ([148, 149, 166], "EXEMPLAR_LANES=1", 1e-4),
        ([148, 149, 166], "EXEMPLAR_SOFTWARE_GPU=1 --device gpu", 1e-4),
        ([148, 149, 166], "EXEMPLAR_SOFTWARE_GPU=1 --device gpu-f16 --mini-context 2", 1e-2),
    ] {
        let [_, other] = segmented(folder.path(), order, options);
        let pairs = p.volume.voxels.iter().zip(&other.volume.voxels);
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{order:?} {options}: largest difference of a probability {worst:.1e}");
        assert!(worst <= most, "{order:?} {options}: {worst}");
    }
}

#[test]
fn a_folder_of_examples_gives_a_report_and_a_mask_that_evaluate_judges() {
    let folder = tempfile::tempdir().unwrap();
    let [mask, report] = ["mask.nii.gz", "report.json"].map(|name| folder.path().join(name));
    let target = hippocampus("images", 143);
    let arguments = "segment --device cpu -t {} --context-dir {} --labels 1,2 -o {} --report {}";
    let ran = exemplar(arguments, &[&target, &fixture("hippocampus_msd"), &mask, &report]).well();
    assert_eq!(ran.said.lines().count(), 2, "a line for each label");
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!(report["contexts"], 3, "all but the target");
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["arguments"][0], "segment");
    assert_eq!(report["files"]["target"], target.to_str().unwrap());
    let pairs = report["files"]["examples"].as_array().unwrap();
    for (pair, record) in pairs.iter().zip(&report["records"].as_array().unwrap()[1..]) {
        for part in ["image", "label"] {
            let path = Path::new(pair[part].as_str().unwrap());
            assert!(
                path.is_file() && path.to_str().unwrap().contains(record["name"].as_str().unwrap()),
                "{pair}"
            );
        }
    }
    assert_eq!(pairs.len(), 3);
    assert_eq!(report["records"].as_array().unwrap().len(), 4, "what was done to target and examples");
    assert!(
        report["records"][0]["mean_displacement_mm"].is_null()
            && report["records"][1]["mean_displacement_mm"].is_f64()
    );
    let judged = exemplar("evaluate {} {} --json", &[&mask, &hippocampus("labels", 143)]).well();
    let judged: serde_json::Value = serde_json::from_str(&judged.said).unwrap();
    for row in judged.as_array().unwrap() {
        assert!(row["dice"].as_f64().unwrap() > 0.6, "{row}");
        assert!(row["hd95_mm"].is_f64() && row["surface_dice_1mm"].is_f64(), "{row}");
        assert!(row["asd_mm"].as_f64().unwrap() <= row["hd95_mm"].as_f64().unwrap(), "{row}");
    }
    let table = exemplar("evaluate {} {}", &[&mask, &hippocampus("labels", 143)]).well().said;
    let heading = "label   Dice  volume ml  difference ml  HD95 mm  ASD mm  surface Dice 1 mm\n";
    assert!(table.starts_with(heading) && table.lines().count() == 3, "{table}");
    let elsewhere = exemplar("evaluate {} {}", &[&mask, &hippocampus("labels", 148)]);
    assert_eq!(elsewhere.code, 1);
    assert!(elsewhere.complained.contains("do not lie on the same voxels"), "{}", elsewhere.complained);
}

#[test]
fn wrong_arguments_end_with_2_and_an_input_is_never_overwritten() {
    assert_eq!(exemplar("segment -t only.nii", &[]).code, 2);
    assert_eq!(exemplar("bench --mini-context none", &[]).code, 2);
    for minutes in ["-1", "0", "nan", "inf", "1e300", "soon"] {
        let ran = exemplar(&format!("train no.toml -o run --minutes {minutes}"), &[]);
        assert!(ran.code == 2 && ran.complained.contains("minutes above 0"), "{minutes}: {}", ran.complained);
    }
    // Training computes on the CPU only.
    assert_eq!(exemplar("train no.toml -o run --device gpu", &[]).code, 2);
    assert_eq!(exemplar("bench --train --device gpu --channels 2,4 --size 16", &[]).code, 2);
    exemplar("bench --train --channels 2,4 --size 16 --runs 1", &[]).well();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("scan.nii.gz");
    std::fs::copy(hippocampus("images", 143), &target).unwrap();
    let before = std::fs::read(&target).unwrap();
    let [image, label] = ["images", "labels"].map(|part| hippocampus(part, 148));
    let spelled = folder.path().join(".").join("scan.nii.gz");
    let ran = exemplar("segment --device cpu -t {} -c {} {} -o {}", &[&target, &image, &label, &spelled]);
    assert_eq!(ran.code, 1);
    assert!(ran.complained.contains("never overwritten"), "{}", ran.complained);
    assert_eq!(std::fs::read(&target).unwrap(), before);
    let ran = exemplar(
        "segment --device cpu -t {} -c {} {} -o {}",
        &[&target, &image, &label, &folder.path().join("no such folder/mask.nii.gz")],
    );
    assert_eq!((ran.code, ran.complained.trim_end().lines().count()), (1, 1), "{}", ran.complained);
}

#[test]
fn a_converted_checkpoint_is_the_same_network() {
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join("half.safetensors");
    let ckpt = fixture("golden/tiny_trained.ckpt");
    exemplar("convert --precision f16 {} {}", &[&ckpt, &half]).well();
    let [whole, size] = [&ckpt, &half].map(|path| std::fs::metadata(path).unwrap().len());
    assert!(size < whole, "{size} of {whole}");
    let again = exemplar("convert {} {}", &[&half, &half]);
    assert!(again.code == 1 && again.complained.contains("never overwritten"), "{}", again.complained);
}

#[test]
fn bench_tells_seconds_and_memory() {
    let ran =
        exemplar("bench --device cpu --channels 2,4,8 --size 16 --contexts 3 --runs 2 --json", &[]).well();
    let report: serde_json::Value = serde_json::from_str(&ran.said).unwrap();
    assert_eq!(report["seconds"].as_array().unwrap().len(), 2);
    assert!(
        report["peak_memory_bytes"].as_u64() > Some(0) && report["predicted_memory_bytes"].as_u64() > Some(0)
    );
    assert!(ran.complained.contains("ℓ = 1 · 0."), "the prediction comes before the run: {}", ran.complained);
    let ran = exemplar("bench --device cpu --channels 2,4 --size 65536", &[]);
    assert!(ran.code == 1 && ran.complained.contains("GB of memory and there are"), "{}", ran.complained);
}
