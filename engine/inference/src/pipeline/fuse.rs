//! From the working grid back to the image, row by row.

use crate::preprocess::working_grid::{WorkingGrid, cube_index};
use imaging::Cube;
use imaging::{Result, memory};
use rayon::prelude::*;

/// Less than this is no sign of a structure.
const UNLIKELY: f32 = 0.02;
/// Steps between the probabilities that a mask may be cut at.
const CUTS: usize = 1000;
/// Part of a box's side over which it gives way to the first look.
const FADE: f32 = 0.1;

/// Brings working cubes to the image that a frame was laid in, by trilinear interpolation. Images are in the body's
/// order, x fastest.
pub struct InverseResampler {
    axes: [Vec<Option<(usize, f32)>>; 3],
    side: usize,
}

impl InverseResampler {
    pub fn new(frame: &WorkingGrid) -> Self {
        Self { axes: std::array::from_fn(|axis| frame.back(axis)), side: frame.side }
    }

    /// The cube on the image's grid; `outside` where the working grid does not reach.
    pub fn volume(&self, cube: &Cube, outside: f32) -> Result<Vec<f32>> {
        let mut voxels = memory::filled(self.axes.iter().map(Vec::len).product(), outside)?;
        let [nx, ny, _] = self.axes.each_ref().map(Vec::len);
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

    /// The working values along x that lie on image row (y, z); false where the working grid does not reach.
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

    /// How much a box counts at an image voxel along one axis: nothing at its faces, all from [`FADE`] of its side on.
    fn inwards(&self, axis: usize, voxel: usize) -> f32 {
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

/// A mask in the making: at each voxel the label whose probability is the largest multiple of its cut so far. Labels come
/// one after the other, so that only one probability volume is ever held.
pub struct LabelFusion {
    restorer: InverseResampler,
    best: Vec<f32>,
    winner: Vec<u16>,
}

impl LabelFusion {
    pub fn new(frame: &WorkingGrid) -> Result<Self> {
        let restorer = InverseResampler::new(frame);
        let len = restorer.axes.iter().map(Vec::len).product();
        Ok(Self { restorer, best: memory::filled(len, 1.0)?, winner: memory::zeros(len)? })
    }

    /// Enters a label by its probabilities on the working grid, and on that of a box, which counts the more the farther
    /// from its faces. Returns them on the image's grid where they are wanted.
    pub fn enter(
        &mut self,
        label: u16,
        coarse: &Cube,
        fine: Option<&(WorkingGrid, Cube)>,
        wanted: bool,
    ) -> Result<Option<Vec<f32>>> {
        let restorer = &self.restorer;
        let cut = threshold(fine.map_or(coarse, |(_, closer)| closer));
        let [nx, ny, _] = restorer.axes.each_ref().map(Vec::len);
        let plane = (nx * ny).max(1);
        let fine = fine.map(|(frame, cube)| (InverseResampler::new(frame), cube));
        let mut all = if wanted { memory::zeros(self.best.len())? } else { Vec::new() };
        let mut kept: Vec<Option<&mut [f32]>> = if wanted {
            all.chunks_mut(plane).map(Some).collect()
        } else {
            (0..self.best.len().div_ceil(plane)).map(|_| None).collect()
        };
        let planes = self.best.par_chunks_mut(plane).zip(self.winner.par_chunks_mut(plane));
        planes.zip(kept.par_iter_mut()).enumerate().for_each(|(z, ((best, winner), kept))| {
            let (mut line, mut row) = (vec![0.0; restorer.side], vec![0.0; nx]);
            for (y, (best, winner)) in best.chunks_mut(nx).zip(winner.chunks_mut(nx)).enumerate() {
                row.fill(0.0);
                let mut above = false;
                if restorer.line(coarse, y, z, &mut line) {
                    // Interpolation never exceeds what it interpolates: most rows are settled here.
                    above = line.iter().any(|&p| p > cut);
                    if above || wanted || fine.is_some() {
                        restorer.spread(&line, |x, p| row[x] = p);
                    }
                }
                if let Some((closer, cube)) = &fine
                    && closer.line(cube, y, z, &mut line)
                {
                    above = true;
                    let weight = closer.inwards(1, y) * closer.inwards(2, z);
                    closer.spread(&line, |x, p| row[x] += (p - row[x]) * weight * closer.inwards(0, x));
                }
                if let Some(kept) = kept {
                    kept[y * nx..][..nx].copy_from_slice(&row);
                }
                if above {
                    for (&p, (best, winner)) in row.iter().zip(best.iter_mut().zip(winner)) {
                        if p > *best * cut {
                            (*best, *winner) = (p / cut, label);
                        }
                    }
                }
            }
        });
        Ok(wanted.then_some(all))
    }

    /// The label of each voxel, 0 where none is above the cut.
    pub fn winner(self) -> Vec<u16> {
        self.winner
    }
}

/// The probability that the network's output y stands for, p = y² / (y² + (1 − y)²) on y clamped to [0, 1]: the
/// inverse of what its training loss makes of a probability. One half stays one half.
pub fn probability(mut output: Cube) -> Cube {
    for value in &mut output.voxels {
        let y = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        *value = y * y / (y * y + (1.0 - y) * (1.0 - y));
    }
    output
}

/// Where to cut a structure's probabilities so that the mask is expected to have the largest Dice: the c for which
/// 2 Σ p (over p > c) / (number of p > c + Σ p) is largest, if that is below one half. Where the network is unsure, cutting at
/// one half makes masks too small. A structure that is nowhere more likely than not is not made up: one half again.
pub fn threshold(probabilities: &Cube) -> f32 {
    // Voxels with a probability from n steps on, and the sum of theirs.
    let mut counted = [(0.0, 0.0); CUTS + 1];
    for &p in &probabilities.voxels {
        let (count, sum) = &mut counted[(p * CUTS as f32) as usize];
        *count += 1.0;
        *sum += f64::from(p);
    }
    let at = |n: usize| n as f32 / CUTS as f32;
    let likely = (0..=CUTS).filter(|&n| at(n) >= UNLIKELY);
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
    use imaging::Grid;

    #[test]
    fn a_closer_look_wins_inside_its_box_and_gives_way_at_its_faces() {
        let grid = Grid { shape: [32, 32, 32], world_from_voxel: Default::default() };
        let whole = WorkingGrid::around(&grid, [0..32, 0..32, 0..32], 16);
        let closer = whole.moved([0.0; 3], [0.5; 3]);
        let full = |value: f32| Cube { side: 16, voxels: vec![value; 16 * 16 * 16] };
        let mut contest = LabelFusion::new(&whole).unwrap();
        let found = contest.enter(7, &full(0.0), Some(&(closer, full(1.0))), true).unwrap().unwrap();
        let at = |x: usize| found[grid.index([x, 16, 16])];
        assert_eq!([at(7), at(16), at(24)], [0.0, 1.0, 0.0], "the box reaches from 8 to 24");
        assert!(at(8) < 0.5 && at(9) > 0.5, "{} {}", at(8), at(9));
        let winner = contest.winner();
        assert_eq!([0, 8, 16, 23, 31].map(|x| winner[grid.index([x, 16, 16])]), [0, 0, 7, 0, 0]);
    }

    #[test]
    fn a_mask_is_cut_where_its_dice_is_expected_to_be_largest() {
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
    fn of_two_labels_the_one_farther_above_its_cut_wins() {
        let grid = Grid { shape: [8, 8, 8], world_from_voxel: Default::default() };
        let whole = WorkingGrid::around(&grid, [0..8, 0..8, 0..8], 8);
        let full = |value: f32| Cube { side: 8, voxels: vec![value; 512] };
        let mut contest = LabelFusion::new(&whole).unwrap();
        contest.enter(1, &full(0.6), None, false).unwrap();
        contest.enter(2, &full(0.4), None, false).unwrap();
        contest.enter(3, &full(0.7), None, false).unwrap();
        // Unsure nearly everywhere, so cut at 0.25: 0.4 is farther above that than 0.7 is above one half.
        let mut unsure = full(0.2505);
        (unsure.voxels[0], unsure.voxels[511]) = (1.0, 0.4);
        contest.enter(4, &unsure, None, false).unwrap();
        let winner = contest.winner();
        assert_eq!((winner[100], winner[511]), (3, 4));
    }
}
