//! `exemplar demo`: the built-in case from start to end.

use exemplar_tests::exemplar;
use imaging::io::Scan;
use std::path::Path;

#[test]
fn the_demo_writes_its_three_files_and_a_line_for_each_label() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("made by the demo");
    let ran = exemplar("demo --device cpu -o {}", &[&out]).well();
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    for key in ["device", "pipeline", "mini_context", "contexts", "peak_memory_bytes", "warnings"] {
        assert!(!report[key].is_null(), "report.json lacks {key}");
    }
    for key in ["name", "channels", "parameters", "sha256"] {
        assert!(!report["model"][key].is_null(), "report.json lacks model.{key}");
    }
    let flops = |key: &str| report[key].as_f64().unwrap();
    let network = report["seconds"]["network"].as_f64().unwrap();
    // The bundled network takes tens of GFLOP for one example.
    assert!(
        flops("flops") > 1e9 && (flops("flops_per_second") * network / flops("flops") - 1.0).abs() < 1e-6
    );
    for key in ["load", "prepare", "network", "write", "total"] {
        assert!(report["seconds"][key].is_f64(), "report.json lacks seconds.{key}");
    }
    let labels = report["labels"].as_array().unwrap();
    assert!(!labels.is_empty());
    for label in labels {
        let name = label["name"].as_str().unwrap();
        let line = ran.said.lines().find(|line| line.starts_with(name)).unwrap();
        let dice: f64 = line.split_whitespace().last().unwrap().parse().unwrap();
        assert!(line.contains(" ml  Dice ") && dice > 0.4, "{line}");
    }
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo");
    let target = Scan::open(&assets.join("target.nii.gz"), 0).unwrap();
    let mask = Scan::open(&out.join("mask.nii.gz"), 0).unwrap();
    assert_eq!(mask.volume.grid, target.volume.grid);
    assert!(mask.labels().unwrap().counts().len() == labels.len());
    let preview = image::open(out.join("preview.png")).unwrap().to_rgb8();
    assert!(preview.pixels().any(|pixel| pixel.0[0] > 200), "the preview is not black");
}
