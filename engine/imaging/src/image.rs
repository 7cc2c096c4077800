//! Voxels on a grid: intensities and labels.

use crate::{Grid, Result, memory};
use bytemuck::Zeroable;
use glam::DVec3;

/// Values on a grid; `voxels` holds `grid.len()` of them, x fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Image<T> {
    /// Where the voxels lie.
    pub grid: Grid,
    /// Their values.
    pub voxels: Vec<T>,
}

/// A scalar image: finite intensities in the units of the file after its scaling.
pub type Volume = Image<f32>;

/// A segmentation: a label value for each voxel, 0 for background.
pub type LabelMap = Image<u16>;

/// A value that images are made of and can be resampled.
pub trait Voxel: Copy + Send + Sync + Zeroable {
    /// What an image of such values is called in a message.
    const IMAGE: &str;

    /// The value of `image` at a position in voxel units, zero outside the grid.
    fn at(image: &Image<Self>, voxel: DVec3) -> Self;
}

impl Voxel for f32 {
    const IMAGE: &str = "image";

    /// Trilinear interpolation; zero more than half a voxel outside the grid.
    fn at(image: &Volume, voxel: DVec3) -> f32 {
        let n = image.grid.shape;
        let inside = (0..3).all(|a| voxel[a] >= -0.5 && voxel[a] <= n[a] as f64 - 0.5);
        if !inside {
            return 0.0;
        }
        let low: [usize; 3] = std::array::from_fn(|a| voxel[a].max(0.0) as usize);
        let part: [f32; 3] = std::array::from_fn(|a| (voxel[a] - low[a] as f64).clamp(0.0, 1.0) as f32);
        let high: [usize; 3] = std::array::from_fn(|a| (low[a] + 1).min(n[a] - 1));
        let at = |x, y, z| image.voxels[image.grid.index([x, y, z])];
        let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
        let row = |y, z| mix(at(low[0], y, z), at(high[0], y, z), part[0]);
        let plane = |z| mix(row(low[1], z), row(high[1], z), part[1]);
        mix(plane(low[2]), plane(high[2]), part[2])
    }
}

impl Voxel for u16 {
    const IMAGE: &str = "label map";

    /// The value of the nearest voxel.
    fn at(image: &LabelMap, voxel: DVec3) -> u16 {
        // Half a voxel is added so that a cast, which goes towards zero, finds the nearest.
        let nearest = (voxel + 0.5).to_array();
        let inside = (0..3).all(|a| nearest[a] >= 0.0 && nearest[a] < image.grid.shape[a] as f64);
        if inside { image.voxels[image.grid.index(nearest.map(|i| i as usize))] } else { 0 }
    }
}

impl<T: Voxel> Image<T> {
    /// The value at a position in voxel units: trilinear for intensities, the nearest for labels, zero outside.
    pub fn sample(&self, voxel: DVec3) -> T {
        T::at(self, voxel)
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
