//! Step 2: an example aligned with the target, then deformed onto it.

use super::placement::{affine, doubt};
use super::prepare::{Prepared, PreparedContent};
use super::{Placement, PreprocessingRecord};
use crate::preprocess::WorkingGrid;
use crate::preprocess::displacement_field::DisplacementField;
use crate::preprocess::scale_shift::{Alignment, Fixed, aligned};
use imaging::{Cube, Error, Result};
use std::sync::{Arc, OnceLock};

/// An example aligned with a target. Cheap to clone.
#[derive(Clone)]
pub struct Registered {
    pub(super) example: Prepared,
    pub(super) content: Arc<RegisteredContent>,
}

/// What depends on the contents of both images alone.
pub(super) struct RegisteredContent {
    target: Arc<PreparedContent>,
    working: WorkingGrid,
    cube: Cube,
    /// Why the alignment is unreliable.
    reason: Option<String>,
    affine: Option<[[f64; 4]; 4]>,
    deformation: OnceLock<Deformation>,
}

/// An example's image deformed onto the target's.
pub struct Deformation {
    /// The displacement field on the target's working grid.
    pub field: DisplacementField,
    /// The example's image, deformed, on the target's working grid.
    pub image: Cube,
    /// Mean length of the displacement, weighted by the target's intensity, in millimetres.
    pub mean_mm: f64,
}

/// Aligns an example with the target: the shift and the scale along each axis that maximise their correlation.
/// [`Registered::deformation`] deforms it.
///
/// # Errors
/// [`Error::Request`] if they were prepared on grids of different sides, and [`Error::Memory`].
pub fn register(example: &Prepared, target: &Prepared) -> Result<Registered> {
    let (own, target) = (&example.content, &target.content);
    let sides = [own.working.side, target.working.side];
    if sides[0] != sides[1] {
        return Err(Error::Request(format!(
            "An example on a working grid of {}³ cannot be laid on a target on one of {}³; prepare both alike.",
            sides[0], sides[1]
        )));
    }
    let fixed = Fixed { frame: &target.working, cube: &target.cube };
    let Alignment { frame: working, found } = aligned(&own.working, |wide| example.on(wide), &fixed)?;
    let cube = example.on(&working)?;
    let content = RegisteredContent {
        target: target.clone(),
        cube,
        reason: doubt(&working, &target.working, found),
        affine: affine((&working, &own.grid), (&target.working, &target.grid)),
        working,
        deformation: OnceLock::new(),
    };
    Ok(Registered { example: example.clone(), content: Arc::new(content) })
}

impl Registered {
    /// The prepared example.
    pub fn example(&self) -> &Prepared {
        &self.example
    }

    /// The working grid in the example's image, aligned with the target's.
    pub fn working_grid(&self) -> &WorkingGrid {
        &self.content.working
    }

    /// The example's image on this working grid, not deformed.
    pub fn cube(&self) -> &Cube {
        &self.content.cube
    }

    /// Why the example hardly shows what the target shows, so that its alignment is unreliable; `None` if it does.
    pub fn flag(&self) -> Option<&str> {
        self.content.reason.as_deref()
    }

    /// The deformation of the example onto the target. It is computed on first use, since an excluded example needs
    /// none, and kept.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn deformation(&self) -> Result<&Deformation> {
        let RegisteredContent { target, cube, deformation, .. } = &*self.content;
        if let Some(known) = deformation.get() {
            return Ok(known);
        }
        let field = DisplacementField::onto(&target.cube, cube)?;
        let image = field.image(cube)?;
        let mean_mm = field.mean(&target.cube) * target.working.voxel_mm[0];
        Ok(deformation.get_or_init(|| Deformation { field, image, mean_mm }))
    }

    /// The preprocessing record before any deformation, for the report.
    pub fn record(&self) -> PreprocessingRecord {
        PreprocessingRecord { working_voxel_mm: self.content.working.voxel_mm, ..self.example.record() }
    }

    /// The placement on the target, for the report.
    pub(super) fn placement(&self) -> Placement {
        Placement {
            flagged: self.content.reason.is_some(),
            reason: self.content.reason.clone(),
            affine: self.content.affine,
            ..Placement::unaligned(&self.example.image.name)
        }
    }
}
