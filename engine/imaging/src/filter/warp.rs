//! Smooth maps of the working grid onto itself: affine and deformation, in one interpolation.

use super::field::{Basis, SPLINE_SPREAD};
use crate::cube::{Cube, LabelCube};
use crate::random::{around_zero, normal, within};
use glam::{Mat3, UVec3, Vec3};
use rand::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How far a random warp may go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deformation {
    /// Largest rotation about each axis, in radians.
    pub rotation: f32,
    /// Largest change of each axis' scale: 0.2 stands for 0.8 to 1.2.
    pub scale: f32,
    /// Largest shear of each axis by each other.
    pub shear: f32,
    /// Largest shift along each axis, as a part of the side.
    pub shift: f32,
    /// Control points of the deformation along each axis (cubic B-splines), at least 4.
    pub points: usize,
    /// Range of the standard deviation of the deformation along each axis, as a part of the side.
    pub bend: [f32; 2],
}

/// For each place in the result the place that it is taken from: `matrix` · u + `shift` + bend(u), where u runs from
/// −1/2 to 1/2 along each axis, whatever the side.
#[derive(Clone, Debug)]
pub struct Warp {
    matrix: Mat3,
    shift: Vec3,
    points: usize,
    /// Control points along each of the three axes.
    bend: [Vec<f32>; 3],
}

impl Deformation {
    /// Draws a warp within these limits.
    pub fn draw(&self, rng: &mut dyn Rng) -> Warp {
        let [a, b, c] = [(); 3].map(|()| around_zero(self.rotation, rng));
        let scale = [(); 3].map(|()| 1.0 + around_zero(self.scale, rng));
        let [p, q, r, s, t, u] = [(); 6].map(|()| around_zero(self.shear, rng));
        let shear = Mat3::from_cols_array(&[1.0, p, q, r, 1.0, s, t, u, 1.0]);
        let turn = Mat3::from_rotation_x(a) * Mat3::from_rotation_y(b) * Mat3::from_rotation_z(c);
        let sd = within(self.bend, rng) / SPLINE_SPREAD;
        Warp {
            matrix: turn * shear * Mat3::from_diagonal(Vec3::from_array(scale)),
            shift: Vec3::from_array([(); 3].map(|()| around_zero(self.shift, rng))),
            points: self.points,
            bend: [(); 3].map(|()| (0..self.points.pow(3)).map(|_| sd * normal(rng)).collect()),
        }
    }
}

impl Warp {
    /// An image or a soft mask, interpolated linearly; nothing lies outside.
    pub fn image(&self, cube: &Cube) -> Cube {
        let side = cube.side;
        let last = side as f32 - 1.0;
        let value = |at: Vec3| {
            let inside = at.min_element() >= -0.5 && at.max_element() <= last + 0.5;
            if inside { interpolated(cube, at) } else { 0.0 }
        };
        Cube { side, voxels: self.gather(side, value) }
    }

    /// Labels, each place taking the nearest; background lies outside.
    pub fn labels(&self, labels: &LabelCube) -> LabelCube {
        let side = labels.side;
        let value = |at: Vec3| {
            let inside = at.min_element() >= -0.5 && at.max_element() < side as f32 - 0.5;
            let [x, y, z] = (at + 0.5).as_uvec3().to_array().map(|v| v as usize);
            if inside { labels.voxels[x + side * (y + side * z)] } else { 0 }
        };
        LabelCube { side, voxels: self.gather(side, value) }
    }

    /// What `value` finds at the source of each voxel, in voxels.
    fn gather<T: Send + Default + Clone>(&self, side: usize, value: impl Fn(Vec3) -> T + Sync) -> Vec<T> {
        let basis = Basis::spline(side, self.points);
        let size = side as f32;
        let mut voxels = vec![T::default(); side.pow(3)];
        voxels.par_chunks_mut(side * side).enumerate().for_each(|(z, plane)| {
            let bend = self.bend.each_ref().map(|axis| basis.plane(axis, z));
            for (at, voxel) in plane.iter_mut().enumerate() {
                let here = Vec3::new((at % side) as f32, (at / side) as f32, z as f32);
                let u = (here + 0.5) / size - 0.5;
                let bent = Vec3::from_array([0, 1, 2].map(|axis| bend[axis][at]));
                let there = self.matrix * u + self.shift + bent;
                *voxel = value((there + 0.5) * size - 0.5);
            }
        });
        voxels
    }
}

/// The value at a place between voxels, by linear interpolation; beyond the outermost ones lies what they hold.
pub fn interpolated(cube: &Cube, at: Vec3) -> f32 {
    let side = cube.side;
    if side < 2 {
        return cube.voxels[0];
    }
    let at = at.clamp(Vec3::ZERO, Vec3::splat(side as f32 - 1.0));
    let low = at.as_uvec3().min(UVec3::splat(side as u32 - 2));
    let part = at - low.as_vec3();
    let first = low.x as usize + side * (low.y as usize + side * low.z as usize);
    let voxels = &cube.voxels[first..][..side * side + side + 2];
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let row = |at: usize| mix(voxels[at], voxels[at + 1], part.x);
    let plane = |at: usize| mix(row(at), row(at + side), part.y);
    mix(plane(0), plane(side * side), part.z)
}
