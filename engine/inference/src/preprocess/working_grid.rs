//! The working grid in an image, and the axis order of the network's input.

use super::foreground::{Extent, foreground};
use super::resample::{Patch, Tap, reach, resample, taps};
use glam::DAffine3;
use imaging::Cube;
use imaging::filter::LabelCube;
use imaging::statistics::quantiles;
use imaging::{Grid, LabelMap, Result, Volume, memory};
use rayon::prelude::*;
use std::ops::Range;

/// Least side of a box around a structure in millimetres, in training and in refinement.
pub const LEAST_BOX_MM: f64 = 48.0;

/// The working grid of one image: `side`³ isotropic voxels around a box of the image, whose longest side it fills.
/// [`WorkingGrid::moved`] shifts and scales it. Its axes are those of the image in RAS axis order.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkingGrid {
    /// Voxels along each side.
    pub side: usize,
    /// Sides of a working voxel along x, y, z, in millimetres.
    pub voxel_mm: [f64; 3],
    /// The box that the grid was placed around, in image voxels.
    pub within: Extent,
    /// Position of the first working voxel along each axis, in image voxels.
    start: [f64; 3],
    /// Image voxels to one working voxel along each axis.
    step: [f64; 3],
    /// Shape of the image.
    shape: [usize; 3],
}

impl WorkingGrid {
    /// A grid around the foreground of an image in RAS axis order.
    pub fn around_foreground(image: &Volume, side: usize) -> Result<Self> {
        Ok(Self::around(&image.grid, foreground(image)?, side))
    }

    /// A grid around a box of an image on `grid`, in RAS axis order.
    pub fn around(grid: &Grid, within: Extent, side: usize) -> Self {
        // A degenerate affine has no voxel size; 1 mm keeps the image usable.
        let spacing = grid.spacing_mm().map(|s| if s.is_finite() && s > 0.0 { s } else { 1.0 });
        let size_mm: [f64; 3] = std::array::from_fn(|a| within[a].len() as f64 * spacing[a]);
        let voxel_mm = size_mm.into_iter().fold(0.0, f64::max) / side as f64;
        let step = spacing.map(|s| voxel_mm / s);
        let start = std::array::from_fn(|a| {
            let middle = (within[a].start + within[a].end) as f64 / 2.0 - 0.5;
            middle - (side as f64 - 1.0) / 2.0 * step[a]
        });
        Self { side, voxel_mm: [voxel_mm; 3], within, start, step, shape: grid.shape }
    }

    /// The grid shifted by fractions of its side and scaled about its centre, along each axis.
    pub fn moved(&self, shift: [f64; 3], scale: [f64; 3]) -> Self {
        let last = self.side as f64 - 1.0;
        let step: [f64; 3] = std::array::from_fn(|a| self.step[a] * scale[a]);
        let start = std::array::from_fn(|a| {
            let middle = last / 2.0 + shift[a] * self.side as f64;
            self.start[a] + middle * self.step[a] - last / 2.0 * step[a]
        });
        let voxel_mm = std::array::from_fn(|a| self.voxel_mm[a] * scale[a]);
        Self { start, step, voxel_mm, ..self.clone() }
    }

    /// Whether position `at` along an axis, in working voxels, lies inside the image.
    pub fn covers(&self, axis: usize, at: f64) -> bool {
        self.lies_in(&(0..self.shape[axis]), axis, at)
    }

    /// Whether position `at` along an axis, in working voxels, lies inside these voxels of the image.
    pub fn lies_in(&self, voxels: &Range<usize>, axis: usize, at: f64) -> bool {
        let voxel = self.start[axis] + at * self.step[axis];
        voxel >= voxels.start as f64 - 0.5 && voxel <= voxels.end as f64 - 0.5
    }

    /// Working voxels to one voxel of the image.
    pub fn working_per_voxel(&self) -> f64 {
        self.step.iter().product::<f64>().recip()
    }

    /// Maps positions on the working grid to the world, in millimetres; `grid` is that of the image, in RAS axis order.
    pub fn world_from_working(&self, grid: &Grid) -> DAffine3 {
        let image = DAffine3::from_translation(self.start.into()) * DAffine3::from_scale(self.step.into());
        grid.world_from_voxel * image
    }

    /// The resampling taps of each axis.
    pub fn taps(&self) -> [Vec<Tap>; 3] {
        std::array::from_fn(|a| taps(self.shape[a], self.start[a], self.step[a], self.side))
    }

    /// The foreground box of an image in RAS axis order, and the intensities that become 0 and 1.
    pub fn body(image: &Volume) -> Result<(Extent, [f32; 2])> {
        // The side does not matter for either.
        let grid = Self::around_foreground(image, 16)?;
        let range = grid.intensity_range(image)?;
        Ok((grid.within, range))
    }

    /// The 2nd and 98th percentile inside the box of an image (on the grid that the working grid was made for).
    pub fn intensity_range(&self, image: &Volume) -> Result<[f32; 2]> {
        let [xs, ys, zs] = self.within.clone();
        let start = |(y, z)| image.grid.index([xs.start, y, z]);
        let rows = zs.flat_map(|z| ys.clone().map(move |y| (y, z)));
        let rows = memory::collect(rows.map(|row| &image.voxels[start(row)..][..xs.len()]))?;
        Ok(quantiles(&rows, [0.02, 0.98]))
    }

    /// Scales an image (on the grid that the working grid was made for) from its intensity `range` to [0, 1], clamps it
    /// and resamples it. The cube is in the network's axis order; see [`cube_index`].
    pub fn image(&self, image: &Volume, range: [f32; 2]) -> Result<Cube> {
        self.image_of(|voxel| image.voxels[image.grid.index(voxel)], range)
    }

    /// As [`WorkingGrid::image`], for an image that `read` returns by voxel [x, y, z] in RAS axis order.
    pub fn image_of(&self, read: impl Fn([usize; 3]) -> f32 + Sync, range: [f32; 2]) -> Result<Cube> {
        let scale = 1.0 / (range[1] - range[0]).max(f32::MIN_POSITIVE);
        let scaled = |voxel| ((read(voxel) - range[0]) * scale).clamp(0.0, 1.0);
        let taps = self.taps();
        let within = taps.each_ref().map(|axis| reach(axis));
        cube(self.side, &resample(&within, &taps, scaled)?)
    }

    /// The label nearest to each working voxel, 0 outside; the map lies on the grid that the working grid was made for.
    pub fn nearest(&self, labels: &LabelMap) -> LabelCube {
        let axes: [Vec<Option<usize>>; 3] = std::array::from_fn(|axis| {
            let voxel = |at: usize| (self.start[axis] + at as f64 * self.step[axis]).round();
            let inside =
                |voxel: f64| (0.0..self.shape[axis] as f64).contains(&voxel).then_some(voxel as usize);
            (0..self.side).map(|at| inside(voxel(at))).collect()
        });
        let value = |at: usize| {
            let [z, y, x] = [at % self.side, at / self.side % self.side, at / self.side.pow(2)];
            let voxel = [axes[0][x]?, axes[1][y]?, axes[2][z]?];
            Some(labels.voxels[labels.grid.index(voxel)])
        };
        let voxels = (0..self.side.pow(3)).into_par_iter().map(|at| value(at).unwrap_or(0));
        LabelCube { side: self.side, voxels: voxels.collect() }
    }

    /// For each voxel of the image along one axis: the preceding working voxel and the fraction of the way to the
    /// next; `None` outside the outer faces of the working grid.
    pub fn back(&self, axis: usize) -> Vec<Option<(usize, f32)>> {
        let last = self.side as f64 - 1.0;
        let place = |i: usize| {
            let at = (i as f64 - self.start[axis]) / self.step[axis];
            let first = (at.clamp(0.0, last) as usize).min(self.side.saturating_sub(2));
            let part = at.clamp(0.0, last) - first as f64;
            (at >= -0.5 && at <= last + 0.5).then_some((first, part as f32))
        };
        (0..self.shape[axis]).map(place).collect()
    }
}

/// Index in a [`Cube`] of the working voxel `[x, y, z]` in RAS axis order.
///
/// The network's weights depend on the axis order. The published weights and the bundled ones were trained on arrays in
/// C order with x (to the right) slowest, as nibabel and NumPy return them, so the tensor's z axis is the anatomical x
/// axis and the reverse. This function is the only place that defines this order: on hippocampus crops the bundled
/// weights lose 0.11 of mean Dice when the axes are exchanged.
pub fn cube_index(side: usize, [x, y, z]: [usize; 3]) -> usize {
    z + side * (y + side * x)
}

/// The whole working grid with a patch in it, in the network's axis order.
pub fn cube(side: usize, patch: &Patch) -> Result<Cube> {
    let mut voxels = memory::zeros(side.pow(3))?;
    patch.places().for_each(|(place, value)| voxels[cube_index(side, place)] = value);
    Ok(Cube { side, voxels })
}
