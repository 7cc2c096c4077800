//! What stands in the pixels: places, intensities, colours, edges.

use crate::stage::{Scene, grids, picture, ras, stage};
use egui_kittest::Harness;
use exemplar::viewer::*;
use glam::{DVec2, DVec3};
use image::Rgba;
use imaging::{Grid, LabelMap, Volume};

/// A volume of zeros with one bright voxel.
fn spot(grid: Grid, voxel: [usize; 3]) -> Volume {
    let mut voxels = vec![0.0; grid.len()];
    voxels[grid.index(voxel)] = 1.0;
    Volume { grid, voxels }
}

fn flat(grid: Grid, value: f32) -> Volume {
    Volume { grid, voxels: vec![value; grid.len()] }
}

/// Shows nothing but black, so that what lies over it can be measured.
fn show_black(scene: &mut Scene, grid: Grid) {
    scene.show(&flat(grid, 0.0));
    scene.view.apply(PaneAction::SetContrast { window: 1.0, level: 1.0 });
}

/// The middle of all pixels that `wanted` accepts, letters at the pane's edges left out.
fn middle_of(picture: &image::RgbaImage, wanted: impl Fn(&Rgba<u8>) -> bool) -> Option<DVec2> {
    let margin = 36..picture.width() - 36;
    let found: Vec<DVec2> = picture
        .enumerate_pixels()
        .filter(|(x, y, pixel)| margin.contains(x) && margin.contains(y) && wanted(pixel))
        .map(|(x, y, _)| DVec2::new(f64::from(x) + 0.5, f64::from(y) + 0.5))
        .collect();
    (!found.is_empty()).then(|| found.iter().sum::<DVec2>() / found.len() as f64)
}

/// Where a world point belongs, from first principles: the box around the voxels fits the square pane in its longest
/// side, the box's middle is in the middle, patient's right is on the left for radiologists.
fn expected(scene: &Scene, grid: &Grid, world: DVec3) -> DVec2 {
    let ends = grid.shape.map(|n| [-0.5, n as f64 - 0.5]);
    let corners: Vec<DVec3> = (0..8)
        .map(|k| DVec3::new(ends[0][k & 1], ends[1][k >> 1 & 1], ends[2][k >> 2]))
        .map(|voxel| grid.world_from_voxel.transform_point3(voxel))
        .collect();
    let low = corners.iter().copied().reduce(DVec3::min).unwrap();
    let high = corners.iter().copied().reduce(DVec3::max).unwrap();
    let scale = f64::from(scene.rect.width()) / (high - low).max_element();
    let offset = (world - (low + high) / 2.0) * scale;
    let x = if scene.view.radiological { -offset.x } else { offset.x };
    let shift = match scene.plane {
        Plane::Axial => DVec2::new(x, -offset.y),
        Plane::Coronal => DVec2::new(x, -offset.z),
        Plane::Sagittal => DVec2::new(-offset.y, -offset.z),
    };
    let center = scene.rect.center();
    DVec2::new(center.x.into(), center.y.into()) + shift
}

/// Moves the crosshair aside within the slice through `world`, so that it does not cover what is to be probed.
fn look_at_slice_through(scene: &mut Scene, world: DVec3) {
    let (low, high) = (scene.view.low_mm, scene.view.high_mm);
    scene.view.cursor_mm = low + (high - low) * 0.06;
    scene.view.cursor_mm[scene.plane.normal()] = world[scene.plane.normal()];
}

#[test]
fn a_marked_voxel_appears_where_the_world_puts_it() {
    let mut harness = stage(360.0);
    for (name, grid) in grids() {
        let [bright, labelled] = [0.3, 0.62].map(|t| grid.shape.map(|n| (n as f64 * t) as usize));
        let mut labels = LabelMap::empty(grid).unwrap();
        labels.voxels[grid.index(labelled)] = 3;
        harness.state_mut().show(&spot(grid, bright));
        harness.state_mut().label(&labels);
        let world =
            |v: [usize; 3]| grid.world_from_voxel.transform_point3(DVec3::from_array(v.map(|i| i as f64)));
        for (plane, radiological) in Plane::ALL.into_iter().flat_map(|p| [(p, true), (p, false)]) {
            (harness.state_mut().plane, harness.state_mut().view.radiological) = (plane, radiological);
            let grey = |p: &Rgba<u8>| p[0] > 120 && p[0] == p[1] && p[1] == p[2];
            let green = |p: &Rgba<u8>| p[1] > p[0].saturating_add(10) && p[1] > p[2].saturating_add(10);
            for (voxel, wanted) in [(bright, &grey as &dyn Fn(&Rgba<u8>) -> bool), (labelled, &green)] {
                look_at_slice_through(harness.state_mut(), world(voxel));
                let picture = picture(&mut harness);
                let found = middle_of(&picture, wanted);
                let place = expected(harness.state(), &grid, world(voxel));
                assert!(
                    found.is_some_and(|f| f.distance(place) < 1.5),
                    "{name}, {plane:?}, radiological {radiological}: {found:?} instead of {place}"
                );
            }
        }
    }
}

/// The colour in the middle of the pane, the crosshair being elsewhere.
fn colour_in_the_middle(harness: &mut Harness<'_, Scene>) -> [u8; 3] {
    let middle = harness.state().view.centre_mm;
    look_at_slice_through(harness.state_mut(), middle);
    let picture = picture(harness);
    let [r, g, b, _] = picture.get_pixel(picture.width() / 2, picture.height() / 2).0;
    [r, g, b]
}

#[track_caller]
fn assert_close(found: [u8; 3], wanted: [u8; 3]) {
    assert!((0..3).all(|i| found[i].abs_diff(wanted[i]) <= 1), "{found:?} instead of {wanted:?}");
}

#[test]
fn window_and_level_map_intensities_to_greys() {
    let mut harness = stage(120.0);
    for (value, grey) in
        [(-30.0, 0), (50.0, 0), (75.0, 64), (100.0, 128), (149.0, 252), (150.0, 255), (900.0, 255)]
    {
        harness.state_mut().show(&flat(ras([9, 9, 9]), value));
        harness.state_mut().view.apply(PaneAction::SetContrast { window: 100.0, level: 100.0 });
        assert_close(colour_in_the_middle(&mut harness), [grey; 3]);
    }
}

#[test]
fn labels_cover_the_image_unless_hidden() {
    let mut harness = stage(120.0);
    let grid = ras([9, 9, 9]);
    let scene = harness.state_mut();
    show_black(scene, grid);
    (scene.view.overlay_opacity, scene.view.overlay_style) = (0.5, OverlayStyle::Fill);
    scene.label(&LabelMap { grid, voxels: vec![40_000; grid.len()] });
    scene.palette = Palette::for_labels(&[40_000]);
    assert_close(colour_in_the_middle(&mut harness), [0x75, 0x3b, 0x01]);
    harness.state_mut().palette.set_colour(40_000, egui::Color32::from_rgb(200, 100, 0));
    assert_close(colour_in_the_middle(&mut harness), [100, 50, 0]);
    harness.state_mut().view.overlay_style = OverlayStyle::Outline;
    assert_close(colour_in_the_middle(&mut harness), [0, 0, 0]);
    harness.state_mut().view.overlay_style = OverlayStyle::Fill;
    harness.state_mut().palette.set_visible(40_000, false);
    assert_close(colour_in_the_middle(&mut harness), [0, 0, 0]);
}

#[test]
fn a_difference_has_one_colour_for_each_kind_of_error() {
    let mut harness = stage(120.0);
    let grid = ras([9, 9, 9]);
    show_black(harness.state_mut(), grid);
    let seen = |is: u16, should: u16, harness: &mut Harness<'_, Scene>| {
        let scene = harness.state_mut();
        scene.label(&LabelMap { grid, voxels: vec![is; grid.len()] });
        scene.reference =
            Some(LabelTexture::new(&scene.gpu, &LabelMap { grid, voxels: vec![should; grid.len()] }));
        colour_in_the_middle(harness)
    };
    let on_black = |c: egui::Color32| [c.r(), c.g(), c.b()].map(|v| (f32::from(v) * 0.85).round() as u8);
    assert_close(seen(1, 0, &mut harness), on_black(ADDED));
    assert_close(seen(0, 1, &mut harness), on_black(MISSING));
    let [agreement, other] = [seen(1, 1, &mut harness), seen(1, 2, &mut harness)];
    assert!(agreement[0] == agreement[2] && (20..100).contains(&agreement[0]), "{agreement:?}");
    assert!(other[0] > other[2] && other[1] > other[2], "{other:?}");
    assert_close(seen(0, 0, &mut harness), [0; 3]);
}

#[test]
fn an_outline_is_one_sharp_pixel_at_any_zoom() {
    let mut harness = stage(200.0);
    let grid = ras([20, 20, 20]);
    let inside = |i: usize| (5..15).contains(&(i % 20)) && (5..15).contains(&(i / 20 % 20));
    let scene = harness.state_mut();
    show_black(scene, grid);
    scene.label(&LabelMap { grid, voxels: (0..grid.len()).map(|i| inside(i).into()).collect() });
    (scene.view.overlay_style, scene.view.overlay_opacity) = (OverlayStyle::Outline, 1.0);
    for zoom in [0.7, 1.0, 1.7] {
        harness.state_mut().view.zoom = zoom;
        let middle = harness.state().view.centre_mm;
        look_at_slice_through(harness.state_mut(), middle);
        let picture = picture(&mut harness);
        let row = (0..200).filter(|&x| picture.get_pixel(x, 70).0[..3] == [0xea, 0x75, 0x01]).count();
        assert_eq!(row, 2, "zoom {zoom}");
    }
}

#[test]
fn a_volume_ends_sharply_and_is_even_up_to_its_border() {
    for interpolate in [true, false] {
        let mut harness = stage(200.0);
        harness.state_mut().show(&flat(ras([20, 10, 10]), 5.0));
        harness.state_mut().view.apply(PaneAction::SetContrast { window: 10.0, level: 5.0 });
        harness.state_mut().view.interpolate = interpolate;
        let middle = harness.state().view.centre_mm;
        look_at_slice_through(harness.state_mut(), middle);
        let scene = harness.state();
        let camera = scene.camera();
        let area =
            egui::Rect::from_two_pos(camera.screen(scene.view.low_mm), camera.screen(scene.view.high_mm));
        let picture = picture(&mut harness);
        let mut seen = 0;
        for y in 30..170 {
            let pixel = picture.get_pixel(60, y).0;
            let depth = area.signed_distance_to_pos(egui::pos2(60.5, y as f32 + 0.5));
            let crosshair = pixel[2] > pixel[0].saturating_add(20);
            if depth.abs() > 0.5 && !crosshair {
                seen += 1;
                assert_eq!(pixel[..3], if depth < 0.0 { [128; 3] } else { [0; 3] }, "row {y}, {interpolate}");
            }
        }
        assert!(seen > 130);
    }
}

#[test]
fn many_voxels_under_one_pixel_are_averaged() {
    let mut harness = stage(100.0);
    let grid = ras([300, 300, 3]);
    let voxels = (0..grid.len()).map(|i| ((i % 300 + i / 300) % 2) as f32).collect();
    harness.state_mut().show(&Volume { grid, voxels });
    harness.state_mut().view.apply(PaneAction::SetContrast { window: 1.0, level: 0.5 });
    let middle = harness.state().view.centre_mm;
    look_at_slice_through(harness.state_mut(), middle);
    let picture = picture(&mut harness);
    let greys: Vec<u8> = (30..70).map(|x| picture.get_pixel(x, 38).0[0]).collect();
    assert!(greys.iter().all(|g| (90..166).contains(g)), "{greys:?}");
}
