//! How well two segmentations agree.

mod distance;

use crate::conform::{GeometryChoice, describe, reconcile};
use crate::{Error, LabelMap, Result, memory};
use distance::{Mask, distances_mm};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;

/// Distance within which two surfaces count as the same, for the surface Dice.
const TOLERANCE_MM: f32 = 1.0;

/// LabelScore on one label.
#[derive(Clone, Debug, Serialize)]
pub struct LabelScore {
    /// Label value.
    pub label: u16,
    /// Dice coefficient.
    pub dice: f64,
    /// Volume of the prediction in millilitres.
    pub prediction_ml: f64,
    /// Volume of the truth in millilitres.
    pub truth_ml: f64,
    /// 95th percentile of the distances from each surface to the other, both pooled, in millimetres; None when
    /// one is empty. A surface is the voxels of the mask with one of six neighbours outside it.
    pub hd95_mm: Option<f64>,
    /// Part of both surfaces within 1 mm of the other; None when one is empty.
    pub surface_dice_1mm: Option<f64>,
}

/// Compares label by label (every value above 0 of either map), in ascending order.
///
/// # Errors
/// [`Error::Geometry`] when the maps do not cover the same voxels of the world; their axis order may differ.
pub fn compare(prediction: &LabelMap, truth: &LabelMap) -> Result<Vec<LabelScore>> {
    let copy = memory::collect(prediction.voxels.iter().copied())?;
    let copy = LabelMap { grid: prediction.grid, voxels: copy };
    let predicted = reconcile(&truth.grid, copy, GeometryChoice::Strict).map_err(|error| match error {
        Error::Geometry { .. } => Error::Geometry {
            problem: format!(
                "The two maps do not lie on the same voxels of the world ({} against {}); resample one onto the other.",
                describe(&prediction.grid),
                describe(&truth.grid)
            ),
        },
        other => other,
    })?;
    let mut boxes: BTreeMap<u16, Extent> = BTreeMap::new();
    let [nx, ny, _] = truth.grid.shape;
    for (i, (&ours, &theirs)) in predicted.voxels.iter().zip(&truth.voxels).enumerate() {
        for label in [ours, theirs] {
            if label > 0 {
                boxes.entry(label).or_insert(Extent::EMPTY).include([i % nx, i / nx % ny, i / (nx * ny)]);
            }
        }
    }
    let spacing = truth.grid.spacing_mm();
    let ml = truth.grid.voxel_ml();
    boxes
        .into_par_iter()
        .map(|(label, extent)| {
            let ours = Mask::cut(&predicted.voxels, truth.grid.shape, &extent, label)?;
            let theirs = Mask::cut(&truth.voxels, truth.grid.shape, &extent, label)?;
            judge(label, &ours, &theirs, spacing, ml)
        })
        .collect()
}

fn judge(label: u16, ours: &Mask, theirs: &Mask, spacing_mm: [f64; 3], voxel_ml: f64) -> Result<LabelScore> {
    let (a, b) = (ours.count(), theirs.count());
    let (our_surface, their_surface) = (ours.surface()?, theirs.surface()?);
    let between = [(&our_surface, &their_surface), (&their_surface, &our_surface)];
    let [there, back] = between.map(|(from, to)| distances_mm(from, to, spacing_mm));
    let mut between = memory::collect(there?.into_iter().chain(back?))?;
    let comparable = a > 0 && b > 0;
    let close = between.iter().filter(|d| **d <= TOLERANCE_MM).count();
    Ok(LabelScore {
        label,
        dice: dice(ours.inside.iter().copied().zip(theirs.inside.iter().copied())),
        prediction_ml: a as f64 * voxel_ml,
        truth_ml: b as f64 * voxel_ml,
        hd95_mm: comparable.then(|| percentile(&mut between, 0.95)),
        surface_dice_1mm: comparable.then(|| close as f64 / between.len() as f64),
    })
}

/// Dice coefficient of two masks, voxel by voxel; 1 where both are empty.
pub fn dice(voxels: impl Iterator<Item = (bool, bool)>) -> f64 {
    let (mut both, mut sizes) = (0usize, 0);
    for (ours, theirs) in voxels {
        both += usize::from(ours && theirs);
        sizes += usize::from(ours) + usize::from(theirs);
    }
    if sizes == 0 { 1.0 } else { 2.0 * both as f64 / sizes as f64 }
}

/// Peak signal-to-noise ratio in dB of images whose peak is 1; infinite where they are equal.
pub fn psnr(image: &[f32], truth: &[f32]) -> f64 {
    let squares = image.iter().zip(truth).map(|(image, truth)| f64::from(image - truth).powi(2));
    -10.0 * (squares.sum::<f64>() / truth.len() as f64).log10()
}

/// Linear interpolation between order statistics, as numpy's default; `values` is not empty.
fn percentile(values: &mut [f32], part: f64) -> f64 {
    values.sort_by(f32::total_cmp);
    let at = part * (values.len() - 1) as f64;
    let (low, high) = (f64::from(values[at.floor() as usize]), f64::from(values[at.ceil() as usize]));
    low + (high - low) * at.fract()
}

/// A box of voxels, both ends included.
pub(crate) struct Extent {
    low: [usize; 3],
    high: [usize; 3],
}

impl Extent {
    const EMPTY: Self = Self { low: [usize::MAX; 3], high: [0; 3] };

    fn include(&mut self, voxel: [usize; 3]) {
        for (a, &v) in voxel.iter().enumerate() {
            self.low[a] = self.low[a].min(v);
            self.high[a] = self.high[a].max(v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Grid;
    use glam::{DAffine3, DMat3, DVec3};

    fn boxes(low: usize, high: usize, spacing: f64) -> LabelMap {
        let grid = Grid {
            shape: [12, 10, 8],
            world_from_voxel: DAffine3::from_scale(DVec3::new(spacing, 1.0, 1.0)),
        };
        let mut map = LabelMap::empty(grid).unwrap();
        for z in 2..6 {
            for y in 3..7 {
                (low..high).for_each(|x| map.voxels[grid.index([x, y, z])] = 5);
            }
        }
        map
    }

    #[test]
    fn shifted_boxes_have_the_known_dice_and_distance() {
        let agreement = &compare(&boxes(4, 8, 2.0), &boxes(3, 7, 2.0)).unwrap()[0];
        assert_eq!((agreement.label, agreement.dice), (5, 0.75));
        assert!((agreement.truth_ml - 0.128).abs() < 1e-12);
        // One voxel of 2 mm apart along x, nothing else.
        assert_eq!(agreement.hd95_mm, Some(2.0));
        assert!(agreement.surface_dice_1mm.unwrap() < 1.0);
        let same = &compare(&boxes(4, 8, 2.0), &boxes(4, 8, 2.0)).unwrap()[0];
        assert_eq!((same.dice, same.hd95_mm, same.surface_dice_1mm), (1.0, Some(0.0), Some(1.0)));
    }

    #[test]
    fn axis_order_does_not_matter_but_place_does() {
        let truth = boxes(4, 8, 1.5);
        let g = truth.grid;
        let m = g.world_from_voxel.matrix3;
        // The same voxels stored [z, x reversed, y].
        let turned = Grid {
            shape: [g.shape[2], g.shape[0], g.shape[1]],
            world_from_voxel: DAffine3 {
                matrix3: DMat3::from_cols(m.z_axis, -m.x_axis, m.y_axis),
                translation: m.x_axis * (g.shape[0] - 1) as f64,
            },
        };
        let mut other = LabelMap::empty(turned).unwrap();
        for (i, &value) in truth.voxels.iter().enumerate() {
            let [x, y, z] = [i % 12, i / 12 % 10, i / 120];
            other.voxels[turned.index([z, 11 - x, y])] = value;
        }
        assert_eq!(compare(&other, &truth).unwrap()[0].dice, 1.0);
        other.grid.world_from_voxel.translation.x += 1.0;
        assert!(matches!(compare(&other, &truth), Err(Error::Geometry { .. })));
    }

    #[test]
    fn a_tenth_off_is_20_decibels_and_nothing_agrees_with_nothing() {
        assert!((psnr(&[0.1, 0.4, 1.0], &[0.0, 0.5, 0.9]) - 20.0).abs() < 1e-5);
        assert_eq!(psnr(&[0.5], &[0.5]), f64::INFINITY);
        assert_eq!(dice([(false, false)].into_iter()), 1.0);
    }

    #[test]
    fn an_absent_structure_has_no_distance() {
        let truth = boxes(4, 8, 1.0);
        let agreement = &compare(&LabelMap::empty(truth.grid).unwrap(), &truth).unwrap()[0];
        assert_eq!((agreement.dice, agreement.hd95_mm), (0.0, None));
    }
}
