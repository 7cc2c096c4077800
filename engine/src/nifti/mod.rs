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
mod source;
mod transform;
mod voxels;
mod write;

pub use halves::{is_image_name, stem};
pub use header::Header;
pub use write::{write_image, write_labels, write_series};

use crate::{Error, LabelMap, Result, Volume};
use fault::{Checked, refuse};
use fields::Fields;
use serde::Serialize;
use source::Source;
use std::path::{Path, PathBuf};

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
    /// Label values above 0 where every voxel is a whole number of at most 65535 and there are at most 1000 values.
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
    /// [`crate::Error::Io`] or [`crate::Error::File`] with a sentence for each way a file can be unusable.
    pub fn open(path: &Path, frame: usize) -> Result<Self> {
        let at = |fault: fault::Fault| fault.at(path);
        let header_half = if halves::is_voxel_half(path) {
            halves::other_half(path, ".hdr").map_err(at)?
        } else {
            path.into()
        };
        let mut source = Source::open(&header_half).map_err(at)?;
        let (header, fields) = read_header(&mut source).map_err(at)?;
        if !fields.single_file {
            source.finish().map_err(at)?;
            let voxel_half = halves::other_half(&header_half, ".img").map_err(at)?;
            source = Source::open(&voxel_half).map_err(at)?;
        }
        read(path, source, header, &fields, frame).map_err(at)
    }

    /// Reads an embedded file; `name` ends in `.nii` or `.nii.gz`.
    ///
    /// # Errors
    /// As [`Scan::open`].
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        let path = Path::new(name);
        let inner = || -> Checked<Self> {
            let mut source = Source::memory(bytes)?;
            let (header, fields) = read_header(&mut source)?;
            if !fields.single_file {
                return refuse("this is one half of a pair of files; embed a single .nii file instead.");
            }
            read(path, source, header, &fields, 0)
        };
        inner().map_err(|fault| fault.at(path))
    }

    /// The image as label values: rounded where within 0.01 of whole numbers (the published script's
    /// masks are), refused by name otherwise, as are values above 65535; negative values are background.
    ///
    /// # Errors
    /// [`crate::Error::File`] when the image is no label map.
    pub fn labels(&self) -> Result<LabelMap> {
        let mut labels = LabelMap::empty(self.volume.grid)?;
        for (label, &value) in labels.voxels.iter_mut().zip(&self.volume.voxels) {
            *label = voxels::label_of(value).ok_or_else(|| self.no_labels())?;
        }
        Ok(labels)
    }

    fn no_labels(&self) -> Error {
        let strange = self.volume.voxels.iter().filter(|&&value| voxels::label_of(value).is_none());
        let example = strange.clone().next().copied().unwrap_or_default();
        let percent = 100.0 * strange.count() as f64 / self.volume.voxels.len().max(1) as f64;
        let problem = format!(
            "this is no label map: {percent:.1} % of its voxels are no whole number from 0 to 65535, such as \
             {example}; choose the file with the labels."
        );
        Error::File { path: self.path.clone(), problem }
    }
}

fn read_header(source: &mut Source) -> Checked<(Header, Fields)> {
    let mut bytes = source.read_up_to(fields::LENGTH_1 as u64)?;
    match fields::version_and_order(&bytes) {
        Some((2, _)) => bytes.extend(source.read_up_to((fields::LENGTH_2 - fields::LENGTH_1) as u64)?),
        Some(_) => {}
        None => return refuse(identify::foreign(&bytes)),
    }
    Header::keep(bytes)
}

fn read(path: &Path, source: Source, header: Header, fields: &Fields, frame: usize) -> Checked<Scan> {
    let (shape, frames) = fields.volumes()?;
    let compressed = source.compressed();
    let placement = transform::place(fields, shape);
    let decoded = voxels::decode(source, fields, frame)?;
    let named_gz = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let mut warnings = placement.warnings;
    warnings.extend(identify::oddities(fields, shape, frames, frame));
    if named_gz && !compressed {
        warnings.push("The name ends in .gz, but the file is not compressed; it was read as it is.".into());
    }
    warnings.extend(decoded.survey.warnings());
    let grid = placement.grid;
    Ok(Scan {
        name: stem(path),
        path: path.into(),
        facts: Facts {
            format: identify::format_name(fields, compressed),
            datatype: identify::type_name(fields)?,
            shape: fields.shape(),
            spacing_mm: grid.spacing_mm(),
            orientation: grid.orientation(),
            transform: placement.name.into(),
            transform_reason: placement.reason,
            frames,
            range: decoded.survey.range(),
            label_values: decoded.survey.label_values(),
            non_finite: decoded.survey.non_finite,
            warnings,
        },
        volume: Volume { grid, voxels: decoded.voxels },
        header,
    })
}
