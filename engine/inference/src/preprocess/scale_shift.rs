//! Lays an example's working grid so that it shows the same part of the body as the target's: the shift and the scale
//! along each axis at which both images correlate best.
//!
//! Boxes alone put structures at different places (a neck that is longer in one scan shifts and shrinks the whole
//! head), and weights trust position. On whole heads this doubled the Dice of the first weights (`engine/BENCHMARKS.md`).

use super::working_grid::{WorkingGrid, cube_index};
use imaging::Cube;
use imaging::Result;
use imaging::statistics::Sums;
use rayon::prelude::*;

/// Part of the working grid's side that the example is known beyond its own grid, on each side.
const AROUND: f64 = 0.25;
/// Every nth working voxel along each axis is compared.
const STRIDE: usize = 2;
/// First and last step of the search: shifts as a part of the side, scales as an exponent.
const STEPS: [f64; 2] = [0.08, 0.005];
/// Images that correlate less than this at best show too little in common to say where they belong.
const LEAST: f64 = 0.3;
/// Least part of the target that the example must overlap.
const OVERLAP: f64 = 0.5;

/// Where an example is seen relative to its own frame.
#[derive(Clone, Copy, Default)]
struct Pose {
    /// As a part of the side.
    shift: [f64; 3],
    /// Natural logarithm of the scale.
    scale: [f64; 3],
}

/// A search direction: what changes of the pose by one step.
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

/// The target as it lies on its working grid.
pub struct Fixed<'a> {
    /// Its working grid.
    pub frame: &'a WorkingGrid,
    /// What the network sees of it.
    pub cube: &'a Cube,
}

/// Where an example shows what a target shows.
pub struct Alignment {
    /// The example's working grid.
    pub frame: WorkingGrid,
    /// Whether they correlate enough to say that it belongs there; if not, the frame is the example's own.
    pub found: bool,
}

/// `frame` of an example, moved and scaled to show what `target` shows; `image` gives the example on a working grid,
/// intensities from 0 to 1. The same for any number of threads.
///
/// # Errors
/// What `image` returns.
pub fn aligned(
    frame: &WorkingGrid,
    image: impl FnOnce(&WorkingGrid) -> Result<Cube>,
    target: &Fixed,
) -> Result<Alignment> {
    let wide = frame.moved([0.0; 3], [1.0 + 2.0 * AROUND; 3]);
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
    let found = best >= LEAST;
    let frame = if found { frame.moved(pose.shift, pose.scale.map(f64::exp)) } else { frame.clone() };
    Ok(Alignment { frame, found })
}

struct Search<'a> {
    /// The example on a larger grid than its own.
    wide: WorkingGrid,
    cube: Cube,
    target: &'a Fixed<'a>,
}

impl Search<'_> {
    /// Pearson's correlation with the example seen at a pose, over what both images cover; −1 where that is too little.
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
        // Planes are added up in their order, whichever is done first.
        let planes: Vec<Sums> = xs.par_iter().map(plane).collect();
        let mut all = Sums::default();
        planes.iter().for_each(|plane| all.join(plane));
        let covered = |axis| self.compared(axis).count() as f64;
        if all.count() < OVERLAP * covered(0) * covered(1) * covered(2) { -1.0 } else { all.correlation() }
    }

    /// Working positions along an axis that the target's image covers.
    fn compared(&self, axis: usize) -> impl Iterator<Item = usize> {
        let Fixed { frame, .. } = *self.target;
        (0..frame.side).step_by(STRIDE).filter(move |&i| frame.covers(axis, i as f64))
    }

    /// Those that the example covers too at this pose, each with the example's voxel before it and the part of the
    /// way to the next.
    fn places(&self, pose: &Pose, axis: usize) -> Vec<Place> {
        let (side, wide) = (self.target.frame.side as f64, self.cube.side as f64);
        let scale = pose.scale[axis].exp();
        let place = |i: usize| {
            let from_middle = ((i as f64 + 0.5) / side - 0.5) * scale + pose.shift[axis];
            let at = (from_middle / (1.0 + 2.0 * AROUND) + 0.5) * wide - 0.5;
            let inside = at >= 0.0 && at < wide - 1.0 && self.wide.covers(axis, at);
            inside.then_some((i, (at as usize, at.fract() as f32)))
        };
        self.compared(axis).filter_map(place).collect()
    }
}

/// A working position of the target with the place in the example that it is compared with.
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
            let seen = frame.image(&example, [0.0, 1.5]).unwrap();
            seen.voxels.iter().zip(&cube.voxels).map(|(a, b)| (a - b).abs()).sum::<f32>()
        };
        assert!(difference(&found) < 0.15 * difference(&own), "{} {}", difference(&found), difference(&own));
    }
}
