//! Step 4: from probabilities on the working grid to labels on the image, row by row.

use super::predict::Probabilities;
use super::prepare::Prepared;
use crate::preprocess::Reorientation;
use crate::preprocess::working_grid::{WorkingGrid, cube_index};
use imaging::Cube;
use imaging::{Grid, LabelMap, Result, Volume, memory};
use rayon::prelude::*;

/// Probabilities below this are no evidence of a structure.
const UNLIKELY: f32 = 0.02;
/// The thresholds tried are multiples of 1 / STEPS.
const STEPS: usize = 1000;
/// Fraction of a box's side over which the refinement blends into the whole field of view.
const FADE: f32 = 0.1;

/// The probability above which a voxel may belong to a structure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Threshold {
    /// The threshold with the largest expected Dice; see [`threshold`].
    #[default]
    ExpectedDice,
    /// The same for all structures, above 0.
    At(f32),
}

/// Labels on the target's own grid: at each voxel the label whose probability is the largest multiple of its threshold,
/// 0 where none is above it. Cheap: for another threshold, call it again.
///
/// # Errors
/// [`imaging::Error::Memory`].
pub fn fuse(target: &Prepared, probabilities: &[Probabilities], threshold: Threshold) -> Result<LabelMap> {
    let mut fusion = LabelFusion::new(target, threshold)?;
    probabilities.iter().for_each(|label| fusion.add(label));
    fusion.labels()
}

/// A structure's probabilities on the target's own grid, from 0 to 1.
///
/// # Errors
/// [`imaging::Error::Memory`].
pub fn probability_volume(target: &Prepared, probabilities: &Probabilities) -> Result<Volume> {
    let rows = Rows::new(&target.content.working, probabilities);
    let [nx, ny, _] = rows.whole.shape();
    let mut voxels: Vec<f32> = memory::zeros(target.content.grid.len())?;
    voxels.par_chunks_mut((nx * ny).max(1)).enumerate().for_each(|(z, plane)| {
        let mut line = vec![0.0; rows.whole.side];
        plane.chunks_mut(nx).enumerate().for_each(|(y, row)| _ = rows.read([y, z], -1.0, &mut line, row));
    });
    let voxels = target.content.orientation.from_ras(&voxels)?;
    Ok(Volume { grid: target.image.volume.grid, voxels })
}

/// Resamples cubes on a working grid to the grid of its image by trilinear interpolation. The image's axes are in RAS
/// order, x fastest.
pub struct InverseResampler {
    axes: [Vec<Option<(usize, f32)>>; 3],
    side: usize,
}

impl InverseResampler {
    pub fn new(working: &WorkingGrid) -> Self {
        Self { axes: std::array::from_fn(|axis| working.back(axis)), side: working.side }
    }

    /// The image's shape.
    fn shape(&self) -> [usize; 3] {
        self.axes.each_ref().map(Vec::len)
    }

    /// The cube on the image's grid; `outside` is the value beyond the working grid.
    pub fn volume(&self, cube: &Cube, outside: f32) -> Result<Vec<f32>> {
        let mut voxels = memory::filled(self.shape().iter().product(), outside)?;
        let [nx, ny, _] = self.shape();
        voxels.par_chunks_mut((nx * ny).max(1)).enumerate().for_each(|(z, plane)| {
            let mut line = vec![0.0; self.side];
            for (y, row) in plane.chunks_mut(nx).enumerate() {
                if self.line(cube, y, z, &mut line) {
                    self.spread(&line, |x, value| row[x] = value);
                }
            }
        });
        Ok(voxels)
    }

    /// Interpolates the working values along x for image row (y, z); false where the row lies outside the working grid.
    fn line(&self, cube: &Cube, y: usize, z: usize, line: &mut [f32]) -> bool {
        let (Some((j, v)), Some((k, w))) = (self.axes[1][y], self.axes[2][z]) else { return false };
        let next = |i: usize| (i + 1).min(self.side - 1);
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        for (x, value) in line.iter_mut().enumerate() {
            let at = |y, z| cube.voxels[cube_index(self.side, [x, y, z])];
            *value = mix(mix(at(j, k), at(next(j), k), v), mix(at(j, next(k)), at(next(j), next(k)), v), w);
        }
        true
    }

    /// Weight of a box at an image voxel along one axis: 0 at its faces, 1 from [`FADE`] of its side inwards.
    fn blend_weight(&self, axis: usize, voxel: usize) -> f32 {
        self.axes[axis][voxel].map_or(0.0, |(i, part)| {
            let at = (i as f32 + part + 0.5) / self.side as f32;
            (at.min(1.0 - at) / FADE).clamp(0.0, 1.0)
        })
    }

    fn spread(&self, line: &[f32], mut put: impl FnMut(usize, f32)) {
        for (x, place) in self.axes[0].iter().enumerate() {
            if let &Some((i, u)) = place {
                let after = line[(i + 1).min(self.side - 1)];
                put(x, line[i] + (after - line[i]) * u);
            }
        }
    }
}

/// The rows of a structure's probabilities on the image's grid, axes in RAS order. A refined box replaces the whole
/// field of view with a weight that grows with the distance from its faces.
struct Rows<'a> {
    whole: InverseResampler,
    cube: &'a Cube,
    refined: Option<(InverseResampler, &'a Cube)>,
}

impl<'a> Rows<'a> {
    fn new(working: &WorkingGrid, Probabilities { whole, refined, .. }: &'a Probabilities) -> Self {
        let refined = refined.as_ref().map(|(grid, cube)| (InverseResampler::new(grid), cube));
        Self { whole: InverseResampler::new(working), cube: whole, refined }
    }

    /// Reads row (y, z); false, with the row undefined, where none of its voxels is above `least`. `line` is a buffer
    /// for one line of the working grid.
    fn read(&self, [y, z]: [usize; 2], least: f32, line: &mut [f32], row: &mut [f32]) -> bool {
        // Interpolation never exceeds its inputs, so this test settles most rows.
        let covered = self.whole.line(self.cube, y, z, line);
        let mut above = covered && line.iter().any(|&p| p > least);
        if above || self.refined.is_some() {
            row.fill(0.0);
            if covered {
                self.whole.spread(line, |x, p| row[x] = p);
            }
        }
        if let Some((closer, cube)) = &self.refined
            && closer.line(cube, y, z, line)
        {
            above = true;
            let weight = closer.blend_weight(1, y) * closer.blend_weight(2, z);
            closer.spread(line, |x, p| row[x] += (p - row[x]) * weight * closer.blend_weight(0, x));
        }
        above
    }
}

/// Incremental [`fuse()`]: labels are added one after another, so that no probabilities have to be kept.
pub struct LabelFusion {
    working: WorkingGrid,
    orientation: Reorientation,
    grid: Grid,
    threshold: Threshold,
    /// The largest multiple of a threshold so far, and the label that reached it; axes in RAS order.
    best: Vec<f32>,
    winner: Vec<u16>,
}

impl LabelFusion {
    /// Starts without a label.
    ///
    /// # Errors
    /// [`imaging::Error::Memory`].
    pub fn new(target: &Prepared, threshold: Threshold) -> Result<Self> {
        let (content, grid) = (&target.content, target.image.volume.grid);
        Ok(Self {
            working: content.working.clone(),
            orientation: content.orientation,
            grid,
            threshold,
            best: memory::filled(grid.len(), 1.0)?,
            winner: memory::zeros(grid.len())?,
        })
    }

    /// Adds a label; where multiples are equal, the label that was added first wins.
    pub fn add(&mut self, probabilities: &Probabilities) {
        let Probabilities { label, whole, refined, .. } = probabilities;
        let least = match self.threshold {
            Threshold::At(least) => least,
            Threshold::ExpectedDice => threshold(refined.as_ref().map_or(whole, |(_, closer)| closer)),
        };
        let rows = Rows::new(&self.working, probabilities);
        let [nx, ny, _] = rows.whole.shape();
        let plane = (nx * ny).max(1);
        let planes = self.best.par_chunks_mut(plane).zip(self.winner.par_chunks_mut(plane));
        planes.enumerate().for_each(|(z, (best, winner))| {
            let (mut line, mut row) = (vec![0.0; rows.whole.side], vec![0.0; nx]);
            for (y, (best, winner)) in best.chunks_mut(nx).zip(winner.chunks_mut(nx)).enumerate() {
                if rows.read([y, z], least, &mut line, &mut row) {
                    for (&p, (best, winner)) in row.iter().zip(best.iter_mut().zip(winner)) {
                        if p > *best * least {
                            (*best, *winner) = (p / least, *label);
                        }
                    }
                }
            }
        });
    }

    /// The labels on the target's own grid.
    ///
    /// # Errors
    /// [`imaging::Error::Memory`].
    pub fn labels(self) -> Result<LabelMap> {
        Ok(LabelMap { grid: self.grid, voxels: self.orientation.from_ras(&self.winner)? })
    }
}

/// Converts the network's output y to the probability p = y² / (y² + (1 − y)²), y clamped to [0, 1]. This inverts the
/// bias that the training loss gives the output. One half stays one half.
pub fn probability(mut output: Cube) -> Cube {
    for value in &mut output.voxels {
        let y = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        *value = y * y / (y * y + (1.0 - y) * (1.0 - y));
    }
    output
}

/// The threshold at which a structure's mask has the largest expected Dice: the c that maximises
/// 2 Σ p (over p > c) / (number of p > c + Σ p), at most one half. Where the network is uncertain, a threshold of one
/// half makes masks too small. If no probability exceeds one half, the threshold is one half, so that no structure is
/// invented.
pub fn threshold(probabilities: &Cube) -> f32 {
    // For each bin n: the number of voxels whose probability lies in it, and the sum of those probabilities.
    let mut counted = [(0.0, 0.0); STEPS + 1];
    for &p in &probabilities.voxels {
        let (count, sum) = &mut counted[(p * STEPS as f32) as usize];
        *count += 1.0;
        *sum += f64::from(p);
    }
    let at = |n: usize| n as f32 / STEPS as f32;
    let likely = (0..=STEPS).filter(|&n| at(n) >= UNLIKELY);
    let all: f64 = likely.clone().map(|n| counted[n].1).sum();
    let (mut count, mut inside) = (0.0, 0.0);
    let dice = likely.rev().map(|n| {
        (count, inside) = (count + counted[n].0, inside + counted[n].1);
        (n, 2.0 * inside / (count + all))
    });
    let better = |best: (usize, f64), next: (usize, f64)| if next.1 > best.1 { next } else { best };
    let best = dice.reduce(better).map_or(0.5, |(n, _)| at(n));
    if probabilities.voxels.iter().any(|&p| p > 0.5) { best.min(0.5) } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{NamedImage, prepare};

    /// An image without contrast, so that its working grid of `side`³ surrounds all of it.
    fn target(side: usize) -> Prepared {
        let grid = Grid { shape: [side; 3], world_from_voxel: Default::default() };
        prepare(&NamedImage::new("target", Volume { grid, voxels: vec![1.0; grid.len()] }), 16).unwrap()
    }

    fn full(value: f32) -> Cube {
        Cube { side: 16, voxels: vec![value; 16 * 16 * 16] }
    }

    fn found(label: u16, whole: Cube) -> Probabilities {
        Probabilities { label, whole, refined: None, read: Vec::new() }
    }

    #[test]
    fn a_refinement_wins_inside_its_box_and_fades_at_its_faces() {
        let target = target(32);
        let closer = target.working_grid().moved([0.0; 3], [0.5; 3]);
        let label = Probabilities { refined: Some((closer, full(1.0))), ..found(7, full(0.0)) };
        let Volume { grid, voxels } = probability_volume(&target, &label).unwrap();
        let at = |x: usize| voxels[grid.index([x, 16, 16])];
        assert_eq!([at(7), at(16), at(24)], [0.0, 1.0, 0.0], "the box reaches from 8 to 24");
        assert!(at(8) < 0.5 && at(9) > 0.5, "{} {}", at(8), at(9));
        let labels = fuse(&target, &[label], Threshold::default()).unwrap();
        assert_eq!([0, 8, 16, 23, 31].map(|x| labels.voxels[grid.index([x, 16, 16])]), [0, 0, 7, 0, 0]);
    }

    #[test]
    fn a_threshold_lies_where_the_dice_is_expected_to_be_largest() {
        let of = |parts: &[(usize, f32)]| {
            let values = parts.iter().flat_map(|&(count, p)| std::iter::repeat_n(p, count));
            let voxels: Vec<f32> = values.chain(std::iter::repeat(0.0)).take(4096).collect();
            threshold(&Cube { side: 16, voxels })
        };
        assert_eq!(of(&[(100, 1.0)]), 0.5, "sure");
        // With the unsure rim 2 · 145 / (250 + 145) = 0.73, without 2 · 100 / (100 + 145) = 0.82.
        assert_eq!(of(&[(100, 1.0), (150, 0.3)]), 0.5);
        // With it 2 · 161 / (250 + 161) = 0.78, without 2 · 100 / (100 + 161) = 0.77.
        assert_eq!(of(&[(100, 1.0), (150, 0.4055)]), 0.405);
        assert_eq!(of(&[(500, 0.45)]), 0.5, "nothing is made up");
    }

    #[test]
    fn of_two_labels_the_one_farther_above_its_threshold_wins() {
        // Uncertain nearly everywhere, so the threshold is 0.25: 0.4 is a larger multiple of it than 0.7 is of 0.5.
        let mut unsure = full(0.2505);
        (unsure.voxels[0], unsure.voxels[4095]) = (1.0, 0.4);
        let all = [found(1, full(0.6)), found(2, full(0.4)), found(3, full(0.7)), found(4, unsure)];
        let target = target(16);
        let labels = fuse(&target, &all, Threshold::default()).unwrap().voxels;
        assert_eq!((labels[100], labels[4095]), (3, 4));
        let labels = fuse(&target, &all[..3], Threshold::At(0.65)).unwrap().voxels;
        assert_eq!(labels[100], 3);
        let labels = fuse(&target, &all[1..2], Threshold::At(0.3)).unwrap().voxels;
        assert_eq!(labels[100], 2, "a live threshold is one more call");
    }
}
