//! Synthetic subjects: intensities follow the labels, shapes are whole and various.

use crate::phantom::{chance, extent, labels};
use imaging::filter::{Deformation, LabelCube};
use imaging::random::generator;
use learning::synthesis::*;
use learning::tasks::Structures;
use rand::RngExt;
use std::collections::BTreeMap;

/// Nothing but tissues: no deformation, no artefact.
fn plain() -> Synthesis {
    Synthesis {
        deformation: Deformation {
            rotation: 0.0,
            scale: 0.0,
            shear: 0.0,
            shift: 0.0,
            points: 7,
            bend: [0.0, 0.0],
        },
        black: 1.0,
        dark: 0.0,
        bias: 0.0,
        gamma: 0.0,
        coarse: (0.0, 1.0),
        thick: (0.0, 1.0),
        strip: 0.0,
        cut: (0.0, 0.0),
        ..Synthesis::default()
    }
}

/// Mean intensity of each label from 0.
fn means(image: &[f32], labels: &LabelCube, count: usize) -> Vec<f32> {
    let mut sums = vec![(0.0, 0); count];
    for (value, &label) in image.iter().zip(&labels.voxels) {
        sums[usize::from(label)].0 += value;
        sums[usize::from(label)].1 += 1;
    }
    sums.iter().map(|(sum, n)| sum / *n as f32).collect()
}

#[test]
fn intensities_follow_the_contrast() {
    let labels = labels(32);
    let tissue = |mean, spread| Tissue { mean, spread };
    let looks =
        [(0, tissue(0.0, 0.0)), (1, tissue(200.0, 5.0)), (2, tissue(100.0, 5.0)), (3, tissue(150.0, 5.0))];
    let contrast = Contrast(BTreeMap::from(looks));
    let image = plain().image(&labels, &contrast, &mut chance(0));
    assert_eq!(extent(&image), [0.0, 1.0]);
    let means = means(&image.voxels, &labels, 4);
    // In the proportions of the tissues, whatever the percentiles; borders are smooth.
    let scale = means[1] / 200.0;
    for (label, (_, tissue)) in looks.iter().enumerate() {
        assert!((means[label] - tissue.mean * scale).abs() < 0.08, "{means:?}");
    }
}

#[test]
fn labels_of_a_class_look_alike_and_the_ranges_hold() {
    let classes: Classes = [(1, 5), (2, 5), (3, 6)].into();
    let synthesis = Synthesis { mean: [40.0, 60.0], spread: [3.0, 4.0], ..plain() };
    for number in 0..20 {
        let Contrast(looks) = synthesis.contrast(&classes, &mut chance(number));
        assert_eq!(looks[&1], looks[&2]);
        assert_ne!(looks[&1], looks[&3]);
        assert_eq!(looks[&0].mean, 0.0);
        assert!([1, 3].iter().all(|label| (40.0..=60.0).contains(&looks[label].mean)));
        assert!([1, 3].iter().all(|label| (3.0..=4.0).contains(&looks[label].spread)));
    }
}

#[test]
fn stripping_and_cutting_take_what_they_should() {
    let labels = labels(32);
    let tissue = Tissue { mean: 100.0, spread: 0.0 };
    let mut looks: BTreeMap<u16, Tissue> = (1..4).map(|label| (label, tissue)).collect();
    looks.insert(0, Tissue { mean: 0.0, spread: 0.0 });
    let contrast = [Contrast(looks)];
    let stripping = Synthesis { strip: 1.0, ..plain() };
    let stripped = stripping.subject(&labels, &contrast, &[2, 3], &mut chance(0));
    assert_eq!(stripped.structures, Structures::whole(&labels));
    let lit: Vec<bool> = stripped.images[0].voxels.iter().map(|v| *v > 0.5).collect();
    assert!(lit.iter().zip(&labels.voxels).all(|(lit, label)| *lit == (*label > 1)));

    let cutting = Synthesis { cut: (1.0, 0.5), ..plain() };
    for number in 0..10 {
        let cut = cutting.subject(&labels, &contrast, &[], &mut chance(number));
        let lit: Vec<bool> = cut.images[0].voxels.iter().map(|v| *v > 0.5).collect();
        assert!(lit.iter().zip(&cut.structures.largest().voxels).all(|(lit, label)| *lit == (*label > 0)));
    }
}

#[test]
fn subjects_differ_in_shape_and_are_reproducible() {
    let (labels, synthesis) = (labels(32), Synthesis::default());
    let classes: Classes = (1..4).map(|label| (label, label)).collect();
    let draw = |number| {
        let mut rng = chance(number);
        let contrasts = [(); 2].map(|()| synthesis.contrast(&classes, &mut rng));
        synthesis.subject(&labels, &contrasts, &[], &mut rng)
    };
    let (first, again, second) = (draw(1), draw(1), draw(2));
    assert_eq!(first.images, again.images);
    assert_eq!(first.structures, again.structures);
    assert_ne!(first.structures, second.structures);
    assert_eq!(first.images.len(), 2);
    assert_ne!(first.images[0], first.images[1]);
    for image in first.images.iter().chain(&second.images) {
        assert_eq!(extent(image), [0.0, 1.0]);
    }
}

#[test]
fn random_shapes_are_whole_structures_in_a_body() {
    for number in 0..6 {
        let shapes = Shapes::default().draw(32, &mut chance(number));
        let values = Structures::whole(&shapes).labels();
        assert!((2..=12).contains(&values.len()), "{values:?}");
        let body = shapes.voxels.iter().filter(|&&v| v > 0).count() as f64 / 32_f64.powi(3);
        assert!((0.05..0.7).contains(&body), "{body}");
        // Most neighbours along an axis have the same label: pieces, not speckles.
        let pairs = shapes.voxels.chunks(32).flat_map(|row| row.windows(2));
        let same = pairs.clone().filter(|w| w[0] == w[1]).count() as f64 / pairs.count() as f64;
        assert!(same > 0.85, "{same}");
    }
    assert_ne!(Shapes::default().draw(16, &mut chance(0)), Shapes::default().draw(16, &mut chance(1)));
}

#[test]
fn episodes_have_generators_of_their_own_that_never_change() {
    let numbers = |seed, episode| -> Vec<u64> {
        let mut rng = generator(seed, episode);
        (0..3).map(|_| rng.random()).collect()
    };
    assert_ne!(numbers(1, 0), numbers(1, 1));
    assert_ne!(numbers(1, 0), numbers(2, 0));
    // Written down once: a run that is resumed with a newer version must draw what it would have drawn.
    let written = [12_639_684_524_874_288_998, 9_544_939_479_850_966_778, 11_593_572_126_546_425_540];
    assert_eq!(numbers(2025, 7), written);
}
