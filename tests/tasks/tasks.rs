//! Tasks: each corruption by its defining number, each goal by its pair, and what is drawn how often.

use crate::phantom::{chance, changed, cube, extent, labels, mean, spread, subject};
use imaging::Cube;
use imaging::filter::LabelCube;
use inference::preprocess::partial_volume::PartialVolume;
use inference::preprocess::resample::Patch;
use inference::preprocess::working_grid::cube_index;
use learning::tasks::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A cube of one value.
fn flat(side: usize, value: f32) -> Cube {
    cube(side, |_| value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn gaussian_noise_has_its_standard_deviation(sd in 0.01_f32..0.3, number: u64) {
        let clean = flat(32, 0.5);
        let mut noisy = clean.clone();
        GaussianNoise { sd: [sd, sd] }.apply(&mut noisy, &mut chance(number));
        prop_assert!((spread(&noisy, &clean) / f64::from(sd) - 1.0).abs() < 0.03);
        prop_assert!((mean(&noisy) - 0.5).abs() < 0.03 * f64::from(sd));
    }

    #[test]
    fn salt_and_pepper_fall_as_often_as_asked(salt in 0.01_f32..0.1, pepper in 0.01_f32..0.1, number: u64) {
        let clean = cube(32, |[x, _, _]| 0.1 + 0.02 * x as f32);
        let mut strewn = clean.clone();
        SaltAndPepper { salt: [salt; 2], pepper: [pepper; 2] }.apply(&mut strewn, &mut chance(number));
        let part = |value: f32| strewn.voxels.iter().filter(|v| **v == value).count() as f64 / 32768.0;
        let [low, high] = extent(&clean);
        // One of 32 planes has each of the extreme values by itself; what falls on its own value changes nothing. The bounds
        // are five standard deviations of a binomial at the largest fractions.
        let [salt, pepper] = [salt, pepper].map(f64::from);
        let left = (1.0 - salt - pepper) / 32.0;
        prop_assert!((part(high) - salt - left).abs() < 0.01, "{} {salt}", part(high));
        prop_assert!((part(low) - pepper - left).abs() < 0.01, "{} {pepper}", part(low));
        prop_assert!((changed(&strewn, &clean) - (salt + pepper) * 31.0 / 32.0).abs() < 0.011);
    }

    #[test]
    fn a_bias_field_is_smooth_and_within_the_sum_of_its_coefficients(number: u64) {
        let bias = BiasField { degree: 3, coefficients: [-0.3, 0.3] };
        let mut field = flat(24, 1.0);
        bias.apply(&mut field, &mut chance(number));
        let logarithm = |i: usize| field.voxels[i].ln();
        // Twenty products, each within ±1.
        let most = (0..24_usize.pow(3)).map(|i| logarithm(i).abs()).fold(0.0, f32::max);
        prop_assert!(most > 0.1 && most < 6.0, "{most}");
        // The fourth difference of a polynomial of third degree along an axis is nothing.
        for stride in [1, 24, 576] {
            let difference: f32 = [1.0, -4.0, 6.0, -4.0, 1.0].iter().zip(0..).map(|(w, k)| w * logarithm(k * stride)).sum();
            prop_assert!(difference.abs() < 1e-3, "{difference}");
            prop_assert!((logarithm(12 * stride) - logarithm(0)).abs() > 1e-4);
        }
        // So is the second difference along one axis of the second along another: no product exceeds that degree.
        let second = [(0, 1.0), (1, -2.0), (2, 1.0)];
        let both = |(i, v): (usize, f32)| second.map(|(j, w)| v * w * logarithm(8 * i + 8 * 24 * j));
        let mixed: f32 = second.into_iter().flat_map(both).sum();
        prop_assert!(mixed.abs() < 1e-3, "{mixed}");
    }

    #[test]
    fn a_block_of_low_resolution_is_its_first_voxel(factor in 2_usize..5) {
        let clean = cube(16, |[x, y, z]| (x * 7 + y * 31 + z * 101) as f32 % 17.0);
        let mut coarse = clean.clone();
        LowResolution { factor }.apply(&mut coarse);
        for i in 0..4096 {
            let first = [i % 16, i / 16 % 16, i / 256].map(|v| v / factor * factor);
            prop_assert_eq!(coarse.voxels[i], clean.voxels[first[0] + 16 * (first[1] + 16 * first[2])]);
        }
    }

    #[test]
    fn as_many_slices_as_asked_remain_near_the_middle(axis in 0_usize..3, count in 1_usize..5, number: u64) {
        let clean = cube(32, |[x, y, z]| 0.1 + ((x * y + z) % 9) as f32);
        let mut cut = clean.clone();
        Slices { axis, count, off_centre: 0.1 }.apply(&mut cut, &mut chance(number));
        let low = extent(&clean)[0];
        let slice = |i: usize| [i % 32, i / 32 % 32, i / 1024][axis];
        let mut kept: Vec<usize> = (0..32768).filter(|&i| cut.voxels[i] != low).map(slice).collect();
        kept.sort_unstable();
        kept.dedup();
        prop_assert_eq!(kept.len(), count);
        prop_assert_eq!(kept[count - 1] - kept[0], count - 1);
        let middle = (kept[0] + kept[count - 1]) as f32 / 2.0;
        prop_assert!((middle - 15.5).abs() <= 0.1 * 32.0 + 1.0, "{middle}");
        prop_assert!((0..32768).all(|i| cut.voxels[i] == clean.voxels[i] || !kept.contains(&slice(i))));
    }
}

#[test]
fn holes_take_their_part_in_pieces_and_leave_the_rest() {
    let clean = cube(64, |[x, y, z]| 0.2 + 0.01 * ((x + y + z) % 50) as f32);
    let part = |points: usize, threshold: f32| {
        let parts = (0..4).map(|number| {
            let mut holed = clean.clone();
            let holes = Holes { points: vec![points], threshold: [threshold; 2] };
            holes.apply(&mut holed, &mut chance(number));
            let low = extent(&clean)[0];
            assert!(holed.voxels.iter().zip(&clean.voxels).all(|(h, c)| h == c || *h == low));
            changed(&holed, &clean)
        });
        parts.sum::<f64>() / 4.0
    };
    let (many, few) = (part(8, 0.1), part(8, 0.4));
    assert!((0.15..0.4).contains(&many), "{many}");
    assert!(few < 0.2 * many && few > 0.0, "{few} {many}");
    assert!((part(16, 0.1) / many - 1.0).abs() < 0.4);
}

#[test]
fn each_goal_gives_its_pair() {
    let subject = subject(24);
    let pair = |goal| Task { goal, extra: vec![], range: [0.0, 1.0] }.pair(&subject, &mut chance(0));
    let images = &subject.images;

    let labels = labels(24).voxels;
    let mask = pair(Goal::Segment { image: 1, labels: vec![1, 3] });
    assert_eq!(mask.input, images[1]);
    let inside = |label: &u16| f32::from(u8::from([1, 3].contains(label)));
    assert!(mask.output.voxels.iter().zip(&labels).all(|(m, l)| *m == inside(l)));

    let stripped = pair(Goal::StripSkull { image: 0, brain: vec![2, 3] });
    assert_eq!(stripped.input, images[0]);
    let brain = |(i, label): (usize, &u16)| if *label > 1 { images[0].voxels[i] } else { 0.0 };
    let wanted: Vec<f32> = labels.iter().enumerate().map(brain).collect();
    assert_eq!(stripped.output.voxels, wanted);

    let other = pair(Goal::Transform { from: 1, to: 0 });
    assert_eq!((&other.input, &other.output), (&images[1], &images[0]));
}

#[test]
fn every_kind_of_every_preset_gives_pairs_in_range_whose_output_is_clean() {
    let subject = subject(32);
    for preset in [Preset::Paper, Preset::Release, Preset::Exemplar] {
        let tasks = Tasks::preset(preset);
        for kind in Kind::ALL {
            let mut rng = chance(kind as u64);
            let task = tasks.task(kind, 2, &[1, 2, 3], &mut rng);
            let pair = task.pair(&subject, &mut rng);
            let [low, high] = extent(&pair.input);
            assert!(low >= 0.0 && high <= 1.0 && high > low, "{preset:?} {kind:?}: {low} {high}");
            assert_eq!(task.kind(), kind);
            if let Goal::Restore { image, .. } = task.goal {
                assert_eq!(pair.output, subject.images[image]);
                assert!(changed(&pair.input, &pair.output) > 0.01, "{preset:?} {kind:?}");
            }
            let again = task.pair(&subject, &mut chance(7));
            assert_eq!(
                again,
                task.pair(&subject, &mut chance(7)),
                "{kind:?}: the same chance, the same pair"
            );
        }
    }
}

#[test]
fn kinds_come_as_often_as_their_weights_and_only_where_they_fit() {
    let mut tasks = Tasks::preset(Preset::Paper);
    tasks.weights =
        [(Kind::Segmentation, 3.0), (Kind::Inpainting, 1.0), (Kind::ModalityTransform, 1.0)].into();
    let mut rng = chance(1);
    let mut drawn: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..4000 {
        let task = tasks.draw(2, &[4, 5, 6, 7, 8, 9, 10], &mut rng).unwrap();
        let name = match task.goal {
            Goal::Segment { labels, .. } => {
                assert!((1..=5).contains(&labels.len()));
                assert!(labels.iter().collect::<std::collections::BTreeSet<_>>().len() == labels.len());
                "segment"
            }
            Goal::Transform { from, to } => {
                assert_ne!(from, to);
                "transform"
            }
            Goal::Restore { .. } | Goal::StripSkull { .. } => "restore",
        };
        *drawn.entry(name).or_default() += 1;
    }
    let part = |name| drawn[name] as f64 / 4000.0;
    assert!((part("segment") - 0.6).abs() < 0.03, "{drawn:?}");
    assert!((part("transform") - 0.2).abs() < 0.03, "{drawn:?}");

    // One modality and no labels leave inpainting.
    let only = (0..50).map(|_| tasks.draw(1, &[], &mut rng).unwrap());
    assert!(only.into_iter().all(|task| matches!(task.goal, Goal::Restore { .. })));
    tasks.weights.remove(&Kind::Inpainting);
    let message = tasks.draw(1, &[], &mut rng).unwrap_err().to_string();
    assert!(message.contains("None of the tasks"), "{message}");
}

#[test]
fn a_configuration_names_and_leaves_out_kinds() {
    let mut tasks = Tasks::preset(Preset::Exemplar);
    let text = serde_json::to_string(&tasks).unwrap();
    assert!(text.contains(r#""skull_stripping":7.0"#), "{text}");
    assert_eq!(serde_json::from_str::<Tasks>(&text).unwrap(), tasks);
    tasks.weights =
        serde_json::from_str(r#"{"segmentation": 2, "super_resolution": 1, "inpainting": 0}"#).unwrap();
    let mut rng = chance(2);
    let task = |_| tasks.draw(3, &[1], &mut rng).unwrap();
    let drawn: Vec<Kind> = (0..60).map(task).map(|task| task.kind()).collect();
    assert!([Kind::Segmentation, Kind::SuperResolution].iter().all(|kind| drawn.contains(kind)));
    assert!(drawn.iter().all(|kind| tasks.weights[kind] > 0.0));
}

#[test]
fn further_corruptions_come_as_often_as_asked_and_never_twice() {
    let tasks = Tasks::preset(Preset::Paper);
    let mut rng = chance(3);
    for kind in Kind::ALL {
        let drawn = (0..500).map(|_| tasks.task(kind, 2, &[1, 2, 3], &mut rng).extra);
        let all: Vec<Corruption> = drawn.flatten().collect();
        let part = |wanted: fn(&Corruption) -> bool| all.iter().filter(|c| wanted(c)).count() as f32 / 500.0;
        let noise = |c: &Corruption| matches!(c, Corruption::GaussianNoise(_) | Corruption::SaltAndPepper(_));
        let unless =
            |probability: f32, without: &[Kind]| if without.contains(&kind) { 0.0 } else { probability };
        for (part, wanted) in [
            (part(|c| matches!(c, Corruption::BiasField(_))), unless(0.1, &[Kind::BiasRemoval])),
            (part(noise), 0.2),
            (part(|c| matches!(c, Corruption::LowResolution(_))), unless(0.1, &[Kind::SuperResolution])),
            (
                part(|c| matches!(c, Corruption::Holes(_))),
                unless(0.1, &[Kind::Inpainting, Kind::Segmentation]),
            ),
            (part(|c| matches!(c, Corruption::Slices(_))), 0.0),
        ] {
            assert!((part - wanted).abs() <= wanted * 0.4, "{kind:?}: {part} {wanted}");
        }
    }
}

#[test]
fn soft_structures_add_up_and_the_largest_part_names_a_voxel() {
    let patch = |x: std::ops::Range<usize>, voxels: Vec<f32>| PartialVolume {
        patch: Patch { extent: [x, 2..3, 1..2], voxels },
        below_resolution: false,
        extent: [0..1, 0..1, 0..1],
    };
    let soft = BTreeMap::from([(4, patch(0..3, vec![1.0, 0.6, 0.2])), (9, patch(1..4, vec![0.4, 0.3, 0.4]))]);
    let structures = Structures::soft(4, &soft);
    assert_eq!(structures.labels(), [4, 9]);
    let line = |cube: &[f32]| [0, 1, 2, 3].map(|x| cube[cube_index(4, [x, 2, 1])]);
    assert_eq!(line(&structures.mask(&[4, 9]).voxels), [1.0, 1.0, 0.5, 0.4]);
    assert_eq!(line(&structures.mask(&[9]).voxels), [0.0, 0.4, 0.3, 0.4]);
    let LabelCube { voxels, .. } = structures.largest();
    assert_eq!([0, 1, 2, 3].map(|x| voxels[cube_index(4, [x, 2, 1])]), [4, 4, 0, 0]);
    assert_eq!(voxels.iter().filter(|label| **label > 0).count(), 2);
}
