//! Slices drawn without the graphics device: thumbnails of the shelf, the demo's preview.

use super::{Camera, Palette, Plane, Statistics, View};
use ecolor::Color32;
use emath::{Pos2, Rect, Vec2};
use glam::DVec3;
use imaging::{LabelMap, Volume};

/// Width and height of a thumbnail in pixels.
pub const THUMBNAIL_SIZE: usize = 96;

/// How much of the image labels cover.
const OPACITY: f32 = 0.55;

/// Samples along each side of a pixel.
const SAMPLES: usize = 3;

/// An axial slice, radiological and true to scale: through the middle of the labels, or of the volume without any.
pub fn thumbnail(volume: &Volume, labels: Option<&LabelMap>, palette: &Palette) -> Vec<Color32> {
    still(volume, labels, palette, Plane::Axial, labels.and_then(middle_mm), THUMBNAIL_SIZE)
}

/// A square slice of `size` pixels through a world point (the middle of the volume where none is given), radiological
/// and true to scale, with contrast from the volume's statistics.
pub fn still(
    volume: &Volume,
    labels: Option<&LabelMap>,
    palette: &Palette,
    plane: Plane,
    through_mm: Option<DVec3>,
    size: usize,
) -> Vec<Color32> {
    let mut view = View::of(&volume.grid, &Statistics::of(volume));
    view.cursor_mm = through_mm.unwrap_or(view.cursor_mm);
    let camera = Camera::new(plane, &view, Rect::from_min_size(Pos2::ZERO, Vec2::splat(size as f32)));
    let voxel_from_world = volume.grid.voxel_from_world();
    let labels = labels.map(|labels| (labels, labels.grid.voxel_from_world()));
    let black = view.level - view.window / 2.0;
    let brightness = |world| {
        ((volume.sample(voxel_from_world.transform_point3(world)) - black) / view.window).clamp(0.0, 1.0)
    };
    let pixel = |i: usize| {
        let corner = Vec2::new((i % size) as f32, (i / size) as f32);
        let mut sum = [0.0; 3];
        for k in 0..SAMPLES * SAMPLES {
            let inner =
                (Vec2::new((k % SAMPLES) as f32, (k / SAMPLES) as f32) + Vec2::splat(0.5)) / SAMPLES as f32;
            let world = camera.world((corner + inner).to_pos2());
            let grey = 255.0 * if volume.grid.is_empty() { 0.0 } else { brightness(world) };
            let value =
                labels.as_ref().map_or(0, |(l, from_world)| l.sample(from_world.transform_point3(world)));
            let opacity = if palette.is_visible(value) { OPACITY } else { 0.0 };
            let [r, g, b, _] = palette.colour(value).to_array().map(f32::from);
            for (channel, colour) in sum.iter_mut().zip([r, g, b]) {
                *channel += grey + (colour - grey) * opacity;
            }
        }
        let [r, g, b] = sum.map(|c| (c / (SAMPLES * SAMPLES) as f32).round() as u8);
        Color32::from_rgb(r, g, b)
    };
    (0..size * size).map(pixel).collect()
}

/// The mean world position of all labelled voxels; None where there is none.
pub fn middle_mm(labels: &LabelMap) -> Option<DVec3> {
    let [nx, ny, _] = labels.grid.shape;
    let labelled = labels.voxels.iter().enumerate().filter(|&(_, &value)| value != 0);
    let (sum, count) = labelled.fold((DVec3::ZERO, 0.0), |(sum, count), (i, _)| {
        (sum + DVec3::new((i % nx) as f64, (i / nx % ny) as f64, (i / nx / ny) as f64), count + 1.0)
    });
    (count > 0.0).then(|| labels.grid.world_from_voxel.transform_point3(sum / count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::DAffine3;
    use imaging::Grid;

    #[test]
    fn shows_the_labelled_slice_true_to_scale() {
        let world_from_voxel = DAffine3::from_scale(DVec3::new(1.0, 1.0, 4.0));
        let grid = Grid { shape: [40, 20, 10], world_from_voxel };
        let mut volume = Volume { grid, voxels: vec![0.0; grid.len()] };
        let mut labels = LabelMap::empty(grid).unwrap();
        for y in 0..20 {
            for x in 0..40 {
                volume.voxels[grid.index([x, y, 7])] = 100.0;
                labels.voxels[grid.index([x, y, 7])] = u16::from(x < 20) * 4;
            }
        }
        let picture = thumbnail(&volume, Some(&labels), &Palette::new([(4, [0, 0, 255])]));
        let at = |x: usize, y: usize| picture[x + THUMBNAIL_SIZE * y];
        assert_eq!(at(48, 10), Color32::BLACK, "40 × 20 mm leave room above");
        let [r, _, b, _] = at(80, 48).to_array();
        assert!(b > r, "small x is the patient's left, on the right of the picture");
        assert_eq!(at(16, 48), Color32::WHITE);
    }
}
