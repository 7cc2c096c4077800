//! Scans, label maps and their files: what an image is, where it lies in the world, how it is opened and written, and how
//! label maps are compared. Nothing here knows a network or a window.
//!
//! Arrays are `[x, y, z]` with x fastest. World space is RAS+ in millimetres: x to the right, y to the front, z up. A
//! grid's affine is called `world_from_voxel` and maps voxel centres at whole indices.

#![forbid(unsafe_code)]

mod cancel;
pub mod conform;
mod cube;
pub mod error;
pub mod filter;
pub mod geometry;
mod image;
pub mod io;
pub mod labels;
pub mod memory;
pub mod metrics;
pub mod random;
pub mod statistics;

pub use cancel::CancelToken;
pub use cube::Cube;
pub use error::{Error, Result};
pub use geometry::Grid;
pub use image::{Image, LabelMap, Volume, Voxel};
