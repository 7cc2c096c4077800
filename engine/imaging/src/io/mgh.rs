//! The reader of FreeSurfer's MGH and, compressed, MGZ (<https://surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat>).
//!
//! All numbers are big-endian: a header of 284 bytes, the volumes with x fastest, then a footer (repetition time, flip
//! angle, colour table, …) that places nothing and is not read.

use super::fault::{Checked, refuse};
use super::header::Header;
use super::placement::{Placement, can_place};
use super::reader::{Input, Opened, Reader};
use super::voxels::{Layout, VoxelType, decode};
use crate::Grid;
use glam::{DAffine3, DMat3, DVec3};

/// Bytes before the first volume.
const HEADER: usize = 284;

/// The version of the format, which is its only mark.
const VERSION: [u8; 4] = 1_i32.to_be_bytes();

pub(super) const READER: Reader = Reader {
    name: "MGH/MGZ",
    endings: &[".mgh", ".mgz"],
    parts: &[],
    recognises: |start| start.starts_with(&VERSION),
    open,
};

fn open(mut input: Input) -> Checked<Opened> {
    let start = input.source.read_up_to(HEADER as u64)?;
    let Ok(bytes) = <[u8; HEADER]>::try_from(start) else {
        return refuse("the file is truncated within its header; copy or download it again.");
    };
    let (shape, frames) = dimensions(&bytes)?;
    let kind = voxel_type(int(&bytes, 20))?;
    let source = input.source;
    let layout = Layout { kind, big_endian: true, shape, frames, start: HEADER as u64, scaling: (1.0, 0.0) };
    layout.check(source.capacity())?;
    let placement = place(&bytes, shape);
    let compressed = source.compressed();
    Ok(Opened {
        format: if compressed { "MGH, compressed" } else { "MGH" }.into(),
        datatype: kind.name(),
        shape: shape.into_iter().chain((frames > 1).then_some(frames)).collect(),
        frames,
        header: Header::for_grid(&placement.grid),
        placement,
        compressed,
        warnings: Vec::new(),
        voxels: Box::new(move |frame, cancel| decode(source, &layout, frame, cancel)),
    })
}

fn int(bytes: &[u8; HEADER], at: usize) -> i32 {
    i32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn vector(bytes: &[u8; HEADER], at: usize) -> DVec3 {
    let real = |axis: usize| f64::from(f32::from_bits(int(bytes, at + 4 * axis) as u32));
    DVec3::new(real(0), real(1), real(2))
}

/// Width, height, depth, and the number of volumes.
fn dimensions(bytes: &[u8; HEADER]) -> Checked<([usize; 3], usize)> {
    let dimensions = [4, 8, 12, 16].map(|at| usize::try_from(int(bytes, at)).unwrap_or(0));
    if dimensions.contains(&0) {
        return refuse("the header says that the image has no voxels; the file is damaged.");
    }
    let [x, y, z, frames] = dimensions;
    Ok(([x, y, z], frames))
}

/// Codes of FreeSurfer's `mri.h`.
fn voxel_type(code: i32) -> Checked<VoxelType> {
    let what = match code {
        0 => return Ok(VoxelType::Uint8),
        1 => return Ok(VoxelType::Int32),
        3 => return Ok(VoxelType::Float32),
        4 => return Ok(VoxelType::Int16),
        10 => return Ok(VoxelType::Uint16),
        5 => "single bits".to_owned(),
        6 => "tensors".into(),
        7 | 8 => "complex numbers".into(),
        9 => "colours (RGB)".into(),
        _ => format!("data of an unknown type (code {code})"),
    };
    refuse(format!("the voxels are {what}; convert the image to one integer or float for each voxel."))
}

/// Spacing along each axis (`delta`), direction of each axis in RAS (`Mdc`, one row for each), and the RAS position
/// (`Pxyz_c`) of the voxel at half the dimensions. Where the header has none of them (`goodRASFlag`), FreeSurfer's
/// `setDirectionCosine` assumes coronal slices of 1 mm around the origin: x to the left, y down, z to the front. nibabel
/// 5 assumes y up and z to the back.
fn place(bytes: &[u8; HEADER], shape: [usize; 3]) -> Placement {
    let good = i16::from_be_bytes([bytes[28], bytes[29]]) > 0;
    let [spacing, x, y, z, centre] = [30, 42, 54, 66, 78].map(|at| vector(bytes, at));
    let around = |directions: DMat3, spacing: DVec3, centre: DVec3| {
        let matrix3 = directions * DMat3::from_diagonal(spacing);
        let middle = DVec3::from_array(shape.map(|n| n as f64)) / 2.0;
        DAffine3 { matrix3, translation: centre - matrix3 * middle }
    };
    let stored = around(DMat3::from_cols(x, y, z), spacing, centre);
    if good && can_place(&stored) {
        let grid = Grid { shape, world_from_voxel: stored };
        let reason = "the header has spacing, directions and centre (its goodRASFlag is set)".into();
        return Placement::new(grid, "vox2ras", reason, Vec::new());
    }
    let (problem, reason) = match good {
        true => {
            ("places voxels in no usable way (it is singular or not finite)", "there is no usable vox2ras")
        }
        false => ("does not say how the image lies in the body", "the goodRASFlag of the header is not set"),
    };
    let warning = format!(
        "The header {problem}: coronal slices of 1 mm are assumed, as FreeSurfer does, and left and right may be swapped."
    );
    let coronal = around(DMat3::from_cols(-DVec3::X, -DVec3::Z, DVec3::Y), DVec3::ONE, DVec3::ZERO);
    let grid = Grid { shape, world_from_voxel: coronal };
    Placement::new(grid, "coronal", reason.into(), vec![warning])
}
