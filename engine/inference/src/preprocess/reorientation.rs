//! Reorders array axes to RAS and back without interpolation: a permutation and flips.

use bytemuck::Zeroable;
use glam::{DAffine3, DVec3};
use imaging::{Grid, LabelMap, Result, Volume, memory};
use rayon::prelude::*;

/// The permutation and flips after which an array's axes point towards R, A and S as closely as possible. The
/// remaining oblique rotation stays in the affine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reorientation {
    /// Shape of the stored array.
    stored: [usize; 3],
    /// For each anatomical axis (R, A, S) the stored axis that runs along it.
    axes: [usize; 3],
    /// For each anatomical axis whether the stored axis runs against it.
    reversed: [bool; 3],
}

impl Reorientation {
    /// The reorientation that brings this grid to RAS.
    pub fn of(grid: &Grid) -> Self {
        let directions = grid.directions();
        let axes = std::array::from_fn(|ras| {
            directions.iter().position(|d| d.axis == ras).expect("each anatomical axis is used once")
        });
        Self { stored: grid.shape, axes, reversed: axes.map(|axis| !directions[axis].positive) }
    }

    /// Shape in RAS axis order.
    pub fn shape(&self) -> [usize; 3] {
        self.axes.map(|axis| self.stored[axis])
    }

    /// Voxels in RAS axis order, x (to the right) fastest.
    pub fn to_ras<T: Copy + Zeroable + Send + Sync>(&self, stored: &[T]) -> Result<Vec<T>> {
        let mut ras = memory::zeros(stored.len())?;
        let (start, strides) = self.strides();
        let [nx, ny, _] = self.shape();
        ras.par_chunks_mut((nx * ny).max(1)).enumerate().for_each(|(z, plane)| {
            for (y, row) in plane.chunks_mut(nx).enumerate() {
                let first = start + y as isize * strides[1] + z as isize * strides[2];
                for (x, voxel) in row.iter_mut().enumerate() {
                    *voxel = stored[(first + x as isize * strides[0]) as usize];
                }
            }
        });
        Ok(ras)
    }

    /// Reads a stored array by voxel [x, y, z] in RAS axis order.
    pub fn ras_view<T: Copy + Sync>(&self, stored: &[T]) -> impl Fn([usize; 3]) -> T + Sync {
        let (start, strides) = self.strides();
        move |voxel| {
            let steps = (0..3).map(|axis| voxel[axis] as isize * strides[axis]);
            stored[(start + steps.sum::<isize>()) as usize]
        }
    }

    /// The inverse of [`Reorientation::to_ras`].
    pub fn from_ras<T: Copy + Zeroable + Send + Sync>(&self, ras: &[T]) -> Result<Vec<T>> {
        self.inverse().to_ras(ras)
    }

    /// The same image in RAS axis order, at the same world positions.
    pub fn image_to_ras(&self, image: &Volume) -> Result<Volume> {
        Ok(Volume { grid: self.grid(&image.grid), voxels: self.to_ras(&image.voxels)? })
    }

    /// The same labels in RAS axis order, at the same world positions.
    pub fn labels_to_ras(&self, labels: &LabelMap) -> Result<LabelMap> {
        Ok(LabelMap { grid: self.grid(&labels.grid), voxels: self.to_ras(&labels.voxels)? })
    }

    /// The grid of the reordered voxels.
    pub fn grid(&self, stored: &Grid) -> Grid {
        let from = stored.world_from_voxel;
        let corner = |axis: usize| if self.is_reversed(axis) { stored.shape[axis] as f64 - 1.0 } else { 0.0 };
        let column = |ras: usize| {
            let column = from.matrix3.col(self.axes[ras]);
            if self.reversed[ras] { -column } else { column }
        };
        let origin = from.transform_point3(DVec3::new(corner(0), corner(1), corner(2)));
        let world_from_voxel = DAffine3::from_cols(column(0), column(1), column(2), origin);
        Grid { shape: self.shape(), world_from_voxel }
    }

    fn is_reversed(&self, stored_axis: usize) -> bool {
        (0..3).any(|ras| self.axes[ras] == stored_axis && self.reversed[ras])
    }

    /// Index in the stored array of the first voxel in RAS order, and the strides along R, A, S.
    fn strides(&self) -> (isize, [isize; 3]) {
        let stride = [1, self.stored[0], self.stored[0] * self.stored[1]].map(|s| s as isize);
        let start = (0..3)
            .filter(|&ras| self.reversed[ras])
            .map(|ras| stride[self.axes[ras]] * (self.stored[self.axes[ras]] as isize - 1))
            .sum();
        let strides = std::array::from_fn(|ras| {
            let step = stride[self.axes[ras]];
            if self.reversed[ras] { -step } else { step }
        });
        (start, strides)
    }

    fn inverse(&self) -> Self {
        let axes = std::array::from_fn(|stored| {
            self.axes.iter().position(|&axis| axis == stored).expect("each stored axis is used once")
        });
        Self { stored: self.shape(), axes, reversed: axes.map(|ras: usize| self.reversed[ras]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grid whose axes point along the given anatomical axes (1 R, 2 A, 3 S; negative: against it).
    fn grid(axes: [i8; 3]) -> Grid {
        let column = |signed: i8| {
            let mut column = DVec3::new(0.02, -0.03, 0.01);
            column[usize::from(signed.unsigned_abs()) - 1] = f64::from(signed.signum());
            column
        };
        let columns = axes.map(column);
        let world_from_voxel =
            DAffine3::from_cols(columns[0], columns[1], columns[2], DVec3::new(5.0, -7.0, 3.0));
        Grid { shape: [2, 3, 4], world_from_voxel }
    }

    #[test]
    fn every_axis_order_keeps_world_positions_and_is_restored() {
        let orders = [[1, 2, 3], [-1, 2, 3], [2, -3, 1], [-3, -1, -2], [3, 2, -1], [-2, 1, 3]];
        for axes in orders {
            let stored = Volume { grid: grid(axes), voxels: (0..24).map(|v| v as f32).collect() };
            let reorientation = Reorientation::of(&stored.grid);
            let ras = reorientation.image_to_ras(&stored).unwrap();
            assert_eq!(ras.grid.orientation(), "RAS", "{axes:?}");
            for (value, world) in [(17.0f32, [1, 2, 2]), (8.0, [0, 1, 1])] {
                let place = DVec3::from_array(world.map(|i: usize| i as f64));
                let world = stored.grid.world_from_voxel.transform_point3(place);
                let found = ras.grid.voxel_from_world().transform_point3(world).round();
                let at = ras.grid.index([found.x as usize, found.y as usize, found.z as usize]);
                assert_eq!(ras.voxels[at], value, "{axes:?}");
            }
            assert_eq!(reorientation.from_ras(&ras.voxels).unwrap(), stored.voxels, "{axes:?}");
            let voxel = reorientation.ras_view(&stored.voxels);
            assert!((0..24).all(|at| {
                let [nx, ny, _] = ras.grid.shape;
                voxel([at % nx, at / nx % ny, at / (nx * ny)]) == ras.voxels[at]
            }));
        }
    }
}
