//! What is done to cubes on the working grid, without chance: smoothing, deformation, morphology, smooth fields.
//!
//! Axes 0, 1, 2 are those of the array, axis 0 fastest. Cubes are as large as the working grid, which is known before
//! training starts, so they are allocated plainly and not through `memory.rs`. Every result is the same for any number
//! of threads.

mod cubes;
pub mod field;
mod morphology;
mod separable;
mod warp;

pub use crate::cube::LabelCube;
pub use cubes::{
    blocks, change, fill_slices, flipped, highest, lowest, rearranged, squeezed, stretch, turned,
};
pub use morphology::{dilated, edges, eroded};
pub use separable::{blurred, thick_slices};
pub use warp::{Deformation, Warp, interpolated};
