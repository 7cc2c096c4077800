//! A small picture of a scan for its card: one axial slice, true to scale, with labels where there are some.

use crate::viewer::{Palette, Plane, Statistics, camera::bounds_mm};
use egui::{Color32, ColorImage};
use exemplar_engine::{Grid, LabelMap, Volume};
use glam::DVec3;

/// How much of the image the labels cover.
const OPACITY: f32 = 0.6;

/// A square picture of `side` pixels, seen from below as radiologists do. It cuts through the middle of the labels,
/// else through the middle of the volume.
pub fn thumbnail(volume: &Volume, labels: Option<&LabelMap>, palette: &Palette, side: usize) -> ColorImage {
    let grid = &volume.grid;
    let (low, high) = bounds_mm(grid);
    let middle = (low + high) / 2.0;
    let through = labels.and_then(middle_of_labels).unwrap_or(middle);
    let size = (high - low).x.max((high - low).y).max(f64::MIN_POSITIVE);
    let (right, up) = Plane::Axial.axes(true);
    let statistics = Statistics::of(volume);
    let black = statistics.level - statistics.window / 2.0;
    let voxel_from_world = grid.voxel_from_world();
    let pixel = |i: usize| {
        let offset = |k: usize| ((k as f64 + 0.5) / side as f64 - 0.5) * size;
        let world = middle.with_z(through.z) + right * offset(i % side) - up * offset(i / side);
        let Some(at) = nearest(grid, voxel_from_world.transform_point3(world)) else { return Color32::BLACK };
        let grey = ((volume.voxels[at] - black) / statistics.window).clamp(0.0, 1.0);
        let grey = Color32::from_gray((grey * 255.0) as u8);
        match labels.map_or(0, |labels| labels.voxels[at]) {
            0 => grey,
            label => grey.lerp_to_gamma(palette.colour(label), OPACITY),
        }
    };
    ColorImage::new([side, side], (0..side * side).map(pixel).collect())
}

/// The array position of the voxel that a point lies in.
fn nearest(grid: &Grid, voxel: DVec3) -> Option<usize> {
    let voxel = voxel.round();
    let inside = (0..3).all(|axis| voxel[axis] >= 0.0 && voxel[axis] < grid.shape[axis] as f64);
    inside.then(|| grid.index(voxel.to_array().map(|v| v as usize)))
}

/// World position of the labelled voxels' mean, from a sample of them.
fn middle_of_labels(labels: &LabelMap) -> Option<DVec3> {
    let [width, height, _] = labels.grid.shape;
    let stride = (labels.voxels.len() >> 18) | 1;
    let labelled = (0..labels.voxels.len()).step_by(stride).filter(|&at| labels.voxels[at] > 0);
    let (sum, count) = labelled.fold((DVec3::ZERO, 0.0), |(sum, count), at| {
        let voxel = [at % width, at / width % height, at / width / height].map(|v| v as f64);
        (sum + DVec3::from_array(voxel), count + 1.0)
    });
    (count > 0.0).then(|| labels.grid.world_from_voxel.transform_point3(sum / count))
}
