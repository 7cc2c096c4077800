//! The U-Net for one task: its gradients, a run of training on one scan, and what such a run refuses.

use super::{differ_by_rounding, learned, made_up, worst};
use exemplar_tests::{exemplar, fixture};
use imaging::io::Scan;
use learning::training::{Config, Episodes, Trainer};
use network::weights::{Precision, Weights, write};
use network::{Device, Learner};
use proptest::prelude::*;
use std::path::Path;

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Padded, odd and wide channels.
    #[test]
    fn the_kernels_learn_what_the_plain_statement_does_without_examples(
        channels in prop::collection::vec(1usize..40, 2..5),
    ) {
        let weights = made_up(&channels).u_net();
        let (_, want) = learned(&Learner::reference(), &weights, &[], 1);
        let (_, got) = learned(&Learner::new(&Device::cpu()).unwrap(), &weights, &[], 1);
        prop_assert!(want.values().all(|array| array.values.iter().any(|&slope| slope != 0.0)));
        prop_assert!(differ_by_rounding(&got, &want), "{channels:?}: {:.1e}", worst(&got, &want));
    }
}

#[test]
fn the_gradients_are_how_the_loss_changes() {
    let (learner, weights) = (Learner::reference(), made_up(&[2, 4, 8]).u_net());
    let (_, gradients) = learned(&learner, &weights, &[], 1);
    // Along the gradient itself, where the slope is its squared norm.
    let norm = gradients.values().flat_map(|array| &array.values).map(|&g| f64::from(g).powi(2)).sum::<f64>();
    let moved = |step: f64| {
        let mut weights = weights.clone();
        for (weights, gradients) in weights.arrays.values_mut().zip(gradients.values()) {
            let slopes = weights.values.iter_mut().zip(&gradients.values);
            slopes.for_each(|(w, g)| *w += (step / norm.sqrt()) as f32 * g);
        }
        learned(&learner, &weights, &[], 1).0
    };
    let slope = (moved(1e-3) - moved(-1e-3)) / 2e-3;
    assert!((slope / norm.sqrt() - 1.0).abs() < 1e-2, "{slope} instead of {}", norm.sqrt());
}

#[test]
fn only_a_u_net_learns_without_examples() {
    let (target, _) = exemplar_tests::golden_inputs("dev:", 16, 0);
    let loss = &mut |output: &[f32]| (0.0, vec![0.0; output.len()]);
    for learner in [Learner::new(&Device::cpu()).unwrap(), Learner::reference()] {
        let told = learner.gradients(&made_up(&[2, 4]), (&target, &[]), 1, loss).unwrap_err();
        assert!(told.to_string().contains("no example to learn from"), "{told}");
    }
}

/// One scan to learn from, another one to validate with; the whole hippocampus.
fn configuration(more: &str, more_of_data: &str) -> String {
    let folder = fixture("hippocampus_msd");
    format!(
        "network = \"u-net\"\nchannels = [8, 16, 32]\ngrid = 32\naverage = 0.9\ndice = 5\n\
         schedule = {{ kind = \"cosine\", rate = 2e-3, last = 1e-4, warm_up = 10 }}\n\
         stages = [{{ steps = 200, sides = [32], augment = 0.5 }}]\n\
         validation = {{ every = 50, episodes = 4 }}\n{more}\n\
         [[data]]\nfolder = {folder:?}\ngrouped = 1\n{more_of_data}\n"
    )
}

const RANDOM: &str = "start = \"random\"";
const ONE_TASK: &str =
    "groups = [[]]\nonly = [\"hippocampus_143\", \"hippocampus_148\"]\nvalidate = [\"hippocampus_148\"]";

#[test]
fn a_u_net_learns_from_one_scan_and_its_weights_segment() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::parse(&configuration(RANDOM, ONE_TASK)).unwrap();
    let mut trainer = Trainer::open(config, folder.path(), Device::cpu()).unwrap();
    let losses: Vec<f64> = (0..200).map(|_| trainer.step().unwrap()).collect();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[180..]) < 0.6 * mean(&losses[..20]), "{losses:?}");
    trainer.save().unwrap();

    let scans = fixture("hippocampus_msd");
    let scan = |part: &str, number: u32| scans.join(part).join(format!("hippocampus_{number}.nii.gz"));
    let weights = folder.path().join("weights.safetensors");
    let [mask, report] = ["mask.nii.gz", "report.json"].map(|name| folder.path().join(name));
    let files = [&scan("images", 166), &scan("images", 149), &scan("labels", 149), &weights, &mask, &report];
    let files = files.map(|path| path.as_path());
    let segment = "segment -t {} -c {} {} --model {} -o {} --report {}";
    // The examples hold two labels, and the weights know one structure.
    let told = exemplar(segment, &files);
    assert_eq!(told.code, 1);
    assert!(told.complained.contains("segments one structure"), "{}", told.complained);
    let told = exemplar(&format!("{segment} --labels 1"), &files).well();
    assert!(told.complained.contains("read no example"), "{}", told.complained);
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    assert_eq!(report["model"]["reads_examples"], false);
    // A scan that it never saw; the one label stands for both of the truth.
    let [found, truth] =
        [mask, scan("labels", 166)].map(|path| Scan::open(&path, 0).unwrap().labels().unwrap());
    let count = |inside: &dyn Fn(bool, bool) -> bool| {
        let voxels = found.voxels.iter().zip(&truth.voxels);
        voxels.filter(|&(&found, &truth)| inside(found > 0, truth > 0)).count() as f64
    };
    let dice =
        2.0 * count(&|found, truth| found && truth) / (count(&|found, _| found) + count(&|_, truth| truth));
    println!("Dice {dice:.3}");
    assert!(dice > 0.3, "{dice}");
}

#[test]
fn an_episode_of_a_u_net_has_no_examples_and_always_the_same_task() {
    let config =
        Config::parse(&configuration(RANDOM, "groups = [[1]]\nonly = [\"hippocampus_143\"]")).unwrap();
    let episodes = Episodes::open(&config).unwrap();
    for number in 0..8 {
        let draws =
            [episodes.training(number, config.stage(0)), episodes.validation(number, config.stage(0))];
        assert!(draws.into_iter().all(|episode| episode.unwrap().examples.is_empty()));
    }
    // A structure that the scan lacks is an empty mask, not another structure.
    let absent = configuration(RANDOM, "groups = [[9]]\nonly = [\"hippocampus_143\"]");
    let config = Config::parse(&absent).unwrap();
    let episode = Episodes::open(&config).unwrap().validation(0, config.stage(0)).unwrap();
    assert!(episode.target.output.voxels.iter().all(|&part| part == 0.0));
}

#[test]
fn a_u_net_without_one_task_is_refused() {
    for (more, more_of_data) in [
        ("", ""),
        ("", "groups = [[1], [2]]"),
        ("tasks = { segmentation = 1, inpainting = 1 }", "groups = [[1]]"),
        ("", "groups = [[1]]\n[[data]]\nholds = \"shapes\"\ngroups = [[1]]\ngrouped = 1"),
    ] {
        let told = Config::parse(&configuration(more, more_of_data)).unwrap_err();
        assert!(told.contains("learns one task"), "{told}");
    }
    Config::parse(&configuration("tasks = { inpainting = 1 }", "")).unwrap();
}

#[test]
fn a_run_begins_with_weights_of_its_own_network() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |text: &str, name: &str| {
        let config = Config { folder: folder.path().into(), ..Config::parse(text).unwrap() };
        let told = Trainer::open(config, &folder.path().join(name), Device::cpu()).err().unwrap().to_string();
        assert!(told.contains("those of") && told.contains("start = \"random\""), "{told}");
        told
    };
    let told = refused(&configuration("", ONE_TASK), "bundled");
    assert!(told.contains("(bundled)") && told.contains("asks for a U-Net"), "{told}");
    let save = |weights: &Weights| write(&folder.path().join("u.safetensors"), weights, Precision::F32);
    save(&made_up(&[2, 4]).u_net()).unwrap();
    let file = "start = \"u.safetensors\"";
    let in_context = |more: &str| configuration(more, ONE_TASK).replace("u-net", "in-context");
    assert!(refused(&in_context(file), "file").contains("(u.safetensors)"));
    let config =
        Config { folder: folder.path().into(), ..Config::parse(&configuration(file, ONE_TASK)).unwrap() };
    let run = folder.path().join("begun");
    Trainer::open(config, &run, Device::cpu()).unwrap().save().unwrap();
    // A folder that holds a run of the other network.
    refused(&in_context(RANDOM).replace("143\", \"", ""), "begun");
    assert!(Path::new(&run).join("checkpoint.safetensors").exists());
}

#[test]
fn what_is_read_is_what_was_named() {
    let open = |text: &str| Episodes::open(&Config::parse(text).unwrap()).err().map(|told| told.to_string());
    let told =
        open(&configuration(RANDOM, "groups = [[]]\nonly = [\"hippocampus_143\", \"liver\"]")).unwrap();
    assert!(told.contains("no label map is called liver…"), "{told}");
    let one = configuration(
        RANDOM,
        "groups = [[]]\nonly = [\"hippocampus_14\"]\nhold_out = [\"hippocampus_148\", \"hippocampus_149\"]",
    );
    assert_eq!(open(&one), None);
    let told = open(&one.replace("u-net", "in-context")).unwrap();
    assert!(told.contains("1 labelled scans are left") && told.contains("needs two"), "{told}");
    let none = one.replace("[\"hippocampus_148", "[\"hippocampus_143\", \"hippocampus_148");
    assert!(open(&none).unwrap().contains("a U-Net needs one at least"));
}
