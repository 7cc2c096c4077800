//! The engine of Exemplar as a library: open scans, segment them by example, write masks on their own grid.
//!
//! One direction: files → [`Volume`] → preparation → network(target, examples) → label fusion → [`LabelMap`].
//!
//! | crate | what |
//! | --- | --- |
//! | [`imaging`] | volumes, label maps, geometry, files, metrics |
//! | [`network`] | Neuroverse3D, its weights and its kernels |
//! | [`inference`] | from scans to a mask |
//! | [`learning`] | training and evaluation |
//!
//! Conventions that hold everywhere: arrays are `[x, y, z]` with x fastest; tensors are
//! `[batch, channel, z, y, x]`; world space is RAS+ in millimetres (x to the right, y to the front, z up);
//! a grid's affine is called `world_from_voxel` and maps voxel centres at whole indices.

#![forbid(unsafe_code)]

pub use imaging::{self, Cube, Error, Grid, LabelMap, Result, Volume};
pub use {inference, learning, network};
