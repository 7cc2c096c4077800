//! Label propagation without a network: the examples' labels aligned with the target by centre and spread of the bright
//! voxels.

use imaging::statistics::{Sums, otsu};
use imaging::{LabelMap, Result, Volume, memory};
use inference::pipeline::Example;
use inference::preprocess::Reorientation;
use rayon::prelude::*;

/// The distribution of an image's bright voxels, above Otsu's threshold, in RAS axis order.
struct Bright {
    orientation: Reorientation,
    /// Centre and standard deviation along each axis, in voxels.
    center: [f64; 3],
    spread: [f64; 3],
}

impl Bright {
    fn of(image: &Volume) -> Self {
        let orientation = Reorientation::of(&image.grid);
        let threshold = otsu(&[&image.voxels]).unwrap_or(f32::NEG_INFINITY);
        let value = orientation.ras_view(&image.voxels);
        let [nx, ny, nz] = orientation.shape();
        let plane = |z: usize| {
            let (mut n, mut sums) = (0.0, [[0.0; 2]; 3]);
            for voxel in (0..nx * ny).map(|at| [at % nx, at / nx, z]).filter(|&at| value(at) > threshold) {
                n += 1.0;
                for (sums, at) in sums.iter_mut().zip(voxel) {
                    *sums = [sums[0] + at as f64, sums[1] + (at * at) as f64];
                }
            }
            (n, sums)
        };
        let planes: Vec<_> = (0..nz).into_par_iter().map(plane).collect();
        let n: f64 = planes.iter().map(|(n, _)| n).sum();
        let mean = |axis: usize, power: usize| planes.iter().map(|(_, s)| s[axis][power]).sum::<f64>() / n;
        let center = std::array::from_fn(|axis| mean(axis, 0));
        let spread =
            std::array::from_fn(|axis| (mean(axis, 1) - center[axis].powi(2)).sqrt().max(f64::EPSILON));
        Self { orientation, center, spread }
    }
}

/// An example prepared for label propagation.
pub struct Placed<'a> {
    example: &'a Example<LabelMap>,
    bright: Bright,
}

impl<'a> Placed<'a> {
    /// Computes the distribution of its bright voxels.
    pub fn new(example: &'a Example<LabelMap>) -> Self {
        Self { example, bright: Bright::of(&example.image.volume) }
    }

    /// The voxel of the example that corresponds to a voxel of the target, both in RAS axis order; `None` outside.
    fn corresponding(&self, target: &Bright, voxel: [usize; 3]) -> Option<[usize; 3]> {
        let (ours, shape) = (&self.bright, self.bright.orientation.shape());
        let place: [f64; 3] = std::array::from_fn(|axis| {
            let relative = (voxel[axis] as f64 - target.center[axis]) / target.spread[axis];
            (relative * ours.spread[axis] + ours.center[axis]).round()
        });
        let inside = (0..3).all(|axis| place[axis] >= 0.0 && place[axis] < shape[axis] as f64);
        inside.then(|| place.map(|place| place as usize))
    }
}

/// The majority vote of the examples' labels.
///
/// # Errors
/// [`imaging::Error::Memory`].
pub fn floor(target: &Volume, examples: &[Placed]) -> Result<LabelMap> {
    let target_bright = Bright::of(target);
    let labels: Vec<_> =
        examples.iter().map(|e| e.bright.orientation.ras_view(&e.example.label.voxels)).collect();
    let [nx, ny, _] = target_bright.orientation.shape();
    let mut voxels: Vec<u16> = memory::zeros(target.grid.len())?;
    voxels.par_chunks_mut((nx * ny).max(1)).enumerate().for_each(|(z, plane)| {
        let mut votes = vec![0; examples.len()];
        for (at, voxel) in plane.iter_mut().enumerate() {
            for ((vote, example), label) in votes.iter_mut().zip(examples).zip(&labels) {
                // Voxels outside an example count as background.
                *vote = example.corresponding(&target_bright, [at % nx, at / nx, z]).map_or(0, label);
            }
            *voxel = majority(&mut votes);
        }
    });
    Ok(LabelMap { grid: target.grid, voxels: target_bright.orientation.from_ras(&voxels)? })
}

/// The label above 0 with the most votes, the highest of equals, if it has more votes than the background; otherwise 0.
fn majority(votes: &mut [u16]) -> u16 {
    votes.sort_unstable();
    let background = votes.partition_point(|&vote| vote == 0);
    let most = votes[background..].chunk_by(|a, b| a == b).max_by_key(|same| same.len());
    most.filter(|same| same.len() > background).map_or(0, |same| same[0])
}

/// The labels of the example whose aligned image correlates best with the target.
///
/// # Errors
/// [`imaging::Error::Memory`].
pub fn nearest(target: &Volume, examples: &[Placed]) -> Result<LabelMap> {
    let bright = Bright::of(target);
    let correlations: Vec<f64> =
        examples.iter().map(|example| correlation((target, &bright), example)).collect();
    let best = (0..correlations.len()).max_by(|&a, &b| correlations[a].total_cmp(&correlations[b]));
    floor(target, best.map_or(&[], |best| &examples[best..=best]))
}

/// Pearson's correlation of corresponding voxels; 0 if either image is constant.
fn correlation((target, bright): (&Volume, &Bright), example: &Placed) -> f64 {
    let ours = bright.orientation.ras_view(&target.voxels);
    let theirs = example.bright.orientation.ras_view(&example.example.image.volume.voxels);
    let [nx, ny, nz] = bright.orientation.shape();
    let plane = |z: usize| {
        let mut sums = Sums::default();
        for voxel in (0..nx * ny).map(|at| [at % nx, at / nx, z]) {
            if let Some(there) = example.corresponding(bright, voxel) {
                sums.add(ours(voxel).into(), theirs(there).into());
            }
        }
        sums
    };
    let planes: Vec<Sums> = (0..nz).into_par_iter().map(plane).collect();
    let mut all = Sums::default();
    planes.iter().for_each(|plane| all.join(plane));
    all.correlation()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_votes_win_and_background_wins_ties() {
        let majority = |votes: &[u16]| majority(&mut votes.to_vec());
        assert_eq!(majority(&[3, 0, 3, 65_535]), 3);
        assert_eq!(majority(&[7, 2, 0]), 0, "one vote each");
        assert_eq!(majority(&[7, 2, 7, 2, 0]), 7);
        assert_eq!(majority(&[0, 5]), 0);
        assert_eq!(majority(&[65_535]), 65_535);
        assert_eq!(majority(&[]), 0);
    }
}
