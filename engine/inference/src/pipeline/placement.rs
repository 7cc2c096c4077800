//! The placement of an example on a target, and whether both show the same part of the body.

use crate::preprocess::WorkingGrid;
use glam::DAffine3;
use imaging::Grid;
use serde::Serialize;

/// An example in the report.
#[derive(Clone, Debug, Serialize)]
pub struct Placement {
    /// Name of the example's image.
    pub name: String,
    /// Whether any label was predicted from it.
    pub used: bool,
    /// Whether it hardly shows what the target shows, so that its placement is unreliable.
    pub flagged: bool,
    /// Why it is flagged; `None` if it is not.
    pub reason: Option<String>,
    /// Maps positions in the example to the corresponding ones in the target, both in RAS millimetres, before any
    /// deformation: the rows of a 4 × 4 matrix. `None` if images are not aligned or if the example's affine cannot be
    /// inverted.
    pub affine: Option<[[f64; 4]; 4]>,
}

impl Placement {
    /// The placement of an example that is not aligned.
    pub fn unaligned(name: &str) -> Self {
        Self { name: name.into(), used: false, flagged: false, reason: None, affine: None }
    }
}

/// Largest scale along an axis, or its reciprocal, of an example that shows what the target shows. Heads of different
/// subjects, all with or all without their skulls, were never scaled by more than 1.24; of crops around a hippocampus,
/// one in thirty was scaled by more than 1.5. Where a skull-stripped brain was registered with a whole head, or the
/// reverse, and its structures were lost, all scales were from 1.69 to 3.8. Neither correlation nor displacement
/// separates these cases.
const MOST_SCALED: f64 = 1.6;

/// Why an example with this aligned working grid hardly shows what the target shows; `None` if it does. `found`:
/// whether both images correlate there.
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

/// The rows of [`Placement::affine`], from the working grids and the grids of their images, axes in RAS order.
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
