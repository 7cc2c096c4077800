//! A cube of values: what the network reads and writes.

/// A cube of `side`³ values on the working grid, x fastest: the tensor `[1, 1, z, y, x]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cube {
    /// Voxels along each axis, a multiple of 16.
    pub side: usize,
    /// `side`³ values.
    pub voxels: Vec<f32>,
}
