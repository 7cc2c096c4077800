//! A mask as an example's result is no image to transform to.

use super::{HEAD, example, image, refused, vote, whole};
use imaging::Volume;
use inference::pipeline::{Cache, Options, Transformation, transform};

#[test]
fn a_mask_as_result_image_is_refused_or_said() {
    let head = HEAD.image(whole(), 0.0);
    let labels = HEAD.labels(whole());
    let of = |value: &dyn Fn(u16) -> f32| Volume {
        grid: labels.grid,
        voxels: labels.voxels.iter().map(|&label| value(label)).collect(),
    };
    let run = |result: Volume| -> imaging::Result<Transformation> {
        let examples = [example("h1", &head, result)];
        let (cache, target) = (Cache::default(), image("target", &head));
        transform(&vote(), &cache, &target, &examples, &Options::default(), &mut |_| Ok(()))
    };
    let small = refused(run(of(&|label| f32::from(u8::from(label == 3)))));
    assert!(small.contains("result image of example h1") && small.contains("segment"), "{small}");
    let many = run(of(&f32::from)).unwrap();
    assert!(many.report.warnings.iter().any(|w| w.contains("5 different intensities only")));
    let inverted =
        Volume { grid: head.grid, voxels: head.voxels.iter().map(|value| 200.0 - value).collect() };
    assert_eq!(run(inverted).unwrap().report.warnings, [""; 0]);
}
