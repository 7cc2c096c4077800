//! The picture that `exemplar demo` writes: axial, coronal and sagittal slices (rows) of the image, the prediction and
//! the truth (columns), and below them a bar for each label whose length is its Dice. Radiological: the patient's
//! right is on the left.

use crate::viewer::{Palette, Plane, middle_mm, still};
use anyhow::{Context, Result};
use image::{ImageFormat, Rgb, RgbImage};
use imaging::io::replace::replace_file;
use imaging::{LabelMap, Volume};
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

/// Draws and writes the picture; `scores` holds the Dice of each label.
pub fn write(
    path: &Path,
    image: &Volume,
    mask: &LabelMap,
    truth: &LabelMap,
    scores: &[(u16, f64)],
) -> Result<()> {
    let values: Vec<u16> = scores.iter().map(|(value, _)| *value).collect();
    let palette = Palette::for_labels(&values);
    let through = middle_mm(truth);
    let bars = scores.len() as u32 * (BAR + GAP);
    let (width, height) = (3 * TILE + 4 * GAP, 3 * TILE + 4 * GAP + bars);
    let mut picture = RgbImage::from_pixel(width, height, BACKGROUND);
    for (row, plane) in (0..).zip(Plane::ALL) {
        for (column, labels) in (0..).zip([None, Some(mask), Some(truth)]) {
            let slice = still(image, labels, &palette, plane, through, TILE as usize);
            let corner = [column, row].map(|i| GAP + i * (TILE + GAP));
            for (i, pixel) in (0..).zip(&slice) {
                let [r, g, b, _] = pixel.to_array();
                picture.put_pixel(corner[0] + i % TILE, corner[1] + i / TILE, Rgb([r, g, b]));
            }
        }
    }
    for (n, (value, dice)) in (0..).zip(scores) {
        let top = 3 * (TILE + GAP) + GAP + n * (BAR + GAP);
        let whole = width - 2 * GAP;
        let long = (dice.clamp(0.0, 1.0) * f64::from(whole)) as u32;
        let [r, g, b, _] = palette.colour(*value).to_array();
        for x in 0..whole {
            let colour = if x < long { Rgb([r, g, b]) } else { TRACK };
            (0..BAR).for_each(|y| picture.put_pixel(GAP + x, top + y, colour));
        }
    }
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).context("The preview could not be encoded")?;
    Ok(replace_file(path, |out| out.write_all(png.get_ref()))?)
}
