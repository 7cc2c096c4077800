//! The picture that `exemplar demo` writes: axial, coronal and sagittal slices (rows) of the image, the prediction and
//! the truth (columns), and below them a bar for each label whose length is its Dice. Radiological: the patient's
//! right is on the left.

use anyhow::{Context, Result};
use exemplar_engine::preprocess::Order;
use exemplar_engine::replace::replace_file;
use exemplar_engine::{LabelMap, Volume};
use image::{ImageFormat, Rgb, RgbImage};
use std::io::Cursor;
use std::path::Path;

/// Pixels along each side of a slice.
const TILE: u32 = 320;
/// Pixels between slices.
const GAP: u32 = 12;
/// Pixels of a bar's height.
const BAR: u32 = 14;
const BACKGROUND: Rgb<u8> = Rgb([18, 20, 24]);
const TRACK: Rgb<u8> = Rgb([44, 48, 56]);
/// How much of a pixel is the label's colour.
const OPACITY: f32 = 0.55;
/// Apart in hue and lightness, also for most colour-blind readers.
const COLOURS: [[f32; 3]; 6] = [
    [86.0, 180.0, 233.0],
    [230.0, 159.0, 0.0],
    [0.0, 178.0, 130.0],
    [240.0, 228.0, 66.0],
    [224.0, 110.0, 170.0],
    [213.0, 94.0, 0.0],
];

/// Draws and writes the picture; `scores` holds the Dice of each label.
pub fn write(
    path: &Path,
    image: &Volume,
    mask: &LabelMap,
    truth: &LabelMap,
    scores: &[(u16, f64)],
) -> Result<()> {
    let order = Order::of(&image.grid);
    let image = order.apply_to_image(image);
    let mask = Order::of(&mask.grid).apply_to_labels(mask);
    let truth = Order::of(&truth.grid).apply_to_labels(truth);
    let values: Vec<u16> = scores.iter().map(|(value, _)| *value).collect();
    let middle = middle(&truth);
    let columns: [Option<&LabelMap>; 3] = [None, Some(&mask), Some(&truth)];
    let bars = scores.len() as u32 * (BAR + GAP);
    let (width, height) = (3 * TILE + 4 * GAP, 3 * TILE + 4 * GAP + bars);
    let mut sheet = RgbImage::from_pixel(width, height, BACKGROUND);
    for (row, plane) in [Plane::Axial, Plane::Coronal, Plane::Sagittal].into_iter().enumerate() {
        for (column, labels) in columns.iter().enumerate() {
            let corner = [column, row].map(|i| GAP + i as u32 * (TILE + GAP));
            slice(
                &mut sheet,
                corner,
                plane,
                middle,
                &image,
                labels.map(|labels| (labels, values.as_slice())),
            );
        }
    }
    for (n, (_, dice)) in scores.iter().enumerate() {
        let top = 3 * (TILE + GAP) + GAP + n as u32 * (BAR + GAP);
        let whole = width - 2 * GAP;
        let long = (dice.clamp(0.0, 1.0) * f64::from(whole)) as u32;
        for x in 0..whole {
            let colour = if x < long { Rgb(colour(n).map(|c| c as u8)) } else { TRACK };
            (0..BAR).for_each(|y| sheet.put_pixel(GAP + x, top + y, colour));
        }
    }
    let mut png = Cursor::new(Vec::new());
    sheet.write_to(&mut png, ImageFormat::Png).context("The preview could not be encoded")?;
    Ok(replace_file(path, |out| out.write_all(png.get_ref()))?)
}

fn colour(n: usize) -> [f32; 3] {
    COLOURS[n % COLOURS.len()]
}

#[derive(Clone, Copy)]
enum Plane {
    Axial,
    Coronal,
    Sagittal,
}

impl Plane {
    /// Body axes to the right and upwards on the screen, and the axis through the slice.
    fn axes(self) -> [usize; 3] {
        match self {
            Self::Axial => [0, 1, 2],
            Self::Coronal => [0, 2, 1],
            Self::Sagittal => [1, 2, 0],
        }
    }
}

/// Draws one slice, whole and true to scale.
fn slice(
    sheet: &mut RgbImage,
    corner: [u32; 2],
    plane: Plane,
    at: [usize; 3],
    image: &Volume,
    labels: Option<(&LabelMap, &[u16])>,
) {
    let (grid, spacing) = (&image.grid, image.grid.spacing_mm());
    let [right, up, _] = plane.axes();
    let size_mm = [right, up].map(|axis| grid.shape[axis] as f64 * spacing[axis]);
    let mm_per_pixel = size_mm[0].max(size_mm[1]) / f64::from(TILE);
    let brightest = image.voxels.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    for y in 0..TILE {
        for x in 0..TILE {
            // Position in voxels; both screen axes run against the body's (right on the left, up at the top).
            let offset_mm = [x, y].map(|p| (f64::from(TILE) / 2.0 - 0.5 - f64::from(p)) * mm_per_pixel);
            let place =
                |i: usize, axis: usize| offset_mm[i] / spacing[axis] + (grid.shape[axis] as f64 - 1.0) / 2.0;
            let place = [place(0, right), place(1, up)];
            let outside = |i: usize, axis: usize| place[i] < -0.5 || place[i] > grid.shape[axis] as f64 - 0.5;
            if outside(0, right) || outside(1, up) {
                continue;
            }
            let near = neighbours(place, [grid.shape[right], grid.shape[up]]).map(|(i, j, weight)| {
                let mut voxel = at;
                (voxel[right], voxel[up]) = (i, j);
                (grid.index(voxel), weight)
            });
            let grey: f32 = near.iter().map(|&(i, weight)| weight * image.voxels[i]).sum();
            let grey = 255.0 * (grey / brightest).clamp(0.0, 1.0);
            let mut pixel = [grey; 3];
            if let Some((labels, values)) = labels {
                // A structure is drawn where it holds half of the interpolation's weight: smooth outlines.
                let share = |value: u16| -> f32 {
                    near.iter().filter(|(i, _)| labels.voxels[*i] == value).map(|(_, weight)| weight).sum()
                };
                if let Some(n) = values.iter().position(|&value| share(value) > 0.5) {
                    pixel = std::array::from_fn(|c| grey * (1.0 - OPACITY) + colour(n)[c] * OPACITY);
                }
            }
            sheet.put_pixel(corner[0] + x, corner[1] + y, Rgb(pixel.map(|c| c as u8)));
        }
    }
}

/// The four voxels around a place in a slice and their bilinear weights.
fn neighbours(place: [f64; 2], shape: [usize; 2]) -> [(usize, usize, f32); 4] {
    let low: [usize; 2] = std::array::from_fn(|i| place[i].clamp(0.0, shape[i] as f64 - 1.0) as usize);
    let high: [usize; 2] = std::array::from_fn(|i| (low[i] + 1).min(shape[i] - 1));
    let part: [f32; 2] = std::array::from_fn(|i| (place[i] - low[i] as f64).clamp(0.0, 1.0) as f32);
    let [u, v] = part;
    [
        (low[0], low[1], (1.0 - u) * (1.0 - v)),
        (high[0], low[1], u * (1.0 - v)),
        (low[0], high[1], (1.0 - u) * v),
        (high[0], high[1], u * v),
    ]
}

/// The middle of everything labelled; of the grid where nothing is.
fn middle(labels: &LabelMap) -> [usize; 3] {
    let [nx, ny, _] = labels.grid.shape;
    let (mut n, mut sum) = (0, [0; 3]);
    for at in (0..labels.voxels.len()).filter(|&at| labels.voxels[at] > 0) {
        n += 1;
        for (sum, v) in sum.iter_mut().zip([at % nx, at / nx % ny, at / nx / ny]) {
            *sum += v;
        }
    }
    std::array::from_fn(|a| sum[a].checked_div(n).unwrap_or(labels.grid.shape[a] / 2))
}
