//! The reader of NIfTI.

use super::fields::{Fields, LENGTH_1, LENGTH_2, version_and_order};
use super::transform::place;
use crate::io::fault::Checked;
use crate::io::header::Header;
use crate::io::reader::{Input, Opened, Reader};
use crate::io::voxels::{Layout, VoxelType, decode};
use nifti::Endianness;

/// Endings of a scan of two files: the header, and the voxels.
const PAIR: [&str; 2] = [".hdr", ".img"];

pub(in crate::io) const READER: Reader = Reader {
    name: "NIfTI",
    endings: &[".nii", ".nii.gz", ".hdr", ".img"],
    parts: &PAIR,
    recognises: |start| version_and_order(start).is_some(),
    open,
};

/// Reads the header; of a pair, opens the voxels beside it.
fn open(mut input: Input) -> Checked<Opened> {
    let mut bytes = input.source.read_up_to(LENGTH_1 as u64)?;
    if let Some((2, _)) = version_and_order(&bytes) {
        bytes.extend(input.source.read_up_to((LENGTH_2 - LENGTH_1) as u64)?);
    }
    let fields = Fields::parse(&bytes)?;
    let source = match fields.single_file {
        true => input.source,
        false => {
            let voxels = input.part(&PAIR, PAIR[1])?;
            input.source.finish()?;
            voxels
        }
    };
    let kind = fields.voxel_type()?;
    let (shape, frames) = fields.volumes()?;
    let layout = Layout {
        kind,
        big_endian: fields.order == Endianness::Big,
        shape,
        frames,
        start: fields.voxels_at(),
        scaling: fields.scaling().unwrap_or((1.0, 0.0)),
    };
    layout.check(source.capacity())?;
    let placement = place(&fields, shape);
    Ok(Opened {
        format: format_name(&fields, source.compressed()),
        datatype: type_name(&fields, kind),
        shape: fields.shape(),
        frames,
        header: Header::of_nifti(placement.grid, bytes),
        placement,
        compressed: source.compressed(),
        warnings: oddities(&fields),
        voxels: Box::new(move |frame, cancel| decode(source, &layout, frame, cancel)),
    })
}

/// `NIfTI-1, compressed, …`
fn format_name(fields: &Fields, compressed: bool) -> String {
    let marks = [
        (!fields.single_file, ", pair of files"),
        (compressed, ", compressed"),
        (fields.order == Endianness::Big, ", big-endian"),
    ];
    let marks: String = marks.into_iter().filter(|(applies, _)| *applies).map(|(_, mark)| mark).collect();
    format!("NIfTI-{}{marks}", fields.version)
}

/// `int16 × 0.37 − 5`
fn type_name(fields: &Fields, kind: VoxelType) -> String {
    let name = kind.name();
    match fields.scaling() {
        None => name,
        // NIfTI-1 stores the scaling in 32 bits; more digits would be noise.
        Some((slope, 0.0)) => format!("{name} × {}", slope as f32),
        Some((slope, inter)) if inter < 0.0 => format!("{name} × {} − {}", slope as f32, -inter as f32),
        Some((slope, inter)) => format!("{name} × {} + {}", slope as f32, inter as f32),
    }
}

/// Warnings about what is odd in a header and was read nevertheless.
fn oddities(fields: &Fields) -> Vec<String> {
    let unit = match fields.units & 7 {
        1 => Some("metres"),
        3 => Some("micrometres"),
        _ => None,
    };
    let units = unit.map(|unit| {
        format!("The header gives lengths in {unit}; they were read as millimetres, as other programs do.")
    });
    let intercept = (!fields.inter.is_finite() && fields.scaling().is_some())
        .then(|| "The intercept of the scaling is no number; 0 was taken.".into());
    [units, intercept].into_iter().flatten().collect()
}
