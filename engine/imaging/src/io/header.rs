//! What an export repeats of the scan that it is made for.

use crate::Grid;

/// Where an export lies, and the header that it repeats: that of a NIfTI scan is kept verbatim, any other format gives
/// its grid alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    grid: Grid,
    nifti: Option<Vec<u8>>,
}

impl Header {
    /// A header with nothing but a grid.
    pub fn for_grid(grid: &Grid) -> Self {
        Self { grid: *grid, nifti: None }
    }

    /// The bytes of a NIfTI header whose volumes lie on `grid`.
    pub(super) fn of_nifti(grid: Grid, bytes: Vec<u8>) -> Self {
        Self { grid, nifti: Some(bytes) }
    }

    /// Where one 3D volume lies.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The header as stored where the scan is NIfTI: 348 bytes of version 1 or 540 of version 2, in the byte order of
    /// the file.
    pub fn nifti(&self) -> Option<&[u8]> {
        self.nifti.as_deref()
    }
}
