//! Step 1: one image resampled to its working grid.

use super::content::content;
use super::{NamedImage, PreprocessingRecord};
use crate::preprocess::partial_volume::PartialVolume;
use crate::preprocess::{Reorientation, Visible, WorkingGrid};
use imaging::{Cube, Grid, Result};
use std::sync::Arc;

/// An image with everything that depends on it alone. Cheap to clone.
#[derive(Clone)]
pub struct Prepared {
    pub(super) image: NamedImage,
    pub(super) content: Arc<PreparedContent>,
}

/// What depends on the voxels, the grid and the side alone, not on the image's name. The voxels themselves stay with
/// the image, so that a cache does not keep them.
pub(super) struct PreparedContent {
    /// See [`content`].
    pub key: u128,
    pub orientation: Reorientation,
    pub visible: Visible,
    /// The working grid around the foreground.
    pub working: WorkingGrid,
    /// The image's grid with axes in RAS order.
    pub grid: Grid,
    /// Intensities that become 0 and 1.
    pub intensity: [f32; 2],
    pub cube: Cube,
}

/// Prepares an image: axes in RAS order, visible voxels, the box of the foreground, a working grid of `side`³ voxels
/// around it, and intensities scaled so that the 2nd and 98th percentile in the box become 0 and 1.
///
/// `side` is the side of the grid that the weights were trained on; see [`super::working_side`].
///
/// # Errors
/// [`imaging::Error::Memory`].
pub fn prepare(image: &NamedImage, side: usize) -> Result<Prepared> {
    Prepared::of(image, side, content(&image.volume, side))
}

impl Prepared {
    /// As [`prepare()`], for an image whose content has the cache key `key`.
    pub(super) fn of(image: &NamedImage, side: usize, key: u128) -> Result<Self> {
        let orientation = Reorientation::of(&image.volume.grid);
        let mut ras = orientation.image_to_ras(&image.volume)?;
        let visible = Visible::of(&ras)?;
        visible.apply(&mut ras);
        let working = WorkingGrid::around_foreground(&ras, side)?;
        let intensity = working.intensity_range(&ras)?;
        let cube = working.image(&ras, intensity)?;
        let content = PreparedContent { key, orientation, visible, working, grid: ras.grid, intensity, cube };
        Ok(Self { image: image.clone(), content: Arc::new(content) })
    }

    /// The image as it was given, in its stored axis order.
    pub fn image(&self) -> &NamedImage {
        &self.image
    }

    /// The working grid in the image, whose axes are in RAS order.
    pub fn working_grid(&self) -> &WorkingGrid {
        &self.content.working
    }

    /// The image on its working grid, from 0 to 1, in the network's axis order
    /// ([`crate::preprocess::working_grid::cube_index`]).
    pub fn cube(&self) -> &Cube {
        &self.content.cube
    }

    /// The image resampled on another working grid that lies in it.
    ///
    /// # Errors
    /// [`imaging::Error::Memory`].
    pub fn on(&self, working: &WorkingGrid) -> Result<Cube> {
        let PreparedContent { orientation, visible, intensity, .. } = &*self.content;
        let voxel = orientation.ras_view(&self.image.volume.voxels);
        working.image_of(|at| visible.value(voxel(at)), *intensity)
    }

    /// Warnings about the image, each with its name.
    pub fn notes(&self) -> Vec<String> {
        let constant = self.content.intensity[0] >= self.content.intensity[1];
        let constant =
            constant.then(|| "the image is constant, so there is nothing to see in it.".to_owned());
        let notes = self.content.visible.notes().chain(constant).chain(self.image.warnings.iter().cloned());
        notes.map(|note| format!("{}: {note}", self.image.name)).collect()
    }

    /// The preprocessing record for the report.
    pub fn record(&self) -> PreprocessingRecord {
        let PreparedContent { working, intensity, .. } = &*self.content;
        PreprocessingRecord {
            name: self.image.name.clone(),
            orientation: self.image.volume.grid.orientation(),
            box_voxels: [
                working.within.each_ref().map(|e| e.start),
                working.within.each_ref().map(|e| e.end),
            ],
            working_voxel_mm: working.voxel_mm,
            intensity: *intensity,
            mean_displacement_mm: None,
        }
    }

    /// The fraction of an example's structure that lies inside the visible extent of this image, according to the
    /// example's working grid. `voxels` is the structure's size in the example.
    pub(super) fn shows(&self, example: &WorkingGrid, structure: &PartialVolume, voxels: usize) -> f64 {
        let PreparedContent { working, visible, .. } = &*self.content;
        let inside =
            |at: [usize; 3]| (0..3).all(|axis| working.lies_in(&visible.extent[axis], axis, at[axis] as f64));
        let shown: f64 =
            structure.patch.places().filter(|(at, _)| inside(*at)).map(|(_, part)| f64::from(part)).sum();
        shown / (voxels as f64 * example.working_per_voxel())
    }
}
