//! The label copy, by itself.

use exemplar_tests::fixture;
use glam::{DAffine3, DMat3, DVec3};
use imaging::io::Scan;
use imaging::metrics::dice;
use imaging::{Grid, LabelMap, Volume};
use inference::pipeline::{Example, NamedImage};
use learning::evaluation::{Placed, floor, nearest};
use std::sync::Arc;

fn volume(number: u16) -> Example<LabelMap> {
    let open = |part: &str| {
        Scan::open(&fixture(&format!("hippocampus_msd/{part}/hippocampus_{number}.nii.gz")), 0).unwrap()
    };
    let (image, label) = (open("images"), open("labels").labels().unwrap());
    Example { image: (&image).into(), label: Arc::new(label) }
}

fn agreement(ours: &LabelMap, theirs: &LabelMap) -> f64 {
    let pairs = ours.voxels.iter().zip(&theirs.voxels);
    dice(pairs.map(|(ours, theirs)| (*ours == 1, *theirs == 1)))
}

/// The same body stored with another axis order.
fn turned(example: &Example<LabelMap>) -> Example<LabelMap> {
    let from = example.label.grid;
    let [nx, ny, nz] = from.shape;
    let m = from.world_from_voxel.matrix3;
    let corner = DVec3::new(0.0, ny as f64 - 1.0, 0.0);
    let world_from_voxel = DAffine3 {
        matrix3: DMat3::from_cols(m.z_axis, -m.y_axis, m.x_axis),
        translation: from.world_from_voxel.transform_point3(corner),
    };
    let grid = Grid { shape: [nz, ny, nx], world_from_voxel };
    let place = |at: usize| from.index([at / (nz * ny), ny - 1 - at / nz % ny, at % nz]);
    let places = || (0..grid.len()).map(place);
    let voxels = places().map(|at| example.image.volume.voxels[at]).collect();
    let image = NamedImage::new("turned", Volume { grid, voxels });
    let label = LabelMap { grid, voxels: places().map(|at| example.label.voxels[at]).collect() };
    Example { image, label: Arc::new(label) }
}

#[test]
fn a_volume_s_own_labels_lie_where_they_belong_however_it_is_stored() {
    let [own, other] = [143, 148].map(volume);
    let stored_otherwise = turned(&own);
    for example in [&own, &stored_otherwise] {
        let copy = floor(&own.image.volume, &[Placed::new(example)]).unwrap();
        assert_eq!(agreement(&copy, &own.label), 1.0);
    }
    let both = [Placed::new(&other), Placed::new(&stored_otherwise)];
    assert_eq!(
        agreement(&nearest(&own.image.volume, &both).unwrap(), &own.label),
        1.0,
        "the nearest is itself"
    );
    let one = floor(&own.image.volume, &both[..1]).unwrap();
    assert!((0.1..0.99).contains(&agreement(&one, &own.label)));
}
