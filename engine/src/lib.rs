//! Everything of Exemplar that knows volumes, NIfTI and the network, and nothing of a window.
//!
//! One direction: files → [`Volume`] → preprocess → network(target, examples) → postprocess → [`LabelMap`].
//!
//! Conventions that hold everywhere: arrays are `[x, y, z]` with x fastest; tensors are
//! `[batch, channel, z, y, x]`; world space is RAS+ in millimetres (x to the right, y to the front, z up);
//! a grid's affine is called `world_from_voxel` and maps voxel centres at whole indices.

pub mod agreement;
pub mod augment;
pub mod error;
pub mod filter;
pub mod geometry;
pub mod labels;
pub mod memory;
pub mod metrics;
pub mod network;
pub mod nifti;
pub mod pairing;
pub mod pipeline;
pub mod preprocess;
pub mod random;
pub mod replace;
pub mod session;
pub mod settings;
pub mod study;
pub mod synthesis;
pub mod tasks;
pub mod training;
pub mod volume;
pub mod weights;
pub mod worker;

pub use error::{Error, Result};
pub use geometry::Grid;
pub use volume::{LabelMap, Volume};
