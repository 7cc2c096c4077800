//! Scale-and-shift registration: moves an example's working grid so that it shows the same part of the body as the
//! target's, with the shift and the scale along each axis that maximise the correlation of both images.
//!
//! Foreground boxes alone place structures differently (a longer neck in one scan shifts and shrinks the whole head),
//! and the weights rely on position. On whole heads this registration doubled the Dice of the first weights
//! (`engine/BENCHMARKS.md`).

use super::working_grid::{WorkingGrid, cube_index};
use imaging::Cube;
use imaging::Result;
use imaging::statistics::Sums;
use rayon::prelude::*;

/// Margin around the example's own grid in which it is sampled, as a part of the grid's side.
const MARGIN: f64 = 0.25;
/// Every nth working voxel along each axis is compared.
const STRIDE: usize = 2;
/// First and last step size of the search: for shifts as a part of the side, for scales in the natural logarithm.
const STEPS: [f64; 2] = [0.08, 0.005];
/// Images whose best correlation is below this have too little in common for an alignment.
const MIN_CORRELATION: f64 = 0.3;
/// Fraction of the target that the example must overlap.
const OVERLAP: f64 = 0.5;

/// A shift and scale of an example's working grid relative to its own.
#[derive(Clone, Copy, Default)]
struct Pose {
    /// As a part of the side.
    shift: [f64; 3],
    /// Natural logarithm of the scale.
    scale: [f64; 3],
}

/// The search directions: the change of the pose by one unit step.
const MOVES: [Pose; 7] = {
    const fn shift(x: f64, y: f64, z: f64) -> Pose {
        Pose { shift: [x, y, z], scale: [0.0; 3] }
    }
    const fn scale(x: f64, y: f64, z: f64) -> Pose {
        Pose { shift: [0.0; 3], scale: [x, y, z] }
    }
    [
        shift(1.0, 0.0, 0.0),
        shift(0.0, 1.0, 0.0),
        shift(0.0, 0.0, 1.0),
        scale(1.0, 1.0, 1.0),
        scale(1.0, 0.0, 0.0),
        scale(0.0, 1.0, 0.0),
        scale(0.0, 0.0, 1.0),
    ]
};

impl Pose {
    fn moved(&self, by: &Self, step: f64) -> Self {
        let add = |a: [f64; 3], b: [f64; 3]| std::array::from_fn(|i| a[i] + b[i] * step);
        Self { shift: add(self.shift, by.shift), scale: add(self.scale, by.scale) }
    }
}

/// The target, the fixed image of the registration.
pub struct Fixed<'a> {
    /// Its working grid.
    pub frame: &'a WorkingGrid,
    /// The target resampled on it, intensities from 0 to 1.
    pub cube: &'a Cube,
}

/// The result of [`aligned`].
pub struct Alignment {
    /// The working grid in the example's image.
    pub frame: WorkingGrid,
    /// Whether the correlation suffices for an alignment; if not, `frame` is the example's own working grid.
    pub found: bool,
}

/// The working grid `frame` of an example, shifted and scaled to show what `target` shows. `image` returns the example
/// on a working grid, intensities from 0 to 1. The result is the same for any number of threads.
///
/// # Errors
/// The errors of `image`.
pub fn aligned(
    frame: &WorkingGrid,
    image: impl FnOnce(&WorkingGrid) -> Result<Cube>,
    target: &Fixed,
) -> Result<Alignment> {
    let wide = frame.moved([0.0; 3], [1.0 + 2.0 * MARGIN; 3]);
    let search = Search { cube: image(&wide)?, wide, target };
    let mut pose = Pose::default();
    let mut best = search.correlation(&pose);
    let mut step = STEPS[0];
    while step >= STEPS[1] {
        let before = best;
        for (by, step) in MOVES.iter().flat_map(|by| [(by, step), (by, -step)]) {
            let next = pose.moved(by, step);
            let correlation = search.correlation(&next);
            if correlation > best {
                (pose, best) = (next, correlation);
            }
        }
        if best == before {
            step /= 2.0;
        }
    }
    let found = best >= MIN_CORRELATION;
    let frame = if found { frame.moved(pose.shift, pose.scale.map(f64::exp)) } else { frame.clone() };
    Ok(Alignment { frame, found })
}

struct Search<'a> {
    /// The example's own working grid with a margin.
    wide: WorkingGrid,
    cube: Cube,
    target: &'a Fixed<'a>,
}

impl Search<'_> {
    /// Pearson's correlation with the example at a pose, over the overlap of both images; −1 if the overlap is too
    /// small.
    fn correlation(&self, pose: &Pose) -> f64 {
        let [xs, ys, zs] = [0, 1, 2].map(|axis| self.places(pose, axis));
        let (here, there) = (self.target.cube, &self.cube);
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let plane = |&(x, (i, u)): &Place| {
            let mut sums = Sums::default();
            for &(y, (j, v)) in &ys {
                for &(z, (k, w)) in &zs {
                    let at = |x, y, z| there.voxels[cube_index(there.side, [x, y, z])];
                    let row = |x, y| mix(at(x, y, k), at(x, y, k + 1), w);
                    let theirs =
                        mix(mix(row(i, j), row(i, j + 1), v), mix(row(i + 1, j), row(i + 1, j + 1), v), u);
                    sums.add(here.voxels[cube_index(here.side, [x, y, z])].into(), theirs.into());
                }
            }
            sums
        };
        // Sums planes in a fixed order, so that the result does not depend on the threads.
        let planes: Vec<Sums> = xs.par_iter().map(plane).collect();
        let mut all = Sums::default();
        planes.iter().for_each(|plane| all.join(plane));
        let covered = |axis| self.compared(axis).count() as f64;
        if all.count() < OVERLAP * covered(0) * covered(1) * covered(2) { -1.0 } else { all.correlation() }
    }

    /// The compared working voxels along an axis that the target's image covers.
    fn compared(&self, axis: usize) -> impl Iterator<Item = usize> {
        let Fixed { frame, .. } = *self.target;
        (0..frame.side).step_by(STRIDE).filter(move |&i| frame.covers(axis, i as f64))
    }

    /// Those that the example covers too at this pose, each with the preceding voxel of the example and the fraction of
    /// the way to the next.
    fn places(&self, pose: &Pose, axis: usize) -> Vec<Place> {
        let (side, wide) = (self.target.frame.side as f64, self.cube.side as f64);
        let scale = pose.scale[axis].exp();
        let place = |i: usize| {
            let from_middle = ((i as f64 + 0.5) / side - 0.5) * scale + pose.shift[axis];
            let at = (from_middle / (1.0 + 2.0 * MARGIN) + 0.5) * wide - 0.5;
            let inside = at >= 0.0 && at < wide - 1.0 && self.wide.covers(axis, at);
            inside.then_some((i, (at as usize, at.fract() as f32)))
        };
        self.compared(axis).filter_map(place).collect()
    }
}

/// A working voxel of the target with the position in the example that it is compared with.
type Place = (usize, (usize, f32));

#[cfg(test)]
mod tests {
    use super::*;
    use glam::{DAffine3, DVec3};
    use imaging::{Grid, Volume};

    /// A lopsided blob around `centre` (mm), larger by `scale`, in an image of 3 mm voxels.
    fn blob(centre: DVec3, scale: f64) -> Volume {
        let grid = Grid { shape: [40, 44, 36], world_from_voxel: DAffine3::from_scale(DVec3::splat(3.0)) };
        let value = |at: usize| {
            let voxel = [at % 40, at / 40 % 44, at / 1760].map(|v| v as f64);
            let p = (grid.world_from_voxel.transform_point3(DVec3::from_array(voxel)) - centre) / scale;
            let part = |q: DVec3, size: f64| (-((p - q) / size).length_squared()).exp();
            (part(DVec3::ZERO, 24.0) + part(DVec3::new(15.0, 20.0, -8.0), 9.0)) as f32
        };
        Volume { grid, voxels: (0..grid.len()).map(value).collect() }
    }

    #[test]
    fn a_shifted_and_enlarged_body_is_found() {
        let side = 24;
        let target = blob(DVec3::new(60.0, 66.0, 54.0), 1.0);
        let example = blob(DVec3::new(69.0, 60.0, 57.0), 1.15);
        let frame = WorkingGrid::around_foreground(&target, side).unwrap();
        let cube = frame.image(&target, [0.0, 1.5]).unwrap();
        let own = frame.clone();
        let fixed = Fixed { frame: &frame, cube: &cube };
        let Alignment { frame: found, .. } =
            aligned(&own, |wide| wide.image(&example, [0.0, 1.5]), &fixed).unwrap();
        let difference = |frame: &WorkingGrid| -> f32 {
            let resampled = frame.image(&example, [0.0, 1.5]).unwrap();
            resampled.voxels.iter().zip(&cube.voxels).map(|(a, b)| (a - b).abs()).sum::<f32>()
        };
        assert!(difference(&found) < 0.15 * difference(&own), "{} {}", difference(&found), difference(&own));
    }
}
