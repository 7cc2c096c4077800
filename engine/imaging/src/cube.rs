//! Cubes on the working grid: what the network reads and writes.

/// A cube of `side`³ values on the working grid, x fastest: the tensor `[1, 1, z, y, x]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cube {
    /// Voxels along each axis, a multiple of 16.
    pub side: usize,
    /// `side`³ values, x fastest.
    pub voxels: Vec<f32>,
}

/// Label values on the working grid, in the order of a [`Cube`], 0 for background.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelCube {
    /// Voxels along each axis.
    pub side: usize,
    /// `side`³ label values.
    pub voxels: Vec<u16>,
}
