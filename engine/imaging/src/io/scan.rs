//! Opening a scan of any format that has a reader.

use super::fault::Checked;
use super::header::Header;
use super::probe::Probe;
use super::reader::{Input, Opened};
use super::readers;
use super::survey::{Decoded, is_intensity};
use crate::{CancelToken, Result, Volume};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes read at once from a file whose voxels are wanted.
const BUFFER: usize = 1 << 17;

/// One opened image: finite intensities on their grid, what an export of it repeats, and what was noticed.
#[derive(Clone, Debug)]
pub struct Scan {
    /// File name without folder and image extension.
    pub name: String,
    /// Where it was read from; the bare name for embedded data.
    pub path: PathBuf,
    /// The chosen 3D volume; shared, so that whoever computes with it needs no copy.
    pub volume: Arc<Volume>,
    /// For exports on the same grid.
    pub header: Header,
    /// What a reader of the file should know.
    pub facts: Facts,
}

/// What `exemplar info` prints of a file.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// `NIfTI-1`, `NIfTI-2` or `MGH`, and whether it is compressed, a pair of files or big-endian.
    pub format: String,
    /// Stored type, such as `int16`, with its scaling where there is one.
    pub datatype: String,
    /// Stored dimensions without trailing ones beyond the third.
    pub shape: Vec<usize>,
    /// Voxel spacing along x, y, z in millimetres.
    pub spacing_mm: [f64; 3],
    /// Letters that name the side each axis grows towards, such as `LIA`.
    pub orientation: String,
    /// Which statement of the header places the voxels. NIfTI: `sform`, `qform` or `pixdim` by nibabel's rule, that is
    /// the sform if its code is above 0, else the qform if its code is above 0, else the voxel sizes alone with the
    /// first axis towards the left and the middle of the image at the origin. MGH: `vox2ras`, or `coronal` where the
    /// file has none. A statement that cannot place voxels is passed over with a warning.
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
    /// Warnings: what is odd and what was done about it.
    pub warnings: Vec<String>,
}

impl Scan {
    /// Opens a file of any format that has a reader, decided by its content; of an `.hdr`/`.img` pair either half.
    /// `frame` chooses the 3D volume of a series, from 0.
    ///
    /// # Errors
    /// [`crate::Error::File`], [`crate::Error::Io`] or [`crate::Error::Memory`] with a message for each way a file can
    /// be unusable.
    pub fn open(path: &Path, frame: usize) -> Result<Self> {
        Self::open_unless(path, frame, &CancelToken::default())
    }

    /// As [`Scan::open`], until the token is cancelled.
    ///
    /// # Errors
    /// Those of [`Scan::open`], and [`crate::Error::Cancelled`].
    pub fn open_unless(path: &Path, frame: usize, cancel: &CancelToken) -> Result<Self> {
        let inner = || read(path, readers::open_file(path, BUFFER)?, frame, cancel.clone());
        inner().map_err(|fault| fault.at(path))
    }

    /// Reads an embedded file; `name` stands for its path.
    ///
    /// # Errors
    /// As [`Scan::open`].
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        let path = Path::new(name);
        let inner = || read(path, readers::open(path, Input::memory(bytes)?)?, 0, CancelToken::default());
        inner().map_err(|fault| fault.at(path))
    }
}

fn read(path: &Path, opened: Opened, frame: usize, cancel: CancelToken) -> Checked<Scan> {
    let probe = Probe::of(&opened, path, frame);
    let Decoded { voxels, survey } = (opened.voxels)(frame, cancel)?;
    let grid = probe.grid;
    let label_values = survey.label_values().filter(|values| !is_intensity(values.len(), &grid, &voxels));
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
        volume: Arc::new(Volume { grid, voxels }),
        header: probe.header,
    })
}
