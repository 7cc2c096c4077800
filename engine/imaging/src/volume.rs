//! Voxels on a grid: intensities and labels.

use crate::{Grid, Result, memory};
use glam::DVec3;

/// A scalar image; `voxels` holds `grid.len()` finite values, x fastest.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Where the voxels lie.
    pub grid: Grid,
    /// Intensities in the units of the file after its scaling.
    pub voxels: Vec<f32>,
}

/// A segmentation; `voxels` holds `grid.len()` label values, x fastest, 0 for background.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelMap {
    /// Where the voxels lie.
    pub grid: Grid,
    /// Label value of each voxel.
    pub voxels: Vec<u16>,
}

impl Volume {
    /// Trilinear interpolation at a position in voxel units; zero more than half a voxel outside the grid.
    pub fn sample(&self, voxel: DVec3) -> f32 {
        let n = self.grid.shape;
        let inside = (0..3).all(|a| voxel[a] >= -0.5 && voxel[a] <= n[a] as f64 - 0.5);
        if !inside {
            return 0.0;
        }
        let low: [usize; 3] = std::array::from_fn(|a| voxel[a].max(0.0) as usize);
        let part: [f32; 3] = std::array::from_fn(|a| (voxel[a] - low[a] as f64).clamp(0.0, 1.0) as f32);
        let high: [usize; 3] = std::array::from_fn(|a| (low[a] + 1).min(n[a] - 1));
        let at = |x, y, z| self.voxels[self.grid.index([x, y, z])];
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let row = |y, z| mix(at(low[0], y, z), at(high[0], y, z), part[0]);
        let plane = |z| mix(row(low[1], z), row(high[1], z), part[1]);
        mix(plane(low[2]), plane(high[2]), part[2])
    }
}

impl LabelMap {
    /// A map of background, or [`crate::Error`].
    pub fn empty(grid: Grid) -> Result<Self> {
        Ok(Self { grid, voxels: memory::zeros(grid.len())? })
    }

    /// Every label value that occurs, ascending, without background, with its number of voxels.
    pub fn counts(&self) -> Vec<(u16, usize)> {
        let mut counts = vec![0usize; usize::from(u16::MAX) + 1];
        for &value in &self.voxels {
            counts[usize::from(value)] += 1;
        }
        let present = counts.into_iter().enumerate().skip(1).filter(|&(_, n)| n > 0);
        present.map(|(value, n)| (value as u16, n)).collect()
    }
}
