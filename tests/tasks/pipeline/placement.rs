//! Where the report says that examples lie on the target.

use super::{HEAD, Head, example, grid, run, whole};
use glam::DVec3;
use imaging::LabelMap;

#[test]
fn the_placement_of_an_example_maps_its_places_to_the_targets() {
    let target = HEAD.image(whole(), 0.0);
    let away = Head { middle: DVec3::new(100.0, -30.0, 12.0), scale: 1.1 };
    let around = grid([60.0, -75.0, -30.0], [140.0, 15.0, 50.0]);
    let examples = [example("h1", &away.image(around, 0.0), away.labels(around))];
    let done = run(&target, &examples, &[]).unwrap();
    let placed = &done.report.examples[0];
    assert_eq!((placed.name.as_str(), placed.used, placed.flagged), ("h1", true, false));
    let affine = placed.affine.unwrap();
    for (_, middle, _, _) in super::STRUCTURES {
        let there = away.middle + away.scale * DVec3::from(middle);
        let row = |axis: usize| DVec3::from_slice(&affine[axis][..3]).dot(there) + affine[axis][3];
        let found = DVec3::new(row(0), row(1), row(2));
        assert!(found.distance(middle.into()) < 2.0, "{found} instead of {middle:?}");
    }
    assert_eq!(affine[3], [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn an_example_that_does_not_show_what_the_target_shows_is_flagged_and_left_out() {
    let (labels, whole) = (HEAD.labels(whole()), HEAD.image(whole(), 0.0));
    // The same head in files whose voxels are said to be lower than they are.
    let lower = |by: f64| {
        let mut image = whole.clone();
        image.grid.world_from_voxel.matrix3.z_axis /= by;
        let labels = LabelMap { grid: image.grid, voxels: labels.voxels.clone() };
        example("odd", &image, labels)
    };
    let good = example("good", &whole, labels.clone());
    for (odd, reason) in [(lower(1.7), "scaled by 1.7"), (lower(3.0), "no place was found")] {
        let done = run(&whole, &[good.clone(), odd], &[1]).unwrap();
        let [good, left_out] = &done.report.examples[..] else { panic!("there are two") };
        assert_eq!((good.flagged, good.used, &good.reason), (false, true, &None));
        assert_eq!((left_out.flagged, left_out.used), (true, false));
        let moved = |n: usize| done.report.records[n].mean_displacement_mm;
        assert!(moved(1).is_some() && moved(2).is_none(), "what is left out is not deformed");
        assert!(left_out.reason.as_ref().unwrap().contains(reason), "{:?}", left_out.reason);
        let said = |w: &String| w.starts_with("Example odd hardly shows") && w.contains("left out");
        assert!(done.report.warnings.iter().any(said), "{:?}", done.report.warnings);
    }
    let alone = run(&whole, &[lower(1.7)], &[1]).unwrap();
    assert!(alone.report.records[1].mean_displacement_mm.is_some());
    assert!(alone.report.examples[0].flagged && alone.report.examples[0].used);
    assert!(alone.report.warnings.iter().any(|w| w.contains("do not trust the result")));
}
