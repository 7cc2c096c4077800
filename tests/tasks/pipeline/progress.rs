//! Progress moves with the work.

use super::{HEAD, example, image, vote, whole};
use imaging::LabelMap;
use inference::pipeline::{Cache, Options, Progress, Refinement, Stage, segment};

#[test]
fn a_run_of_many_labels_never_stands_still_and_never_goes_back() {
    // Cubes of three voxels, each a label of its own.
    let grid = whole();
    let mut labels = LabelMap::empty(grid).unwrap();
    for label in 0..18 {
        let corner = [14 + 5 * (label % 3), 12 + 6 * (label / 3 % 3), 15 + 6 * (label / 9)];
        for at in 0..27 {
            let voxel = [corner[0] + at % 3, corner[1] + at / 3 % 3, corner[2] + at / 9];
            labels.voxels[grid.index(voxel)] = label as u16 + 1;
        }
    }
    let head = HEAD.image(grid, 0.0);
    let examples = [example("h1", &head, labels)];
    let mut events: Vec<Progress> = Vec::new();
    let observer = &mut |progress| {
        events.push(progress);
        Ok(())
    };
    let options = Options { refinement: Refinement::Closer, ..Options::default() };
    segment(&vote(), &Cache::default(), &image("target", &head), &examples, &options, observer).unwrap();
    let (first, last) = (&events[0], events.last().unwrap());
    assert_eq!((first.fraction, last.fraction, &last.stage), (0.0, 1.0, &Stage::Restoring));
    let still = events.chunk_by(|a, b| a.fraction == b.fraction).map(<[_]>::len).max().unwrap();
    assert!(still * 10 < events.len(), "{still} of {} events in a row at one place", events.len());
    for pair in events.windows(2) {
        let step = pair[1].fraction - pair[0].fraction;
        assert!((0.0..0.1).contains(&step), "{:?} and then {:?}", pair[0], pair[1]);
    }
    assert!(events.iter().any(|event| matches!(event.stage, Stage::Registering { total: 1, .. })));
    let closer =
        |event: &Progress| matches!(event.stage, Stage::Reading { label: 18, labels: 18, pass: 2, .. });
    assert!(events.iter().any(closer));
}
