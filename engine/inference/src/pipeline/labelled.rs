//! The labels of a registered example on its working grid.

use super::Registered;
use crate::preprocess::Reorientation;
use crate::preprocess::partial_volume::{PartialVolume, partial_volumes_of};
use imaging::{Error, Grid, LabelMap, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A registered example with its structures on its working grid.
pub struct Labelled {
    pub(super) registered: Registered,
    pub(super) labels: Arc<LabelMap>,
    pub(super) orientation: Reorientation,
    /// The structures that intersect the working grid, by label value.
    pub(super) structures: BTreeMap<u16, PartialVolume>,
}

impl Labelled {
    /// Resamples the structures with these `values` of an example's label map to its working grid, as partial volumes:
    /// the fraction of each working voxel that a structure fills. A structure that fills no voxel to one half keeps its
    /// strongest voxel.
    ///
    /// # Errors
    /// [`Error::Geometry`] if the map does not lie on the example's image, and [`Error::Memory`].
    pub fn new(registered: Registered, labels: Arc<LabelMap>, values: &[u16]) -> Result<Self> {
        let image = registered.example().image();
        must_lie_on(&image.name, &image.volume.grid, &labels.grid)?;
        let orientation = Reorientation::of(&labels.grid);
        let ras = orientation.labels_to_ras(&labels)?;
        let taps = registered.working_grid().taps();
        let structures = partial_volumes_of(&ras, &taps, |value| values.contains(&value))?;
        Ok(Self { registered, labels, orientation, structures })
    }

    /// The example's registration with the target.
    pub fn registered(&self) -> &Registered {
        &self.registered
    }

    /// Label values of the structures that fill no voxel of the working grid to one half.
    pub fn below_resolution(&self) -> impl Iterator<Item = u16> {
        self.structures.iter().filter(|(_, structure)| structure.below_resolution).map(|(value, _)| *value)
    }
}

/// Fails if the label of an example does not lie on its image; their axes may be stored in different orders.
pub(super) fn must_lie_on(example: &str, image: &Grid, label: &Grid) -> Result<()> {
    let ras = |grid: &Grid| Reorientation::of(grid).grid(grid);
    must_agree(example, &ras(image), &ras(label))
}

/// Fails if the label of an example does not lie on its image voxel by voxel.
pub(super) fn must_agree(example: &str, image: &Grid, label: &Grid) -> Result<()> {
    if image.agrees_with(label) {
        return Ok(());
    }
    let how = match image.corner_distance_voxels(label) {
        Some(distance) => format!("its corners are {distance:.1} voxels away"),
        None => format!("{:?} voxels instead of {:?}", label.shape, image.shape),
    };
    Err(Error::Geometry {
        problem: format!(
            "The label of example {example} does not lie on its image ({how}); resample it through the world, \
             or give it the image's header if only the header is wrong."
        ),
    })
}
