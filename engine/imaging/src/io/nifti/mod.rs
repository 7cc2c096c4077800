//! NIfTI files: the only room that names the nifti crate.
//!
//! `.nii`, `.nii.gz` and `.hdr`/`.img` pairs, NIfTI-1 and NIfTI-2, both byte orders, integers to 64 bits and
//! floats. What a file is gets decided by its content, not by its name. Every size is checked against what the
//! file can hold before memory is taken, and compressed streams are read to their end, so that a damaged file
//! never shows as a whole one.

mod fault;
mod fields;
mod halves;
mod header;
mod identify;
mod labels;
mod probe;
mod source;
mod transform;
mod voxels;
mod write;

pub use halves::{is_image, is_image_name, stem};
pub use header::Header;
pub use probe::{Probe, probe};
pub use write::{write_image, write_labels, write_series};

use crate::{Result, Volume};
use fault::Checked;
use probe::Opened;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Bytes read at once from a file whose voxels are wanted.
const BUFFER: usize = 1 << 17;

/// One opened image: finite intensities on their grid, the header it came with, and what was noticed.
#[derive(Clone, Debug)]
pub struct Scan {
    /// File name without folder and NIfTI extension.
    pub name: String,
    /// Where it was read from; the bare name for embedded data.
    pub path: PathBuf,
    /// The chosen 3D volume.
    pub volume: Volume,
    /// The header as stored, for exports on the same grid.
    pub header: Header,
    /// What a reader of the file should know.
    pub facts: Facts,
}

/// What `exemplar info` tells of a file.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// `NIfTI-1` or `NIfTI-2`, and whether it is compressed, a pair of files or big-endian.
    pub format: String,
    /// Stored type, such as `int16`, with its scaling where there is one.
    pub datatype: String,
    /// Stored dimensions without trailing ones beyond the third.
    pub shape: Vec<usize>,
    /// Voxel spacing along x, y, z in millimetres.
    pub spacing_mm: [f64; 3],
    /// Letters that name the side each axis grows towards, such as `LIA`.
    pub orientation: String,
    /// `sform`, `qform` or `pixdim`: nibabel's rule. The sform if its code is above 0, else the qform if its
    /// code is above 0, else the voxel sizes alone with the first axis towards the left and the middle of the
    /// image at the origin. A form that cannot place voxels is passed over with a warning.
    pub transform: String,
    /// Why that transform was used.
    pub transform_reason: String,
    /// Number of 3D volumes in the file.
    pub frames: usize,
    /// Smallest and largest finite intensity after scaling.
    pub range: [f32; 2],
    /// Label values above 0 where every voxel is a whole number of at most 65535, there are at most 1000 values, and
    /// neighbouring voxels do not differ as those of an image do.
    pub label_values: Option<Vec<u16>>,
    /// Voxels that were NaN or infinite; they read as 0 (infinities too).
    pub non_finite: usize,
    /// Sentences about what is odd and what was done about it.
    pub warnings: Vec<String>,
}

impl Scan {
    /// Opens `.nii`, `.nii.gz` or one half of an `.hdr`/`.img` pair; `frame` chooses the 3D volume of a series.
    ///
    /// # Errors
    /// [`crate::Error`] or [`crate::Error`] with a sentence for each way a file can be unusable.
    pub fn open(path: &Path, frame: usize) -> Result<Self> {
        let inner = || read(path, Opened::file(path, BUFFER)?, frame);
        inner().map_err(|fault| fault.at(path))
    }

    /// Reads an embedded file; `name` ends in `.nii` or `.nii.gz`.
    ///
    /// # Errors
    /// As [`Scan::open`].
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        let path = Path::new(name);
        let inner = || read(path, Opened::memory(bytes, path)?, 0);
        inner().map_err(|fault| fault.at(path))
    }
}

fn read(path: &Path, opened: Opened, frame: usize) -> Checked<Scan> {
    let probe = opened.probe(path, frame)?;
    let voxels::Decoded { voxels, survey } = voxels::decode(opened.source, &opened.fields, frame)?;
    let grid = probe.grid;
    let label_values =
        survey.label_values().filter(|values| !labels::is_intensity(values.len(), &grid, &voxels));
    let mut warnings = probe.warnings;
    warnings.extend(survey.warnings());
    warnings.extend(label_values.as_ref().and_then(|_| survey.negative_labels()));
    Ok(Scan {
        name: probe.name,
        path: probe.path,
        facts: Facts {
            format: probe.format,
            datatype: probe.datatype,
            shape: probe.shape,
            spacing_mm: grid.spacing_mm(),
            orientation: grid.orientation(),
            transform: probe.transform,
            transform_reason: probe.transform_reason,
            frames: probe.frames,
            range: survey.range(),
            label_values,
            non_finite: survey.non_finite,
            warnings,
        },
        volume: Volume { grid, voxels },
        header: probe.header,
    })
}
