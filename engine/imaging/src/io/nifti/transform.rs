//! Which of a header's three statements places the voxels.
//!
//! nibabel's rule: the sform if its code is above 0, else the qform if its code is above 0, else the voxel sizes
//! alone (`get_base_affine`: first axis towards the left, the middle of the image at the origin; a size of 0
//! counts as 1). A form that cannot place voxels (singular, not finite, no rotation) is passed over with a warning.

use super::fields::Fields;
use crate::Grid;
use crate::io::placement::{Placement, can_place};
use glam::{DAffine3, DMat3, DQuat, DVec3};

/// A quaternion whose missing part would be a root of less than minus this is no rotation (three times the
/// rounding of a 32-bit float, as in nibabel).
const QUATERNION_ROUNDING: f64 = 3.0 * f32::EPSILON as f64;

/// Places a volume of `shape`.
pub(super) fn place(fields: &Fields, shape: [usize; 3]) -> Placement {
    let at = |world_from_voxel| Grid { shape, world_from_voxel };
    let usable = |form: Option<DAffine3>| form.filter(can_place).map(at);
    let sform = (fields.sform_code > 0).then(|| usable(Some(sform(fields))));
    let qform = (fields.qform_code > 0).then(|| usable(qform(fields)));
    let mut warnings = Vec::new();
    for (name, form) in [("sform", &sform), ("qform", &qform)] {
        if let Some(None) = form {
            warnings.push(format!(
                "The {name} of the header cannot place voxels (it is singular or not finite) and was passed over."
            ));
        }
    }
    let (grid, name, reason) = match (sform.flatten(), qform.flatten()) {
        (Some(sform), qform) => {
            warnings.extend(qform.and_then(|qform| disagreement(&sform, &qform)));
            let reason = format!("the sform code is {}, {}", fields.sform_code, code_name(fields.sform_code));
            (sform, "sform", reason)
        }
        (None, Some(qform)) => {
            let code = fields.qform_code;
            let reason =
                format!("there is no usable sform and the qform code is {code}, {}", code_name(code));
            (qform, "qform", reason)
        }
        (None, None) => {
            warnings.push(pixdim_warning(fields));
            (at(base(fields, shape)), "pixdim", "there is no usable sform or qform".into())
        }
    };
    Placement::new(grid, name, reason, warnings)
}

fn sform(fields: &Fields) -> DAffine3 {
    let rows = fields.srow.map(|[x, y, z, _]| DVec3::new(x, y, z));
    let matrix3 = DMat3::from_cols_array_2d(&rows.map(|row| row.to_array())).transpose();
    DAffine3 { matrix3, translation: DVec3::from_array(fields.srow.map(|row| row[3])) }
}

fn qform(fields: &Fields) -> Option<DAffine3> {
    let vector = DVec3::from_array(fields.quaternion);
    let square = 1.0 - vector.length_squared();
    if square.is_nan() || square < -QUATERNION_ROUNDING {
        return None;
    }
    let real = if square < QUATERNION_ROUNDING { 0.0 } else { square.sqrt() };
    let rotation = DMat3::from_quat(DQuat::from_vec4(vector.extend(real)).normalize());
    let mut sizes = DVec3::from_array(voxel_sizes(fields));
    if fields.pixdim[0] == -1.0 {
        sizes.z = -sizes.z;
    }
    let matrix3 = rotation * DMat3::from_diagonal(sizes);
    Some(DAffine3 { matrix3, translation: DVec3::from_array(fields.qoffset) })
}

fn base(fields: &Fields, shape: [usize; 3]) -> DAffine3 {
    let mut sizes = DVec3::from_array(voxel_sizes(fields));
    sizes.x = -sizes.x;
    let middle = DVec3::from_array(shape.map(|n| (n as f64 - 1.0) / 2.0));
    let placed = DAffine3 { matrix3: DMat3::from_diagonal(sizes), translation: -middle * sizes };
    if can_place(&placed) {
        return placed;
    }
    DAffine3 {
        matrix3: DMat3::from_diagonal(DVec3::new(-1.0, 1.0, 1.0)),
        translation: middle * DVec3::new(1.0, -1.0, -1.0),
    }
}

/// Sizes along the three axes; what is missing counts as 1 mm and a sign is ignored.
fn voxel_sizes(fields: &Fields) -> [f64; 3] {
    std::array::from_fn(|axis| {
        let size = fields.pixdim[axis + 1].abs();
        let used = (axis as i64) < fields.dim[0];
        if used && size > 0.0 && size.is_finite() { size } else { 1.0 }
    })
}

fn disagreement(sform: &Grid, qform: &Grid) -> Option<String> {
    let voxels = sform.corner_distance_voxels(qform).filter(|&voxels| voxels > 1.0)?;
    let pairs = sform.corners_mm().into_iter().zip(qform.corners_mm());
    let mm = pairs.map(|(a, b)| a.distance(b)).fold(0.0, f64::max);
    Some(format!(
        "The sform and the qform of the header differ by up to {mm:.1} mm ({voxels:.1} voxels); the sform was used."
    ))
}

fn pixdim_warning(fields: &Fields) -> String {
    let known = fields.pixdim[1..4].iter().all(|&size| size != 0.0 && size.is_finite());
    let sizes = if known { "only the voxel sizes are known" } else { "missing voxel sizes count as 1 mm" };
    format!(
        "The header does not say how the image lies in the body: {sizes}, and left and right may be swapped."
    )
}

fn code_name(code: i32) -> &'static str {
    match code {
        1 => "scanner coordinates",
        2 => "aligned to another image",
        3 => "Talairach space",
        4 => "MNI space",
        5 => "a template's space",
        _ => "a meaning that the format does not define",
    }
}
