//! Augmentation: what each change does to a pair, and that an episode's pairs are treated alike.

use crate::phantom::{chance, changed, cube, extent, labels, mask, spread, subject};
use imaging::Cube;
use imaging::filter;
use imaging::filter::Deformation;
use imaging::random::Generator;
use learning::augment::*;
use learning::tasks::{Pair, Preset};

/// An image and the mask of its inner labels.
fn pair(side: usize) -> Pair {
    let subject = subject(side);
    Pair { input: subject.images[0].clone(), output: subject.structures.mask(&[2, 3]) }
}

/// The pair after one certain change.
fn after(change: Change, pair: &Pair, rng: &mut Generator) -> Pair {
    let list = vec![Chance { probability: 1.0, change }];
    let augmentation = Augmentation { segmentation: list, generation: vec![], shapes: vec![] };
    let mut changed = pair.clone();
    augmentation.draw(Material::Segmentation, 1.0, rng).apply(&mut changed, rng);
    changed
}

/// Whether the output still is where the input is above a level: 0.3, 0.6 and 1 are the labels' intensities.
fn aligned(pair: &Pair) -> f64 {
    let same = |(i, o): (&f32, &f32)| (*i > 0.45) == (*o > 0.5);
    pair.input.voxels.iter().zip(&pair.output.voxels).filter(|&both| same(both)).count() as f64
        / pair.input.voxels.len() as f64
}

#[test]
fn spatial_changes_move_input_and_output_together() {
    let before = pair(32);
    assert_eq!(aligned(&before), 1.0);
    let deformation =
        Deformation { rotation: 0.4, scale: 0.2, shear: 0.05, shift: 0.1, points: 7, bend: [0.02, 0.03] };
    let changes = [
        (Change::Flip { axis: 1 }, 1.0),
        (Change::Turn { axes: [0, 2] }, 1.0),
        (Change::TurnEach { probability: 1.0 }, 1.0),
        (Change::Subsample { factors: vec![2, 3, 4] }, 1.0),
        (Change::Deform(deformation), 0.98),
    ];
    for (change, least) in changes {
        for number in 0..6 {
            let moved = after(change.clone(), &before, &mut chance(number));
            assert!(aligned(&moved) >= least, "{change:?}: {}", aligned(&moved));
            assert!(changed(&moved.output, &before.output) > 0.0, "{change:?}");
        }
    }
}

#[test]
fn a_network_that_knows_one_task_is_shown_no_other() {
    let masked = pair(16);
    let same = Pair { output: masked.input.clone(), ..masked.clone() };
    for preset in [Preset::Exemplar, Preset::Paper, Preset::Release] {
        let one = Augmentation::preset(preset).of_one_task();
        for Chance { change, .. } in one.segmentation {
            let after = after(change.clone(), &masked, &mut chance(5));
            assert!(after.input != masked.input || after.output == masked.output, "{change:?}");
        }
        for Chance { change, .. } in one.generation {
            let after = after(change.clone(), &same, &mut chance(5));
            assert!(after.input == after.output || matches!(change, Change::Noise { .. }), "{change:?}");
        }
    }
}

#[test]
fn changes_of_intensity_leave_the_mask_alone_and_do_what_they_say() {
    let before = pair(32);
    let image = |change: Change| {
        let after = after(change, &before, &mut chance(3));
        assert_eq!(after.output, before.output);
        after.input
    };
    let inverted = image(Change::InvertInput);
    assert!(inverted.voxels.iter().zip(&before.input.voxels).all(|(a, b)| *a == 1.0 - b));
    let powered = image(Change::Gamma { log_sd: 0.5 });
    let power =
        powered.voxels[..].iter().zip(&before.input.voxels).find(|(_, b)| **b == 0.3).unwrap().0.log(0.3);
    assert!((power - 1.0).abs() > 0.01);
    let wanted = |b: f32| b.powf(power);
    assert!(powered.voxels.iter().zip(&before.input.voxels).all(|(a, b)| (a - wanted(*b)).abs() < 1e-5));
    let grey = Pair { input: cube(16, |[x, ..]| 0.4 + 0.01 * x as f32), output: cube(16, |_| 0.5) };
    for output in [false, true] {
        let shifted = after(Change::Shift { by: 0.2, output }, &grey, &mut chance(5));
        let by = shifted.input.voxels[0] - 0.4;
        assert!(by.abs() > 0.01 && by.abs() <= 0.2, "{by}");
        assert!((shifted.input.voxels[15] - 0.55 - by).abs() < 1e-5);
        let scaled = after(Change::Scale { by: 0.2, output }, &grey, &mut chance(6));
        let times = scaled.input.voxels[0] / 0.4;
        assert!((times - 1.0).abs() > 0.01 && (times - 1.0).abs() <= 0.2, "{times}");
        assert!((scaled.input.voxels[15] - 0.55 * times).abs() < 1e-5);
        for (after, wanted) in [(&shifted, 0.5 + by), (&scaled, 0.5 * times)] {
            let wanted = if output { wanted } else { 0.5 };
            assert!(after.output.voxels.iter().all(|v| (v - wanted).abs() < 1e-5));
        }
    }
    let blurred = image(Change::Blur { sd: [1.0, 1.0] });
    assert_eq!(blurred, filter::blurred(&before.input, [1.0; 3]));
    let thick = image(Change::ThickSlices { spacing: [0.1, 0.1] });
    assert!(spread(&thick, &before.input) > 0.02);
    let flat = Pair { input: cube(32, |_| 0.5), output: before.output.clone() };
    let noisy = after(Change::Noise { sd: 0.1 }, &flat, &mut chance(4));
    assert!((0.001..0.1).contains(&spread(&noisy.input, &flat.input)));
}

#[test]
fn changes_of_the_task_act_on_the_output() {
    let before = pair(32);
    let output = |change: Change, number| {
        let after = after(change, &before, &mut chance(number));
        assert_eq!(after.input, before.input);
        after.output
    };
    let inverted = output(Change::InvertOutput, 0);
    assert!(inverted.voxels.iter().zip(&before.output.voxels).all(|(a, b)| *a == 1.0 - b));
    let edge = output(Change::Edges { threshold: 0.3 }, 0);
    let inside = filter::eroded(&filter::eroded(&before.output));
    assert!(edge.voxels.iter().zip(&inside.voxels).all(|(edge, inside)| *edge == 0.0 || *inside == 0.0));
    let shapes: Vec<Cube> = (0..8).map(|number| output(Change::DilateOrErode, number)).collect();
    let (grown, shrunk) = (filter::dilated(&before.output), filter::eroded(&before.output));
    assert!(shapes.iter().all(|shape| *shape == grown || *shape == shrunk));
    assert!(shapes.contains(&grown) && shapes.contains(&shrunk));
}

#[test]
fn a_random_network_keeps_the_norm_and_changes_contrasts_not_shapes() {
    let image = subject(24).images[0].clone();
    let norm = |cube: &Cube| cube.voxels.iter().map(|v| f64::from(v * v)).sum::<f64>().sqrt();
    for number in 0..6 {
        let network = Gin::default().draw(&mut chance(number));
        let mixed = network.mixed(&image);
        assert!((norm(&mixed) / norm(&image) - 1.0).abs() < 1e-3, "{number}");
        assert_eq!(extent(&network.image(&image)), [0.0, 1.0]);
        assert!(spread(&network.image(&image), &image) > 0.01, "{number}");
    }
    // With kernels of 1³ alone equal intensities stay equal, so there are as many as there were.
    let pointwise = Gin { kernels: vec![1], ..Gin::default() }.draw(&mut chance(9));
    let values = |cube: &Cube| {
        let mut bits: Vec<u32> = cube.voxels.iter().map(|v| v.to_bits()).collect();
        bits.sort_unstable();
        bits.dedup();
        bits.len()
    };
    assert_eq!(values(&image), 4);
    assert!(values(&pointwise.mixed(&image)) <= 4);
    // A kernel of 3³ reaches one voxel far in each of the two layers in between: a lit voxel changes 5³.
    let wide = Gin { kernels: vec![3], ..Gin::default() }.draw(&mut chance(9));
    let (dark, lit) = (cube(16, |_| 0.0), crate::phantom::spot(16, [8, 8, 8]));
    let far = |a: &Cube| {
        let background = a.voxels[4 + 16 * (4 + 16 * 4)];
        a.voxels
            .iter()
            .enumerate()
            .filter(|(i, v)| {
                let at = [i % 16, i / 16 % 16, i / 256];
                // Away from the border, which zeros around the image change.
                at.iter().all(|c| (3..13).contains(c)) && (**v - background).abs() > 1e-6
            })
            .count()
    };
    assert_eq!(far(&wide.mixed(&dark)), 0);
    assert_eq!(far(&wide.mixed(&lit)), 125);
}

#[test]
fn all_pairs_of_an_episode_get_the_same_change_and_their_own_noise() {
    let augmentation = Augmentation {
        segmentation: vec![
            Chance { probability: 1.0, change: Change::Turn { axes: [0, 1] } },
            Chance { probability: 1.0, change: Change::Noise { sd: 0.05 } },
        ],
        generation: vec![],
        shapes: vec![],
    };
    let mut rng = chance(5);
    let plan = augmentation.draw(Material::Segmentation, 1.0, &mut rng);
    let (mut first, mut second) = (pair(16), pair(16));
    plan.apply(&mut first, &mut rng);
    plan.apply(&mut second, &mut rng);
    assert_eq!(first.output, second.output);
    assert_ne!(first.input, second.input);
}

#[test]
fn presets_change_as_often_as_they_say_stay_in_range_and_are_reproducible() {
    let before = pair(16);
    for preset in [Preset::Paper, Preset::Release, Preset::Exemplar] {
        let augmentation = Augmentation::preset(preset);
        for material in [Material::Segmentation, Material::Generation, Material::Shapes] {
            for number in 0..40 {
                let run = || {
                    let mut rng = chance(number);
                    let mut pair = before.clone();
                    augmentation.draw(material, 1.0, &mut rng).apply(&mut pair, &mut rng);
                    pair
                };
                let after = run();
                assert_eq!(after, run());
                for cube in [&after.input, &after.output] {
                    let [low, high] = extent(cube);
                    assert!(low >= 0.0 && high <= 1.0, "{preset:?} {material:?} {number}: {low} {high}");
                }
            }
        }
        let text = serde_json::to_string(&augmentation).unwrap();
        assert_eq!(serde_json::from_str::<Augmentation>(&text).unwrap(), augmentation);
    }
    // A mask is inverted in one of twenty episodes.
    let corner = Pair { input: cube(16, |_| 0.0), output: mask(&labels(16), &[1, 2, 3]) };
    let list = Augmentation::preset(Preset::Paper).segmentation[..1].to_vec();
    let augmentation = Augmentation { segmentation: list, generation: vec![], shapes: vec![] };
    let inverted = (0..1000).filter(|&number| {
        let (mut rng, mut pair) = (chance(number), corner.clone());
        augmentation.draw(Material::Segmentation, 1.0, &mut rng).apply(&mut pair, &mut rng);
        pair.output.voxels[0] == 1.0
    });
    let count = inverted.count();
    assert!((30..75).contains(&count), "{count}");
}
