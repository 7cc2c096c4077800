//! Headers of exports: that of a NIfTI target is changed in place, so that its geometry is repeated byte for byte.

use super::fields::{LENGTH_1, LENGTH_2, version_and_order};
use crate::Grid;
use crate::io::header::Header;
use nifti::Endianness;

/// A NIfTI header as it stands in a file.
pub(super) struct StoredHeader {
    /// 348 bytes of NIfTI-1 or 540 of NIfTI-2, in the byte order of the file.
    bytes: Vec<u8>,
}

/// What follows a header without extensions.
pub(super) const NO_EXTENSIONS: [u8; 4] = [0; 4];

/// What an export holds, as the header calls it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content {
    /// `datatype`.
    pub code: i16,
    /// Bytes of one voxel.
    pub size: usize,
    /// Voxels along x, y, z: those of the header, also where it has fewer dimensions.
    pub shape: [usize; 3],
    /// Number of volumes of a 4D file; None for a 3D file.
    pub frames: Option<usize>,
    /// `intent_code`.
    pub intent: i16,
}

impl StoredHeader {
    /// The header that an export starts from.
    pub fn of(header: &Header) -> Self {
        match header.nifti() {
            Some(bytes) => Self { bytes: bytes.to_vec() },
            None => Self::for_grid(header.grid()),
        }
    }

    /// A NIfTI-1 header with nothing but a grid (at most 32767 voxels along each axis): sform with code 1 (scanner
    /// coordinates), millimetres.
    fn for_grid(grid: &Grid) -> Self {
        let mut header = Self { bytes: vec![0; LENGTH_1] };
        header.bytes[..4].copy_from_slice(&(LENGTH_1 as i32).to_le_bytes());
        header.put_int(252, 0);
        header.put_int(254, 1);
        header.bytes[123] = 2;
        header.put_real(76, 1.0);
        for axis in 0..3 {
            header.put_real(80 + 4 * axis, grid.spacing_mm()[axis]);
            let row = grid.world_from_voxel.matrix3.row(axis);
            let values = [row.x, row.y, row.z, grid.world_from_voxel.translation[axis]];
            for (i, value) in values.into_iter().enumerate() {
                header.put_real(280 + 16 * axis + 4 * i, value);
            }
        }
        header.describe(&Content { code: 16, size: 4, shape: grid.shape, frames: None, intent: 0 });
        header
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether numbers of this file are stored with the highest byte first.
    pub fn big_endian(&self) -> bool {
        matches!(version_and_order(&self.bytes), Some((_, Endianness::Big)))
    }

    /// Offset of the voxels in an export.
    fn voxels_at(&self) -> usize {
        self.bytes.len() + NO_EXTENSIONS.len()
    }

    /// Describes other voxels on the same grid in a single file: type, number of volumes, no scaling, no
    /// display range, intent. Everything else (sform, qform, pixdim, units, …) stays as it is, byte for byte.
    pub fn describe(&mut self, content: &Content) {
        let bits = 8 * content.size as i16;
        let [x, y, z] = content.shape;
        let dim =
            [if content.frames.is_some() { 4 } else { 3 }, x, y, z, content.frames.unwrap_or(1), 1, 1, 1];
        if self.bytes.len() == LENGTH_2 {
            self.bytes[4..12].copy_from_slice(b"n+2\0\r\n\x1a\n");
            self.put_int(12, content.code);
            self.put_int(14, bits);
            for (i, n) in dim.into_iter().enumerate() {
                self.put_long(16 + 8 * i, n as i64);
            }
            // intent_p1 to 3, then vox_offset, slope, intercept, cal_max, cal_min, intent code and name
            self.bytes[80..104].fill(0);
            self.put_long(168, self.voxels_at() as i64);
            self.put_double(176, 1.0);
            self.bytes[184..208].fill(0);
            self.put(504, i32::from(content.intent).to_le_bytes());
            self.bytes[508..524].fill(0);
        } else {
            self.bytes[344..348].copy_from_slice(b"n+1\0");
            self.put_int(70, content.code);
            self.put_int(72, bits);
            for (i, n) in dim.into_iter().enumerate() {
                // What does not fit becomes 0, which every reader refuses; `write` checks before.
                self.put_int(40 + 2 * i, i16::try_from(n).unwrap_or(0));
            }
            self.bytes[56..68].fill(0);
            self.put_int(68, content.intent);
            self.put_real(108, self.voxels_at() as f64);
            self.put_real(112, 1.0);
            self.bytes[116..120].fill(0);
            self.bytes[124..132].fill(0);
            self.bytes[328..344].fill(0);
        }
    }

    fn put<const N: usize>(&mut self, at: usize, mut little_endian: [u8; N]) {
        if self.big_endian() {
            little_endian.reverse();
        }
        self.bytes[at..at + N].copy_from_slice(&little_endian);
    }

    fn put_int(&mut self, at: usize, value: i16) {
        self.put(at, value.to_le_bytes());
    }

    fn put_long(&mut self, at: usize, value: i64) {
        self.put(at, value.to_le_bytes());
    }

    fn put_real(&mut self, at: usize, value: f64) {
        self.put(at, (value as f32).to_le_bytes());
    }

    fn put_double(&mut self, at: usize, value: f64) {
        self.put(at, value.to_le_bytes());
    }
}
