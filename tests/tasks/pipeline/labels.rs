//! Labels that cannot be found are named, with what is true of them.

use super::{HEAD, example, grid, refused, run, whole};
use imaging::metrics::dice;
use imaging::{LabelMap, Volume};
use inference::pipeline::Segmentation;

/// Whether one of a run's warnings says this.
fn warns(done: &Segmentation, words: &str) -> bool {
    done.report.warnings.iter().any(|warning| warning.contains(words))
}

/// A head in a large field of view, far away in which there is a label of its own.
fn with_a_far_label() -> (Volume, LabelMap) {
    let wide = grid([-40.0; 3], [40.0, 40.0, 200.0]);
    let mut labels = HEAD.labels(wide);
    for at in [[20, 20, 110], [21, 20, 110], [20, 21, 111]] {
        labels.voxels[wide.index(at)] = 17;
    }
    (HEAD.image(wide, 0.0), labels)
}

#[test]
fn a_label_that_no_example_has_where_the_network_looks_is_named_and_so_is_an_empty_one() {
    let (image, labels) = with_a_far_label();
    let examples = [example("h1", &image, labels)];
    let target = HEAD.image(whole(), 0.0);
    for asked in [&[1, 17][..], &[]] {
        let done = run(&target, &examples, asked).unwrap();
        assert!(
            warns(&done, "Label 17 lies outside the part of example h1 that the network sees."),
            "{:?}",
            done.report.warnings
        );
        assert!(warns(&done, "Label 17 was not found in the target."), "{:?}", done.report.warnings);
        let empty = done.report.labels.iter().find(|label| label.value == 17).unwrap();
        assert_eq!(empty.voxels, 0);
        assert!(done.report.labels[0].voxels > 0 && !warns(&done, "Label 1 "));
    }
    let told = refused(run(&target, &examples, &[17]));
    assert!(told.contains("Label 17") && told.contains("outside") && !told.contains("No example"), "{told}");
    let told = refused(run(&target, &examples, &[1, 9]));
    assert_eq!(told, "No example holds Label 9; the examples hold 1, 2, 3, 4, 17.");
}

#[test]
fn a_label_of_some_examples_only_is_learnt_from_those_and_said() {
    let (image, labels) = (HEAD.image(whole(), 0.0), HEAD.labels(whole()));
    let mut fewer = labels.clone();
    fewer.voxels.iter_mut().filter(|label| **label == 2).for_each(|label| *label = 0);
    let examples = [example("h1", &image, labels), example("h2", &image, fewer)];
    let done = run(&image, &examples, &[1, 2]).unwrap();
    assert_eq!(done.report.warnings, ["Only 1 of 2 examples show Label 2 where the network looks."]);
    assert!(done.report.examples.iter().all(|example| example.used));
}

#[test]
fn a_structure_that_the_target_was_cut_above_is_said_to_lie_beyond_it() {
    let examples = [example("h1", &HEAD.image(whole(), 0.0), HEAD.labels(whole()))];
    let cut = HEAD.image(grid([-40.0, -40.0, -8.0], [40.0; 3]), 0.0);
    let done = run(&cut, &examples, &[1, 4]).unwrap();
    assert!(warns(&done, "Label 4 lies beyond what the target shows"), "{:?}", done.report.warnings);
    assert!(!warns(&done, "Label 1 "), "{:?}", done.report.warnings);
}

#[test]
fn a_body_is_found_on_a_background_among_its_intensities_and_beside_padding_and_overflow() {
    let plain = HEAD.image(whole(), 0.0);
    let examples = [example("h1", &plain, HEAD.labels(whole()))];
    let truth = HEAD.labels(whole());
    let z_scored = |value: f32| if value == 0.0 { 0.0 } else { (value - 95.0) / 30.0 };
    let map = |value: &dyn Fn(usize, f32) -> f32| -> Volume {
        let voxels = plain.voxels.iter().enumerate().map(|(at, &voxel)| value(at, voxel)).collect();
        Volume { grid: plain.grid, voxels }
    };
    let targets = [
        ("z-scored", map(&|_, value| z_scored(value)), 1),
        ("air at −1024", map(&|_, value| value - 1024.0), 0),
        ("padded", map(&|at, value| if at % 40 < 4 { -32768.0 } else { value + (at % 3) as f32 }), 1),
        ("overflow", map(&|at, value| if at % 211 == 0 { -32768.0 } else { value + (at % 3) as f32 }), 1),
    ];
    for (name, target, notes) in targets {
        let done = run(&target, &examples, &[1, 2, 3]).unwrap();
        assert_eq!(done.report.warnings.len(), notes, "{name}: {:?}", done.report.warnings);
        for label in [1, 2, 3] {
            let pairs = done.mask.voxels.iter().zip(&truth.voxels);
            let dice = dice(pairs.map(|(&ours, &theirs)| (ours == label, theirs == label)));
            assert!(dice > 0.8, "{name}, label {label}: {dice}");
        }
    }
}
