//! How examples lie on a target, and whether one shows what the target shows.

use crate::preprocess::WorkingGrid;
use glam::DAffine3;
use imaging::Grid;
use serde::Serialize;

/// What a report says of an example.
#[derive(Clone, Debug, Serialize)]
pub struct Placement {
    /// Name of the image.
    pub name: String,
    /// Whether any label was learnt from it.
    pub used: bool,
    /// Whether it hardly shows what the target shows, so that where it lies is not to be trusted.
    pub flagged: bool,
    /// Why it is flagged.
    pub reason: Option<String>,
    /// Places in the example, in RAS millimetres, to those in the target that look alike, before anything is deformed: the
    /// rows of a 4 × 4 matrix. None where images are not aligned, and where the header of the example cannot be inverted.
    pub affine: Option<[[f64; 4]; 4]>,
}

impl Placement {
    /// Of an example that is not aligned.
    pub fn unaligned(name: &str) -> Self {
        Self { name: name.into(), used: false, flagged: false, reason: None, affine: None }
    }
}

/// An example of what the target shows is scaled by less than this along each axis, or by more than one over it. Of heads of
/// different people none was scaled by more than 1.24, with their skulls or all without, of crops around a hippocampus one in
/// thirty by more than 1.5; where a stripped brain was laid on a whole head or the reverse and its structures were lost, all
/// were by 1.69 to 3.8. Neither their correlation nor how far they were deformed tells these apart.
const MOST_SCALED: f64 = 1.6;

/// Why an example whose working grid was laid so hardly shows what the target shows; `None` where it does. `found`: both
/// images correlate there.
pub fn doubt(example: &WorkingGrid, target: &WorkingGrid, found: bool) -> Option<String> {
    let scales = (0..3).map(|axis| target.voxel_mm[axis] / example.voxel_mm[axis]);
    let most = scales.max_by(|a, b| a.ln().abs().total_cmp(&b.ln().abs())).unwrap_or(1.0);
    if !found {
        Some("no place was found where both look alike".into())
    } else if most.ln().abs() > MOST_SCALED.ln() {
        Some(format!("to look like it, it is scaled by {most:.2} along one axis"))
    } else {
        None
    }
}

/// The rows of [`Placement::affine`], by working grids and the grids of the images that these lie in, axes in RAS order.
pub fn affine(
    (example, grid): (&WorkingGrid, &Grid),
    (target, target_grid): (&WorkingGrid, &Grid),
) -> Option<[[f64; 4]; 4]> {
    let affine = target.world_from_working(target_grid) * example.world_from_working(grid).inverse();
    affine.is_finite().then(|| rows(affine))
}

fn rows(affine: DAffine3) -> [[f64; 4]; 4] {
    let [x, y, z] = affine.matrix3.transpose().to_cols_array_2d();
    let along = affine.translation.to_array();
    let row = |[a, b, c]: [f64; 3], axis: usize| [a, b, c, along[axis]];
    [row(x, 0), row(y, 1), row(z, 2), [0.0, 0.0, 0.0, 1.0]]
}
