//! Where a header puts the voxels, and by which of its statements.

use crate::Grid;
use glam::{DAffine3, DVec3};

pub(super) struct Placement {
    pub grid: Grid,
    /// What the format calls the statement that was used.
    pub name: &'static str,
    pub reason: String,
    pub warnings: Vec<String>,
}

/// Axes further from a right angle than this are called sheared.
const SHEAR_DEGREES: f64 = 0.5;

impl Placement {
    /// A placement with a warning where the axes are not at right angles.
    pub fn new(grid: Grid, name: &'static str, reason: String, mut warnings: Vec<String>) -> Self {
        warnings.extend(shear_warning(&grid));
        Self { grid, name, reason, warnings }
    }
}

/// Whether a transform is finite, can be inverted with a few digits to spare, and has a scale that bodies have.
pub(super) fn can_place(form: &DAffine3) -> bool {
    let m = form.matrix3;
    let spacing = [m.x_axis.length(), m.y_axis.length(), m.z_axis.length()];
    form.is_finite()
        && spacing.iter().all(|size| (1e-6..1e6).contains(size))
        && form.translation.abs().max_element() < 1e9
        && m.determinant().abs() > 1e-6 * spacing.iter().product::<f64>()
}

fn shear_warning(grid: &Grid) -> Option<String> {
    let m = grid.world_from_voxel.matrix3;
    let axes = [m.x_axis, m.y_axis, m.z_axis].map(DVec3::normalize);
    let cosine = (0..3).map(|i| axes[i].dot(axes[(i + 1) % 3]).abs()).fold(0.0, f64::max);
    let degrees = cosine.asin().to_degrees();
    (degrees > SHEAR_DEGREES).then(|| {
        format!("The axes of the image are not at right angles (off by {degrees:.1} degrees); it is shown sheared.")
    })
}
