//! Two volumes that belong together must agree in the world: an image and its label, a prediction and its truth.
//!
//! The same lattice stored in another axis order agrees and is reordered exactly. Anything else is never decided
//! in silence: it is an error that names the choices, until the user has made one.

use crate::{Error, Grid, Image, Result, Voxel, memory};
use glam::{DAffine3, DVec3};
use rayon::prelude::*;

/// What to do with a volume that does not lie on its image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GeometryChoice {
    /// Refuse.
    #[default]
    Strict,
    /// Trust both headers: resample through the world (labels nearest, images trilinear).
    Resample,
    /// Trust the order of the voxels: take the image's header. Only for equal shapes.
    Copy,
}

/// Whether both grids hold the same voxels of the world, in any axis order.
pub fn agree(image: &Grid, other: &Grid) -> bool {
    image.agrees_with(other) || same_lattice(image, other).is_some()
}

/// Brings `other` to the grid of its image.
///
/// # Errors
/// [`Error::Misplaced`] where they do not agree and `how` does not say what to do, or cannot.
pub fn reconcile<T: Voxel>(image: &Grid, other: Image<T>, how: GeometryChoice) -> Result<Image<T>> {
    if image.agrees_with(&other.grid) {
        return Ok(Image { grid: *image, ..other });
    }
    if let Some(reorder) = same_lattice(image, &other.grid) {
        return gather(image, &reorder, |there| {
            other.voxels[other.grid.index(there.round().to_array().map(|i| i as usize))]
        });
    }
    match how {
        GeometryChoice::Copy if image.shape == other.grid.shape => Ok(Image { grid: *image, ..other }),
        GeometryChoice::Resample => {
            let there = other.grid.voxel_from_world() * image.world_from_voxel;
            gather(image, &there, |voxel| other.sample(voxel))
        }
        GeometryChoice::Strict | GeometryChoice::Copy => Err(disagreement(T::IMAGE, image, &other.grid)),
    }
}

/// Fills `grid` with what `value` says of each voxel's place in the other image.
fn gather<T: Voxel>(
    grid: &Grid,
    other_from_grid: &DAffine3,
    value: impl Fn(DVec3) -> T + Sync,
) -> Result<Image<T>> {
    let [nx, ny, _] = grid.shape;
    let mut voxels = memory::zeros(grid.len())?;
    voxels.par_chunks_mut(nx.max(1)).enumerate().for_each(|(number, row)| {
        let [y, z] = [(number % ny) as f64, (number / ny) as f64];
        for (x, voxel) in row.iter_mut().enumerate() {
            *voxel = value(other_from_grid.transform_point3(DVec3::new(x as f64, y, z)));
        }
    });
    Ok(Image { grid: *grid, voxels })
}

/// The exact map from voxels of `image` to voxels of `other`, if both are one lattice in another axis order.
fn same_lattice(image: &Grid, other: &Grid) -> Option<DAffine3> {
    let exact = other.voxel_from_world() * image.world_from_voxel;
    let m = exact.matrix3;
    let columns = [m.x_axis, m.y_axis, m.z_axis].map(DVec3::round);
    let one_each = |v: DVec3| v.abs().element_sum() == 1.0;
    let matrix3 = glam::DMat3::from_cols(columns[0], columns[1], columns[2]);
    let transposed = matrix3.transpose();
    let permutes = columns.into_iter().all(one_each)
        && [transposed.x_axis, transposed.y_axis, transposed.z_axis].into_iter().all(one_each);
    let whole = DAffine3 { matrix3, translation: exact.translation.round() };
    let last = |shape: [usize; 3]| DVec3::from_array(shape.map(|n| n as f64 - 1.0));
    let ends = [whole.translation, whole.transform_point3(last(image.shape))];
    let fills = ends[0].min(ends[1]) == DVec3::ZERO && ends[0].max(ends[1]) == last(other.shape);
    let stored_alike = Grid { shape: image.shape, world_from_voxel: other.world_from_voxel * whole };
    (permutes && fills && image.agrees_with(&stored_alike)).then_some(whole)
}

/// Size, spacing, orientation and place of a grid, for a message.
pub fn describe(grid: &Grid) -> String {
    let [x, y, z] = grid.shape;
    let [dx, dy, dz] = grid.spacing_mm();
    let (orientation, c) = (grid.orientation(), grid.center_mm());
    format!(
        "{x} × {y} × {z} voxels of {dx:.2} × {dy:.2} × {dz:.2} mm, {orientation}, around {:.1} {:.1} {:.1} mm",
        c.x, c.y, c.z
    )
}

fn disagreement(what: &str, image: &Grid, other: &Grid) -> Error {
    let corners = other.corners_mm();
    let nearest = |a: DVec3| corners.iter().map(|b| a.distance(*b)).fold(f64::INFINITY, f64::min);
    let mm = image.corners_mm().into_iter().map(nearest).fold(0.0, f64::max);
    let voxels = mm / image.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
    let problem = format!(
        "The {what} ({}) does not lie on its image ({}): corners are up to {mm:.1} mm ({voxels:.1} voxels) apart.",
        describe(other),
        describe(image),
    );
    Error::Misplaced { problem, copyable: image.shape == other.shape }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LabelMap, Volume};
    use glam::DMat3;

    fn grid(shape: [usize; 3], columns: [[f64; 3]; 3], origin: [f64; 3]) -> Grid {
        let matrix3 = DMat3::from_cols_array_2d(&columns);
        Grid { shape, world_from_voxel: DAffine3 { matrix3, translation: DVec3::from_array(origin) } }
    }

    /// 4 × 3 × 2 voxels of 1 × 2 × 3 mm, and the same stored with axes z, −x, y.
    fn twice() -> [Grid; 2] {
        let image = grid([4, 3, 2], [[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]], [5.0, 6.0, 7.0]);
        let stored = grid([2, 4, 3], [[0.0, 0.0, 3.0], [-1.0, 0.0, 0.0], [0.0, 2.0, 0.0]], [8.0, 6.0, 7.0]);
        [image, stored]
    }

    #[test]
    fn another_axis_order_is_reordered_exactly() {
        let [image, stored] = twice();
        let labels = LabelMap { grid: stored, voxels: (0..24).collect() };
        let ours = reconcile(&image, labels, GeometryChoice::Strict).unwrap();
        // image voxel (x, y, z) is stored at (z, 3 − x, y)
        assert_eq!(ours.voxels[image.index([1, 2, 1])], stored.index([1, 2, 2]) as u16);
        assert_eq!(ours.grid, image);
    }

    #[test]
    fn a_shifted_label_needs_a_choice() {
        let [image, mut other] = twice();
        other.world_from_voxel.translation.x += 1.0;
        let labels = LabelMap { grid: other, voxels: (0..24).collect() };
        let error = reconcile(&image, labels.clone(), GeometryChoice::Strict).unwrap_err();
        let Error::Misplaced { problem, copyable: false } = &error else { panic!("{error}") };
        assert!(problem.contains("1.0 mm (1.0 voxels)"), "{error}");
        assert!(reconcile(&image, labels.clone(), GeometryChoice::Copy).is_err(), "shapes differ");
        let moved = reconcile(&image, labels, GeometryChoice::Resample).unwrap();
        assert_eq!(moved.voxels[image.index([1, 0, 0])], other.index([0, 3, 0]) as u16);
        assert_eq!(moved.voxels[image.index([0, 0, 0])], 0, "outside of the label map is background");

        let mut shifted = image;
        shifted.world_from_voxel.translation.y += 1.0;
        let labels = LabelMap { grid: shifted, voxels: (0..24).collect() };
        assert_eq!(reconcile(&image, labels, GeometryChoice::Copy).unwrap().grid, image);
    }

    #[test]
    fn a_tenth_of_a_voxel_is_forgiven() {
        let [image, _] = twice();
        let mut near = image;
        near.world_from_voxel.translation.x += 0.09;
        let volume = Volume { grid: near, voxels: vec![1.0; 24] };
        assert_eq!(reconcile(&image, volume, GeometryChoice::Strict).unwrap().grid, image);
    }
}
