//! What a header says, the same for NIfTI-1 and NIfTI-2.
//!
//! NIfTI-1 is parsed by the nifti crate; NIfTI-2 (540 bytes, <https://nifti.nimh.nih.gov/nifti-2>), which the
//! crate does not know, is read here.

use crate::io::fault::{Checked, refuse};
use crate::io::voxels::VoxelType;
use nifti::{Endianness, NiftiHeader, NiftiType};

/// Length of a NIfTI-1 header.
pub(super) const LENGTH_1: usize = 348;
/// Length of a NIfTI-2 header.
pub(super) const LENGTH_2: usize = 540;

/// The fields that are needed to place and decode voxels.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub version: u8,
    pub order: Endianness,
    /// Whether the voxels follow in the same file (`n+1`, `n+2`) or lie in an `.img` (`ni1`, `ni2`).
    pub single_file: bool,
    pub dim: [i64; 8],
    pub datatype: i16,
    pub pixdim: [f64; 8],
    pub vox_offset: f64,
    pub slope: f64,
    pub inter: f64,
    pub qform_code: i32,
    pub sform_code: i32,
    /// b, c, d.
    pub quaternion: [f64; 3],
    pub qoffset: [f64; 3],
    pub srow: [[f64; 4]; 3],
    pub units: i32,
    pub intent: i32,
}

/// Byte order and version by the length that every header starts with.
pub(super) fn version_and_order(bytes: &[u8]) -> Option<(u8, Endianness)> {
    let start: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    let orders =
        [(u32::from_le_bytes(start), Endianness::Little), (u32::from_be_bytes(start), Endianness::Big)];
    orders.into_iter().find_map(|(length, order)| match length as usize {
        LENGTH_1 => Some((1, order)),
        LENGTH_2 => Some((2, order)),
        _ => None,
    })
}

impl Fields {
    /// Parses the 348 or 540 bytes of a header.
    pub fn parse(bytes: &[u8]) -> Checked<Self> {
        match version_and_order(bytes) {
            Some((1, order)) if bytes.len() == LENGTH_1 => Self::parse_1(bytes, order),
            Some((2, order)) if bytes.len() == LENGTH_2 => Self::parse_2(bytes, order),
            _ => refuse("the file is truncated within its header; copy or download it again."),
        }
    }

    fn parse_1(bytes: &[u8], order: Endianness) -> Checked<Self> {
        if bytes[344..348].iter().all(|&byte| byte == 0) {
            return refuse(
                "this is an ANALYZE 7.5 image, which does not say left from right; convert it to NIfTI with a \
                 program that knows its orientation.",
            );
        }
        let Ok(header) = NiftiHeader::from_reader(bytes) else {
            return refuse("the header lacks the NIfTI mark, so the file is damaged or no NIfTI image.");
        };
        // The crate takes the byte order from dim[0]; a damaged dim[0] shows as an order that does not fit.
        if header.endianness != order || header.sizeof_hdr as usize != LENGTH_1 {
            return refuse("the number of dimensions in the header makes no sense; the file is damaged.");
        }
        Ok(Self {
            version: 1,
            order,
            single_file: header.magic == *b"n+1\0",
            // The crate reads dimensions unsigned; in the format they have a sign.
            dim: header.dim.map(|n| i64::from(n as i16)),
            datatype: header.datatype,
            pixdim: header.pixdim.map(f64::from),
            vox_offset: f64::from(header.vox_offset),
            slope: f64::from(header.scl_slope),
            inter: f64::from(header.scl_inter),
            qform_code: header.qform_code.into(),
            sform_code: header.sform_code.into(),
            quaternion: [header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from),
            qoffset: [header.quatern_x, header.quatern_y, header.quatern_z].map(f64::from),
            srow: [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(f64::from)),
            units: header.xyzt_units.into(),
            intent: header.intent_code.into(),
        })
    }

    fn parse_2(bytes: &[u8], order: Endianness) -> Checked<Self> {
        let single_file = match &bytes[4..8] {
            b"n+2\0" => true,
            b"ni2\0" => false,
            _ => return refuse("the header lacks the NIfTI mark, so the file is damaged or no NIfTI image."),
        };
        let int = |at| number(bytes, at, order, i32::from_le_bytes, i32::from_be_bytes);
        let long = |at| number(bytes, at, order, i64::from_le_bytes, i64::from_be_bytes);
        let real = |at| number(bytes, at, order, f64::from_le_bytes, f64::from_be_bytes);
        Ok(Self {
            version: 2,
            order,
            single_file,
            dim: std::array::from_fn(|i| long(16 + 8 * i)),
            datatype: number(bytes, 12, order, i16::from_le_bytes, i16::from_be_bytes),
            pixdim: std::array::from_fn(|i| real(104 + 8 * i)),
            vox_offset: long(168) as f64,
            slope: real(176),
            inter: real(184),
            qform_code: int(344),
            sform_code: int(348),
            quaternion: std::array::from_fn(|i| real(352 + 8 * i)),
            qoffset: std::array::from_fn(|i| real(376 + 8 * i)),
            srow: std::array::from_fn(|row| std::array::from_fn(|i| real(400 + 32 * row + 8 * i))),
            units: int(500),
            intent: int(504),
        })
    }

    /// Dimensions as stored, without trailing ones beyond the third.
    pub fn shape(&self) -> Vec<usize> {
        let rank = self.dim[0].clamp(0, 7) as usize;
        let mut shape: Vec<usize> = self.dim[1..=rank].iter().map(|&n| n.max(0) as usize).collect();
        // Beyond the third axis some programs write 0 for "not used", as they do for 2D images at the third.
        shape.iter_mut().skip(2).filter(|n| **n == 0).for_each(|n| *n = 1);
        shape.resize(shape.len().max(3), 1);
        while shape.len() > 3 && shape.last() == Some(&1) {
            shape.pop();
        }
        shape
    }

    /// The 3D shape and the number of such volumes.
    pub fn volumes(&self) -> Checked<([usize; 3], usize)> {
        if !(1..=7).contains(&self.dim[0]) {
            return refuse("the number of dimensions in the header makes no sense; the file is damaged.");
        }
        if (3000..3100).contains(&self.intent) {
            return refuse(
                "this is a CIFTI-2 file (values on the brain's surface), not an image; choose the volume it was \
                 made from.",
            );
        }
        let shape = self.shape();
        match shape[..] {
            [x, y, z, ref rest @ ..] if x > 0 && y > 0 && rest.len() <= 1 => {
                Ok(([x, y, z], rest.first().copied().unwrap_or(1)))
            }
            [x, y, ..] if x > 0 && y > 0 => refuse(format!(
                "the image has {} dimensions ({}), such as a field of vectors; choose an image with one value for \
                 each voxel.",
                shape.len(),
                shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × "),
            )),
            _ => refuse("the header says that the image has no voxels; the file is damaged."),
        }
    }

    /// The voxel type, if it is one number for each voxel.
    pub fn voxel_type(&self) -> Checked<VoxelType> {
        use NiftiType::*;
        let header = NiftiHeader { datatype: self.datatype, ..Default::default() };
        let what = match header.data_type() {
            Ok(Uint8) => return Ok(VoxelType::Uint8),
            Ok(Int8) => return Ok(VoxelType::Int8),
            Ok(Uint16) => return Ok(VoxelType::Uint16),
            Ok(Int16) => return Ok(VoxelType::Int16),
            Ok(Uint32) => return Ok(VoxelType::Uint32),
            Ok(Int32) => return Ok(VoxelType::Int32),
            Ok(Uint64) => return Ok(VoxelType::Uint64),
            Ok(Int64) => return Ok(VoxelType::Int64),
            Ok(Float32) => return Ok(VoxelType::Float32),
            Ok(Float64) => return Ok(VoxelType::Float64),
            Ok(Rgb24 | Rgba32) => "colours (RGB)".to_string(),
            Ok(Complex64 | Complex128 | Complex256) => "complex numbers".into(),
            Ok(Float128) => "128-bit floating-point numbers".into(),
            Err(_) if self.datatype == 1 => "single bits".into(),
            Err(_) => format!("data of an unknown type (code {})", self.datatype),
        };
        refuse(format!("the voxels are {what}; convert the image to one integer or float for each voxel."))
    }

    /// Slope and intercept; None where voxels are stored as they are.
    pub fn scaling(&self) -> Option<(f64, f64)> {
        let inter = if self.inter.is_finite() { self.inter } else { 0.0 };
        let scaled = self.slope.is_finite() && self.slope != 0.0 && (self.slope, inter) != (1.0, 0.0);
        scaled.then_some((self.slope, inter))
    }

    /// Where the voxels begin; a single file cannot have them before the end of its header.
    pub fn voxels_at(&self) -> u64 {
        let least = match (self.single_file, self.version) {
            (false, _) => 0,
            (true, 1) => LENGTH_1 + 4,
            (true, _) => LENGTH_2 + 4,
        };
        // A cast from float saturates, and NaN becomes 0.
        (self.vox_offset as u64).max(least as u64)
    }
}

/// The number at byte `at`.
fn number<const N: usize, T>(
    bytes: &[u8],
    at: usize,
    order: Endianness,
    little: fn([u8; N]) -> T,
    big: fn([u8; N]) -> T,
) -> T {
    let raw = bytes[at..at + N].try_into().expect("the slice has the length of the number");
    if order == Endianness::Little { little(raw) } else { big(raw) }
}
