//! What a file is, from its header alone.

use super::fault::{Checked, Fault, refuse};
use super::fields::{self, Fields};
use super::source::Source;
use super::voxels::Extent;
use super::{Header, halves, identify, stem, transform};
use crate::io::replace::protect;
use crate::{Grid, Result};
use std::path::{Path, PathBuf};

/// Bytes read at once where only a header is wanted.
const HEADER_BUFFER: usize = 1 << 12;

/// What the header of a file says. [`super::Scan::open`] says the same of a file that it can read.
#[derive(Clone, Debug)]
pub struct Probe {
    /// File name without folder and NIfTI extension.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The header as stored.
    pub header: Header,
    /// Where the voxels lie.
    pub grid: Grid,
    /// `NIfTI-1` or `NIfTI-2`, and whether it is compressed, a pair of files or big-endian.
    pub format: String,
    /// Stored type, such as `int16`, with its scaling where there is one.
    pub datatype: String,
    /// Stored dimensions without trailing ones beyond the third.
    pub shape: Vec<usize>,
    /// Number of 3D volumes in the file.
    pub frames: usize,
    /// `sform`, `qform` or `pixdim`, as [`super::Facts::transform`].
    pub transform: String,
    /// Why that transform was used.
    pub transform_reason: String,
    /// Sentences about what is odd in the header.
    pub warnings: Vec<String>,
}

/// Reads the header of a file, and nothing of its voxels.
///
/// # Errors
/// Those of [`super::Scan::open`] that the header and the length of the file decide.
pub fn probe(path: &Path) -> Result<Probe> {
    let inner = || Opened::file(path, HEADER_BUFFER)?.probe(path, 0);
    inner().map_err(|fault| fault.at(path))
}

/// A file whose header has been read. Its source stands after the header or at the start of an `.img`.
pub(super) struct Opened<'a> {
    pub source: Source<'a>,
    pub header: Header,
    pub fields: Fields,
}

impl Opened<'static> {
    /// A single file, or a pair of files by either half.
    pub fn file(path: &Path, buffer: usize) -> Checked<Self> {
        let voxel_half = halves::is_voxel_half(path);
        if voxel_half {
            // A missing file is reported as such, not as one without its other half.
            path.metadata()?;
        }
        let header_half = if voxel_half { halves::other_half(path, ".hdr")? } else { path.into() };
        let mut opened = Opened::header(Source::open(&header_half, buffer)?, path)?;
        protect(&header_half);
        if !opened.fields.single_file {
            opened.source.finish()?;
            let voxel_half = halves::other_half(&header_half, ".img")?;
            protect(&voxel_half);
            opened.source = Source::open(&voxel_half, buffer)?;
        }
        Ok(opened)
    }
}

impl<'a> Opened<'a> {
    /// An embedded file.
    pub fn memory(bytes: &'a [u8], path: &Path) -> Checked<Self> {
        let opened = Opened::header(Source::memory(bytes)?, path)?;
        if opened.fields.single_file {
            return Ok(opened);
        }
        refuse("this is one half of a pair of files; embed a single .nii file instead.")
    }

    fn header(mut source: Source<'a>, path: &Path) -> Checked<Self> {
        let mut bytes = source.read_up_to(fields::LENGTH_1 as u64)?;
        match fields::version_and_order(&bytes) {
            Some((2, _)) => {
                bytes.extend(source.read_up_to((fields::LENGTH_2 - fields::LENGTH_1) as u64)?);
            }
            Some(_) => {}
            None => return Err(Fault::Refused(identify::foreign(&bytes, path))),
        }
        let (header, fields) = Header::keep(bytes)?;
        Ok(Self { source, header, fields })
    }

    /// What the header says, where volume `frame` is taken.
    pub fn probe(&self, path: &Path, frame: usize) -> Checked<Probe> {
        let Self { source, header, fields } = self;
        let Extent { shape, frames, .. } = Extent::of(fields, source.capacity())?;
        let placement = transform::place(fields, shape);
        let named_gz = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let plain = (named_gz && !source.compressed())
            .then(|| "The name ends in .gz, but the file is not compressed; it was read as it is.".into());
        let oddities = identify::oddities(fields, shape, frames, frame);
        Ok(Probe {
            name: stem(path),
            path: path.into(),
            header: header.clone(),
            grid: placement.grid,
            format: identify::format_name(fields, source.compressed()),
            datatype: identify::type_name(fields)?,
            shape: fields.shape(),
            frames,
            transform: placement.name.into(),
            transform_reason: placement.reason,
            warnings: placement.warnings.into_iter().chain(oddities).chain(plain).collect(),
        })
    }
}
