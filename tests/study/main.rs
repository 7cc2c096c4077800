//! `exemplar study` on four volumes: tables from the command line, going on, controls, and sentences for what is wrong.

mod parts;

use exemplar_tests::{Ran, exemplar, fixture};
use glam::DAffine3;
use imaging::io::{Header, write_image, write_labels};
use imaging::{Grid, LabelMap, Volume};
use learning::evaluation::Config;
use std::collections::BTreeMap;
use std::path::Path;

/// A study of one volume by the other three.
fn scans(more: &str) -> String {
    let folder = fixture("hippocampus_msd");
    format!(
        "[[scans]]\nname = \"crops\"\nfolder = {folder:?}\ntargets = [\"hippocampus_143\"]\n\
         structures = [{{ name = \"anterior\", labels = [1] }}, {{ name = \"whole\", labels = [] }}]\n{more}\n"
    )
}

/// Runs the command on a configuration of this text.
fn study(folder: &Path, text: &str) -> Ran {
    let config = folder.join("study.toml");
    std::fs::write(&config, text).unwrap();
    exemplar("study --device cpu {} -o {}", &[&config, &folder.join("out")])
}

/// Values by everything that names them.
fn values(folder: &Path) -> BTreeMap<String, f64> {
    let text = std::fs::read_to_string(folder.join("out/results.csv")).unwrap();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        (fields[..7].join(","), fields[7].parse().unwrap())
    };
    let rows: Vec<_> = text.lines().skip(1).map(row).collect();
    let values: BTreeMap<String, f64> = rows.iter().cloned().collect();
    assert_eq!(rows.len(), values.len(), "each row is there once");
    values
}

#[test]
fn a_small_study_ends_in_tables_and_plots_and_goes_on_without_doing_anything_twice() {
    let folder = tempfile::tempdir().unwrap();
    let small = format!("draws = 1\ncontexts = [1, 3]\n{}", scans(""));
    let ran = study(folder.path(), &small).well();
    assert!(ran.complained.contains("crops, draw 1 of 1: Dice exemplar 0."), "{}", ran.complained);
    let first = values(folder.path());
    assert_eq!(first.len(), 2 * 3 * 2, "sizes × methods × structures");
    assert!(first.values().all(|dice| *dice > 0.0 && *dice < 1.0), "{first:?}");
    let table = std::fs::read_to_string(folder.path().join("out/results.md")).unwrap();
    assert!(table.contains("| structure, 3 examples | exemplar | floor | nearest |"), "{table}");
    assert!(table.contains("| anterior | 0.") && table.contains("| **mean** | 0."), "{table}");
    let plot = std::fs::read_to_string(folder.path().join("out/crops.svg")).unwrap();
    assert!(plot.ends_with("</svg>\n") && plot.contains(">nearest</text>"));
    // One row is lost and a draw is added; what was there stays as it was, seconds included.
    let path = folder.path().join("out/results.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> = text.lines().take(text.lines().count() - 1).collect();
    std::fs::write(&path, kept.join("\n") + "\n").unwrap();
    let more = small.replace("draws = 1", "draws = 2");
    study(folder.path(), &more).well();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(&kept.join("\n")));
    let second = values(folder.path());
    assert_eq!(second.len(), 2 * first.len());
    assert!(first.iter().all(|(name, dice)| second[name] == *dice));
    let ran = study(folder.path(), &more).well();
    assert!(!ran.complained.contains("draw"), "there is nothing left to do: {}", ran.complained);
    // Other chances would be another study.
    let ran = study(folder.path(), &format!("seed = 2\n{more}"));
    assert!(ran.code == 1 && ran.complained.contains("choose a new folder"), "{}", ran.complained);
}

#[test]
fn the_floor_of_a_made_up_case_is_what_one_reckons_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid { shape: [20, 20, 20], world_from_voxel: DAffine3::IDENTITY };
    let inside = |at: usize, xs: std::ops::Range<usize>, offset: usize| {
        let [x, y, z] = [at % 20, at / 20 % 20, at / 400];
        let others = offset..offset + 8;
        xs.contains(&x) && others.contains(&y) && others.contains(&z)
    };
    // A bright cube of 8³ voxels, in the target two voxels farther along each axis. Its labelled half begins at its face in
    // the example and two voxels further in in the target: laid face on face, halves of 4 · 8 · 8 voxels share 2 · 8 · 8.
    for (name, offset, first) in [("example", 4, 4), ("target", 6, 8)] {
        let image = (0..grid.len()).map(|at| 10.0 + 90.0 * f32::from(inside(at, offset..offset + 8, offset)));
        let labels = (0..grid.len()).map(|at| u16::from(inside(at, first..first + 4, offset)));
        let (image, labels) =
            (Volume { grid, voxels: image.collect() }, LabelMap { grid, voxels: labels.collect() });
        let path = |end: &str| folder.path().join(format!("{name}{end}.nii.gz"));
        write_image(&path(""), &image, &Header::for_grid(&grid)).unwrap();
        write_labels(&path("_seg"), &labels, &Header::for_grid(&grid)).unwrap();
    }
    let text = format!(
        "draws = 1\nmodels = []\nbaselines = [\"floor\", \"nearest\"]\ncontexts = [1]\n[[scans]]\nname = \"cubes\"\n\
         folder = {:?}\ntargets = [\"target\"]\nstructures = [{{ name = \"half\", labels = [1] }}]\n",
        folder.path()
    );
    let out = tempfile::tempdir().unwrap();
    study(out.path(), &text).well();
    let values: Vec<f64> = values(out.path()).into_values().collect();
    assert_eq!(values, [0.5, 0.5]);
}

#[test]
fn the_examples_of_a_draw_are_the_same_whatever_other_sizes_there_are() {
    let results = |contexts: &str| {
        let folder = tempfile::tempdir().unwrap();
        study(folder.path(), &format!("draws = 4\nmodels = []\ncontexts = {contexts}\n{}", scans(""))).well();
        values(folder.path())
    };
    let all = results("[1, 2, 3]");
    assert!(results("[2]").iter().all(|(name, dice)| all[name] == *dice));
    let of_draw = |method: &str, contexts: usize, draw: usize| {
        all[&format!("crops,as-is,{method},{contexts},{draw},hippocampus_143,anterior")]
    };
    let draws = |method: &str, contexts: usize| [0, 1, 2, 3].map(|draw| of_draw(method, contexts, draw));
    // Three of three are always the same ones, one of three is not.
    assert!(draws("floor", 3).windows(2).all(|pair| pair[0] == pair[1]));
    assert!(draws("floor", 1).windows(2).any(|pair| pair[0] != pair[1]));
    // Of two examples, the first one was there before or the second is nearer.
    let first = draws("nearest", 1).into_iter().zip(draws("nearest", 2));
    assert!(first.clone().any(|(one, two)| one == two) && draws("nearest", 1) == draws("floor", 1));
}

#[test]
fn controls_and_contrasts_change_the_results_and_tasks_are_measured_beside_their_input() {
    let folder = tempfile::tempdir().unwrap();
    let data = fixture("hippocampus_msd");
    let tasks = format!(
        "[[tasks]]\nname = \"shapes\"\nkind = \"shapes\"\nshuffle = true\n\
         [[tasks]]\nname = \"noise\"\nkind = \"gaussian_noise_removal\"\nfolder = {data:?}\ncontexts = [1, 8]\n"
    );
    let contrasts = "contrast = [\"as-is\", \"inverted\", \"random\"]\nshuffle = true\ncontexts = [1]";
    let text = format!(
        "draws = 1\ncontexts = [2]\nbaselines = [\"floor\", \"u-net\"]\nu_net_steps = 2\n{}{}{tasks}",
        scans(contrasts),
        "[[scans]]\nname = \"learnt\"\nlike = \"crops\"\nmethods = [\"u-net\"]\n"
    );
    let ran = study(folder.path(), &text).well();
    assert!(ran.complained.contains("there are 3 examples, so results with 8"), "{}", ran.complained);
    let values = values(folder.path());
    let dice = |condition: &str| values[&format!("crops,{condition},exemplar,1,0,hippocampus_143,anterior")];
    let all = ["as-is", "inverted", "random", "shuffled"].map(dice);
    assert!((1..4).all(|n| all[..n].iter().all(|other| *other != all[n])), "{all:?}");
    let shapes = ["as-is", "shuffled"].map(|name| values[&format!("shapes,{name},exemplar,2,0,,shapes")]);
    assert_ne!(shapes[0], shapes[1]);
    let learnt = |structure: &str| values[&format!("learnt,as-is,u-net,2,0,hippocampus_143,{structure}")];
    assert!((0.0..0.9).contains(&learnt("whole")));
    assert_eq!(values.keys().filter(|name| name.starts_with("learnt,")).count(), 2);
    for method in ["input", "exemplar"] {
        let decibels = values[&format!("noise,as-is,{method},1,0,,noise")];
        assert!((3.0..60.0).contains(&decibels), "{method}: {decibels}");
    }
}

#[test]
fn what_is_wrong_with_a_configuration_is_told_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    for (text, hint) in [
        (String::new(), "there is nothing to study"),
        (format!("drwas = 4\n{}", scans("")), "drwas"),
        (scans("contrast = [\"upside-down\"]"), "upside-down"),
        (scans("").replace("143", "999"), "begins with hippocampus_999"),
        (scans("examples = [\"hippocampus_7\"]"), "begins with hippocampus_7"),
        (scans("contexts = [8]"), "3 examples are left here besides the targets, and crops asks for 8"),
        (scans("methods = [\"guess\"]"), "methods are some of the names"),
        ("[[scans]]\nname = \"x\"".into(), "each of [[scans]] needs a folder"),
        (scans("like = \"heads\""), "crops is like heads, and no [[scans]] before it"),
        (scans("contexts = [0]"), "contexts are numbers of examples from 1 on"),
        ("[[tasks]]\nname = \"x\"\nkind = \"juggling\"".into(), "`kind` is \"shapes\" or"),
        ("[[tasks]]\nname = \"x\"\nkind = \"inpainting\"".into(), "needs a folder"),
        (format!("{}{}", scans(""), scans("").replace("crops", "CROPS")), "a name of its own"),
        (format!("models = [{{ name = \"floor\" }}]\n{}", scans("")), "other than those of baselines"),
        (format!("models = [{{ name = \"m\", weights = \"none.ckpt\" }}]\n{}", scans("")), "none.ckpt"),
    ] {
        let ran = study(folder.path(), &text);
        assert!(ran.code == 1 && ran.complained.contains(hint), "{text}\n{}", ran.complained);
    }
    assert!(!folder.path().join("out").exists(), "nothing was begun");
}

#[test]
fn the_project_s_own_study_and_the_printed_defaults_can_be_read() {
    let own = include_str!("../../assets/study.toml");
    let config = Config::parse(own).unwrap();
    assert_eq!(config.scans.last().unwrap().targets.len(), 20);
    let printed = exemplar("study", &[]).well().said;
    assert_eq!(Config::parse(&format!("{printed}\n{}", scans(""))), Config::parse(&scans("")));
}
