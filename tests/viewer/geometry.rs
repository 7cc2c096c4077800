//! Plane ↔ world ↔ screen, without drawing.

use crate::stage::{grids, ras};
use egui::{Pos2, Rect};
use exemplar::viewer::camera::{bounds_mm, slice_step_mm, snap};
use exemplar::viewer::*;
use glam::DVec3;
use proptest::prelude::*;

fn view() -> View {
    View::of(&ras([100, 120, 80]), &Statistics { low: 0.0, high: 1.0, window: 1.0, level: 0.5 })
}

proptest! {
    #[test]
    fn a_screen_position_survives_the_way_through_the_world(
        x in 0f32..900.0, y in 0f32..700.0, zoom in 0.25f64..64.0, plane in 0usize..3, radiological: bool,
        centre in prop::array::uniform3(-80f64..80.0), cursor in prop::array::uniform3(-80f64..80.0),
    ) {
        let (centre_mm, cursor_mm) = (DVec3::from(centre), DVec3::from(cursor));
        let view = View { centre_mm, cursor_mm, zoom, radiological, ..view() };
        let rect = Rect::from_min_max(Pos2::new(31.0, 17.0), Pos2::new(700.0, 620.0));
        let plane = Plane::ALL[plane];
        let camera = Camera::new(plane, &view, rect);
        let world = camera.world(Pos2::new(x, y));
        prop_assert!((world[plane.normal()] - cursor_mm[plane.normal()]).abs() < 1e-9, "not on the slice");
        prop_assert!(camera.screen(world).distance(Pos2::new(x, y)) < 1e-3);
    }
}

#[test]
fn letters_name_the_sides_of_the_body() {
    let letters = |plane: Plane, radiological| plane.letters(radiological).iter().collect::<String>();
    assert_eq!(letters(Plane::Axial, true), "RLAP");
    assert_eq!(letters(Plane::Axial, false), "LRAP");
    assert_eq!(letters(Plane::Coronal, true), "RLSI");
    assert_eq!(letters(Plane::Coronal, false), "LRSI");
    assert_eq!(letters(Plane::Sagittal, true), "APSI");
    assert_eq!(letters(Plane::Sagittal, false), "APSI");
}

#[test]
fn every_volume_fits_and_a_millimetre_has_one_length_everywhere() {
    let rect = Rect::from_min_max(Pos2::new(10.0, 20.0), Pos2::new(310.0, 270.0));
    for (name, grid) in grids() {
        let statistics = Statistics { low: 0.0, high: 1.0, window: 1.0, level: 0.5 };
        let view = View::of(&grid, &statistics);
        let cameras = Plane::ALL.map(|plane| Camera::new(plane, &view, rect));
        let (low, high) = bounds_mm(&grid);
        for camera in &cameras {
            assert_eq!(camera.points_per_mm, cameras[0].points_per_mm, "{name}");
            for corner in [low, high] {
                assert!(rect.expand(1e-3).contains(camera.screen(corner)), "{name}: {corner} is cut off");
            }
        }
    }
}

#[test]
fn positions_read_as_in_the_atlas() {
    assert_eq!(Plane::Axial.position(DVec3::new(1.0, 2.0, -22.04)), "z \u{2212}22.0 mm");
    assert_eq!(Plane::Coronal.position(DVec3::new(1.0, -0.01, 3.0)), "y 0.0 mm");
    assert_eq!(Plane::Sagittal.position(DVec3::new(18.26, 0.0, 3.0)), "x 18.3 mm");
}

#[test]
fn the_cursor_snaps_to_voxels_only_where_slices_follow_them() {
    for (name, grid) in grids() {
        let at = grid.center_mm() + DVec3::new(0.3, 0.2, -0.4);
        let snapped = snap(&grid, at);
        if name.starts_with("oblique") {
            assert_eq!(snapped, at, "{name}");
        } else {
            let voxel = grid.voxel_from_world().transform_point3(snapped);
            assert!(voxel.abs_diff_eq(voxel.round(), 1e-6), "{name}: {voxel}");
        }
    }
    let thick = grids()[3].1;
    assert_eq!(Plane::ALL.map(|plane| slice_step_mm(&thick, plane)), [4.0, 1.0, 1.0]);
}
