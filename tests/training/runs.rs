//! Runs of training: ended and gone on with, refused, and from the command line.

use exemplar_tests::{exemplar, fixture};
use learning::training::optimiser::Schedule;
use learning::training::{Config, State, Trainer};
use network::Device;
use std::path::Path;

/// A small run on the hippocampus crops and on shapes.
fn configuration(more: &str) -> String {
    let folder = fixture("hippocampus_msd");
    format!(
        "start = \"random\"\nchannels = [2, 4, 8]\ngrid = 16\ncheckpoint = 7\n\
         stages = [{{ steps = 25, sides = [16], contexts = [1, 2] }}, {{ steps = 15, sides = [16, 32], contexts = [3, 3] }}]\n\
         validation = {{ every = 16, episodes = 2 }}\nmini_context = 2\n{more}\n\
         [[data]]\nfolder = {folder:?}\n[[data]]\nholds = \"shapes\"\nshare = 0.5\n"
    )
}

/// Takes steps until there are so many.
fn run(folder: &Path, config: &Config, steps: u64) -> Trainer {
    let mut trainer = Trainer::open(config.clone(), folder, Device::cpu()).unwrap();
    while trainer.steps().0 < steps {
        trainer.step().unwrap();
    }
    trainer
}

fn same(a: &State, b: &State) -> bool {
    a.weights.arrays == b.weights.arrays
        && a.average == b.average
        && a.adam == b.adam
        && a.progress == b.progress
}

#[test]
fn a_run_that_was_ended_goes_on_as_if_it_had_not_been() {
    let folders: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
    let schedules = [
        "schedule = { kind = \"cosine\", rate = 1e-3, last = 1e-5, warm_up = 5 }",
        "schedule = { kind = \"plateau\", rate = 1e-3, patience = 0 }\ntasks = { segmentation = 1, inpainting = 1 }",
    ];
    for (schedule, folder) in schedules.into_iter().zip(&folders) {
        let config = Config::parse(&configuration(schedule)).unwrap();
        let whole = run(&folder.path().join("whole"), &config, 40);
        let halves = folder.path().join("halves");
        run(&halves, &config, 20).save().unwrap();
        let resumed = run(&halves, &config, 40);
        assert!(same(whole.state(), resumed.state()), "{schedule}");
        assert_eq!(whole.curve(), resumed.curve());
        assert_eq!(whole.state().adam.steps, 40);
        // A sudden end: what was not saved is done again from the last checkpoint, after step 35.
        let sudden = folder.path().join("sudden");
        drop(run(&sudden, &config, 38));
        let again = Trainer::open(config.clone(), &sudden, Device::cpu()).unwrap();
        assert_eq!(again.steps(), (35, 40));
        assert!(same(whole.state(), run(&sudden, &config, 40).state()), "{schedule}");
    }
}

#[test]
fn files_that_cannot_all_be_written_leave_the_run_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::parse(&configuration("")).unwrap();
    // The curve gets its point at step 16, which step 21 saves.
    let mut trainer = run(folder.path(), &config, 20);
    let curve = folder.path().join("curve.jsonl");
    let (kept, blocked) = (std::fs::read(&curve).unwrap(), folder.path().join("curve"));
    std::fs::rename(&curve, &blocked).unwrap();
    std::fs::create_dir(&curve).unwrap();
    assert!(trainer.step().is_err(), "a folder is in the curve's place");
    std::fs::remove_dir(&curve).unwrap();
    std::fs::write(&curve, kept).unwrap();
    // A checkpoint after step 21 without the point of step 16 would never get it again.
    let resumed = run(folder.path(), &config, 21);
    assert_eq!(resumed.curve().iter().map(|point| point.step).collect::<Vec<_>>(), [16]);
}

#[test]
fn a_run_goes_on_with_the_settings_that_it_was_begun_with() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::parse(&configuration("")).unwrap();
    run(folder.path(), &config, 7);
    let open = |change: &dyn Fn(&mut Config)| {
        let mut config = config.clone();
        change(&mut config);
        Trainer::open(config, folder.path(), Device::cpu()).map(|trainer| trainer.steps().0)
    };
    for (setting, change) in [
        ("seed", (&|config: &mut Config| config.seed += 1) as &dyn Fn(&mut Config)),
        ("channels", &|config| config.channels = vec![4, 8, 16]),
        ("average", &|config| config.average = 0.5),
        ("data", &|config| config.data[0].share = 0.25),
    ] {
        let told = open(change).unwrap_err().to_string();
        assert!(told.contains(&format!("other settings ({setting})")), "{told}");
    }
    // More steps, another rate, and other occasions to look are no other run.
    let longer = open(&|config| {
        config.stages[1].steps += 10;
        (config.clip, config.checkpoint, config.validation.every) = (0.1, 5, 9);
        config.schedule = Schedule::Plateau { rate: 1e-5, patience: 3 };
    });
    assert_eq!(longer.unwrap(), 7);
}

#[test]
fn learning_lowers_the_loss() {
    let folder = tempfile::tempdir().unwrap();
    let more = "schedule = { kind = \"cosine\", rate = 3e-3, last = 1e-4, warm_up = 5 }\naverage = 0.9";
    let config = Config::parse(&configuration(more)).unwrap();
    let config = Config { stages: vec![config.stages[0].clone()], ..config };
    let mut trainer = Trainer::open(config, folder.path(), Device::cpu()).unwrap();
    let losses: Vec<f64> = (0..25).map(|_| trainer.step().unwrap()).collect();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[15..]) < 0.8 * mean(&losses[..10]), "{losses:?}");
}

#[test]
fn a_configuration_that_makes_no_sense_is_told_in_a_sentence() {
    let data = "[[data]]\nholds = \"shapes\"";
    for (text, hint) in [
        (String::new(), "[[data]]"),
        (format!("stages = [{{ steps = 5, sides = [20], contexts = [1, 2] }}]\n{data}"), "multiples of 16"),
        (format!("sedd = 4\n{data}"), "sedd"),
        (format!("seed = \n{data}"), "line 1"),
        (format!("stages = []\n{data}"), "stage"),
        (format!("mini_context = 0\n{data}"), "at least 1"),
    ] {
        let told = Config::parse(&text).unwrap_err();
        assert!(told.contains(hint), "{text}: {told}");
    }
}

#[test]
fn a_stranger_trains_on_three_volumes_and_segments_with_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let scans = fixture("hippocampus_msd");
    let config = folder.path().join("mine.toml");
    let text = format!(
        "validation = {{ every = 2, episodes = 1 }}\nstages = [{{ steps = 3, sides = [32], contexts = [1, 8] }}]\n\
         [[data]]\nfolder = {scans:?}\n"
    );
    std::fs::write(&config, text).unwrap();
    let run = folder.path().join("run");
    let told = exemplar("train {} -o {}", &[&config, &run]).well();
    assert!(told.said.contains("3 of 3 steps") && told.said.contains("validation"), "{}", told.said);
    let told = exemplar("train {} -o {}", &[&config, &run]).well();
    assert!(told.complained.contains("going on after step 3 of 3"), "{}", told.complained);
    let [image, label] = ["images", "labels"].map(|part| scans.join(part).join("hippocampus_143.nii.gz"));
    let (target, weights) = (scans.join("images/hippocampus_148.nii.gz"), run.join("weights.safetensors"));
    let mask = folder.path().join("mask.nii.gz");
    exemplar("segment -t {} -c {} {} --model {} -o {}", &[&target, &image, &label, &weights, &mask]).well();
    assert!(mask.exists());
}
