//! Conditions of a study: changed intensities test methods on an unknown contrast, and shuffled labels of the examples
//! test whether methods use them.

use imaging::conform::{GeometryChoice, reconcile};
use imaging::io::Scan;
use imaging::random::normal;
use imaging::{Grid, LabelMap, Result, Volume};
use inference::preprocess::{Reorientation, WorkingGrid};
use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::f32::consts::PI;

/// A change of the data before methods receive them.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Nothing.
    AsIs,
    /// Inverted intensities of the foreground.
    Inverted,
    /// Intensities mapped by a random smooth curve, the same one for all scans of a draw.
    Random,
    /// Each example has the labels of another one: a control.
    #[serde(skip_deserializing)]
    Shuffled,
}

impl Condition {
    /// Name in tables and in `results.csv`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AsIs => "as-is",
            Self::Inverted => "inverted",
            Self::Random => "random",
            Self::Shuffled => "shuffled",
        }
    }

    /// The intensity curve of the condition, where `random` is the draw's curve; `None` if intensities are unchanged.
    pub fn curve(self, random: &Curve) -> Option<Curve> {
        match self {
            Self::AsIs | Self::Shuffled => None,
            Self::Inverted => Some(Curve(vec![1.0, 0.0])),
            Self::Random => Some(random.clone()),
        }
    }
}

/// A piecewise linear map of intensities in [0, 1], given by its values at equal steps.
#[derive(Clone, Debug)]
pub struct Curve(Vec<f32>);

impl Curve {
    /// A random smooth curve onto [0, 1], not necessarily monotonic.
    pub fn draw(rng: &mut dyn Rng) -> Self {
        const STEPS: usize = 64;
        let waves: [f32; 4] = std::array::from_fn(|n| normal(rng) / (n + 1) as f32);
        let value = |step: usize| {
            let place = PI * step as f32 / STEPS as f32;
            waves.iter().enumerate().map(|(n, wave)| wave * ((n + 1) as f32 * place).cos()).sum::<f32>()
        };
        let values: Vec<f32> = (0..=STEPS).map(value).collect();
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let range = (high - low).max(f32::MIN_POSITIVE);
        Self(values.iter().map(|value| (value - low) / range).collect())
    }

    fn at(&self, intensity: f32) -> f32 {
        let last = self.0.len() - 1;
        let place = intensity.clamp(0.0, 1.0) * last as f32;
        let step = (place as usize).min(last - 1);
        self.0[step] + (place - step as f32) * (self.0[step + 1] - self.0[step])
    }

    /// Maps a scan by the curve, with the 2nd and 98th percentile of its foreground as 0 and 1. The air around the body
    /// is unchanged, since it is dark in every modality.
    ///
    /// # Errors
    /// [`imaging::Error::Memory`].
    pub fn apply(&self, scan: &Scan) -> Result<Scan> {
        let ras = Reorientation::of(&scan.volume.grid).image_to_ras(&scan.volume)?;
        let (_, [low, high]) = WorkingGrid::body(&ras)?;
        let range = (high - low).max(f32::MIN_POSITIVE);
        let inside = inside(&scan.volume, low + AIR * range);
        let change = |(at, &value): (usize, &f32)| {
            if inside(at) { low + range * self.at((value - low) / range) } else { value }
        };
        let voxels = scan.volume.voxels.par_iter().enumerate().map(change).collect();
        Ok(Scan { volume: Volume { grid: scan.volume.grid, voxels }.into(), ..scan.clone() })
    }
}

/// Air is darker than this fraction of the intensity range.
const AIR: f32 = 0.1;

/// Returns whether a voxel (by flat index) lies between bright ones along each axis, as dark voxels inside a body do.
fn inside(image: &Volume, bright: f32) -> impl Fn(usize) -> bool + Sync {
    let [nx, ny, nz] = image.grid.shape;
    // Position of a voxel along each axis, and index of the line along that axis that it lies on.
    let places = move |at: usize| {
        let [x, y, z] = [at % nx, at / nx % ny, at / (nx * ny)];
        [(x, y + ny * z), (y, x + nx * z), (z, x + nx * y)]
    };
    // The first and the last bright voxel of each line.
    let mut lines = [ny * nz, nx * nz, nx * ny].map(|count| vec![[usize::MAX, 0]; count]);
    for (at, _) in image.voxels.iter().enumerate().filter(|(_, value)| **value > bright) {
        for (lines, (place, line)) in lines.iter_mut().zip(places(at)) {
            let [first, last] = lines[line];
            lines[line] = [first.min(place), last.max(place)];
        }
    }
    move |at| {
        lines.iter().zip(places(at)).all(|(lines, (place, line))| {
            let [first, last] = lines[line];
            first <= place && place <= last
        })
    }
}

/// Another subject's labels resampled to an image's grid, with the centres of both grids aligned.
///
/// # Errors
/// [`imaging::Error::Memory`].
pub fn centred_on(image: &Grid, labels: &LabelMap) -> Result<LabelMap> {
    let mut labels = labels.clone();
    labels.grid.world_from_voxel.translation += image.center_mm() - labels.grid.center_mm();
    reconcile(image, labels, GeometryChoice::Resample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::random::generator;

    #[test]
    fn a_random_curve_is_smooth_and_fills_the_range() {
        for draw in 0..20 {
            let curve = Curve::draw(&mut generator(1, draw));
            let values: Vec<f32> = (0..=1000).map(|step| curve.at(step as f32 / 1000.0)).collect();
            let (low, high) = values.iter().fold((1.0f32, 0.0f32), |(l, h), v| (l.min(*v), h.max(*v)));
            assert!(low < 0.01 && high > 0.99 && low >= 0.0 && high <= 1.0, "{low} to {high}");
            assert!(values.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.02));
        }
    }

    #[test]
    fn what_is_dark_inside_a_body_is_inverted_and_the_air_around_it_is_not() {
        let grid = Grid { shape: [20, 20, 20], world_from_voxel: Default::default() };
        let voxels = (0..grid.len()).map(|at| {
            let squares = [at % 20, at / 20 % 20, at / 400].map(|place| (place as f32 - 9.5).powi(2));
            // A shell around a core as dark as air.
            let distance = squares.iter().sum::<f32>().sqrt();
            if (3.0..8.0).contains(&distance) { 100.0 } else { 0.0 }
        });
        let image = Volume { grid, voxels: voxels.collect() };
        let inside = inside(&image, 10.0);
        assert!(inside(grid.index([10, 10, 10])) && inside(grid.index([10, 10, 3])));
        assert!(!inside(grid.index([1, 10, 10])) && !inside(0));
    }

    #[test]
    fn labels_of_another_subject_are_centred_on_the_image() {
        let grid = |shape: [usize; 3], place: f64| Grid {
            shape,
            world_from_voxel: glam::DAffine3::from_translation(glam::DVec3::splat(place)),
        };
        let (image, theirs) = (grid([5, 5, 5], 0.0), grid([3, 3, 3], 70.0));
        let mut labels = LabelMap::empty(theirs).expect("27 voxels fit");
        labels.voxels[theirs.index([1, 1, 2])] = 7;
        let centred = centred_on(&image, &labels).expect("a small map");
        assert_eq!(centred.counts(), [(7, 1)]);
        assert_eq!(centred.voxels[image.index([2, 2, 3])], 7);
    }
}
