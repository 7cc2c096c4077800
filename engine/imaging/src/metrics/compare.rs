//! Label by label, how well two maps agree.

use super::surface::{Extent, Mask, distances_mm};
use super::voxelwise::dice;
use crate::conform::{GeometryChoice, describe, reconcile};
use crate::{Error, LabelMap, Result, memory};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;

/// Distance within which two surfaces count as the same, for the surface Dice.
const TOLERANCE_MM: f32 = 1.0;

/// How well two maps agree on one label.
#[derive(Clone, Debug, Serialize)]
pub struct LabelScore {
    /// Label value.
    pub label: u16,
    /// Dice coefficient, from 0 to 1.
    pub dice: f64,
    /// Volume of the prediction in millilitres.
    pub prediction_ml: f64,
    /// Volume of the truth in millilitres.
    pub truth_ml: f64,
    /// 95th percentile of the distances from each surface to the other, both pooled, in millimetres; None when
    /// one is empty. A surface is the voxels of the mask with one of six neighbours outside it.
    pub hd95_mm: Option<f64>,
    /// Average surface distance, symmetric: the mean of those distances, in millimetres (Heimann et al. 2009,
    /// doi:10.1109/TMI.2009.2013851); None when one is empty.
    pub asd_mm: Option<f64>,
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
        Error::Misplaced { .. } => Error::Geometry {
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
            score(label, &ours, &theirs, spacing, ml)
        })
        .collect()
}

fn score(label: u16, ours: &Mask, theirs: &Mask, spacing_mm: [f64; 3], voxel_ml: f64) -> Result<LabelScore> {
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
        asd_mm: comparable.then(|| mean(&between)),
        surface_dice_1mm: comparable.then(|| close as f64 / between.len() as f64),
    })
}

/// The mean of `values`, of which there is at least one.
fn mean(values: &[f32]) -> f64 {
    values.iter().copied().map(f64::from).sum::<f64>() / values.len() as f64
}

/// Linear interpolation between order statistics, as numpy's default; `values` is not empty.
fn percentile(values: &mut [f32], part: f64) -> f64 {
    values.sort_by(f32::total_cmp);
    let at = part * (values.len() - 1) as f64;
    let (low, high) = (f64::from(values[at.floor() as usize]), f64::from(values[at.ceil() as usize]));
    low + (high - low) * at.fract()
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
        // Each surface has 56 voxels: 16 lie 2 mm from the other and 4, in the middle of a face, 1 mm; the rest on it.
        assert!((agreement.asd_mm.unwrap() - 36.0 / 56.0).abs() < 1e-9, "{agreement:?}");
        assert!(agreement.surface_dice_1mm.unwrap() < 1.0);
        let same = &compare(&boxes(4, 8, 2.0), &boxes(4, 8, 2.0)).unwrap()[0];
        assert_eq!((same.dice, same.hd95_mm, same.surface_dice_1mm), (1.0, Some(0.0), Some(1.0)));
        assert_eq!(same.asd_mm, Some(0.0));
    }

    #[test]
    fn the_average_surface_distance_is_that_of_every_pair_of_voxels() {
        let grid =
            Grid { shape: [14, 11, 9], world_from_voxel: DAffine3::from_scale(DVec3::new(0.8, 1.25, 3.0)) };
        let place = |i: usize| [i % 14, i / 14 % 11, i / 154];
        // Two ellipsoids that overlap, one with holes.
        let blob = |middle: [f64; 3], holes: usize| {
            let inside = |i: usize| {
                let far = (0..3).map(|a| ((place(i)[a] as f64 - middle[a]) / [5.0, 4.0, 3.0][a]).powi(2));
                far.sum::<f64>() <= 1.0 && i % 37 >= holes
            };
            LabelMap { grid, voxels: (0..grid.len()).map(|i| u16::from(inside(i))).collect() }
        };
        let (ours, theirs) = (blob([6.0, 5.0, 4.0], 0), blob([7.5, 4.0, 4.0], 2));
        let surface = |map: &LabelMap| -> Vec<[usize; 3]> {
            let is_inside = |at: [isize; 3]| {
                let within = (0..3).all(|a| (0..grid.shape[a] as isize).contains(&at[a]));
                within && map.voxels[grid.index(at.map(|i| i as usize))] == 1
            };
            let on_surface = |at: &[usize; 3]| {
                let at = at.map(|i| i as isize);
                let neighbours = (0..3).flat_map(|a| [-1, 1].map(|by| (a, by)));
                let mut outside = neighbours.map(|(axis, by)| {
                    let mut next = at;
                    next[axis] += by;
                    !is_inside(next)
                });
                is_inside(at) && outside.any(|outside| outside)
            };
            (0..grid.len()).map(place).filter(on_surface).collect()
        };
        let (a, b) = (surface(&ours), surface(&theirs));
        let mm = |p: &[usize; 3], q: &[usize; 3]| {
            let axes = (0..3).map(|a| (p[a].abs_diff(q[a]) as f64 * [0.8, 1.25, 3.0][a]).powi(2));
            axes.sum::<f64>().sqrt()
        };
        let nearest = |from: &[[usize; 3]], to: &[[usize; 3]]| -> f64 {
            from.iter().map(|p| to.iter().map(|q| mm(p, q)).fold(f64::INFINITY, f64::min)).sum()
        };
        let expected = (nearest(&a, &b) + nearest(&b, &a)) / (a.len() + b.len()) as f64;
        let asd = compare(&ours, &theirs).unwrap()[0].asd_mm.unwrap();
        assert!((asd - expected).abs() < 1e-6 && expected > 0.5, "{asd} is not {expected}");
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
    fn an_absent_structure_has_no_distance() {
        let truth = boxes(4, 8, 1.0);
        let agreement = &compare(&LabelMap::empty(truth.grid).unwrap(), &truth).unwrap()[0];
        assert_eq!((agreement.dice, agreement.hd95_mm, agreement.asd_mm), (0.0, None, None));
    }
}
