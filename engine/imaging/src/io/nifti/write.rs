//! Exports on the grid of a scan that was read.

use super::stored::{Content, NO_EXTENSIONS, StoredHeader};
use crate::io::header::Header;
use crate::io::replace::replace_file;
use crate::{Error, Grid, LabelMap, Result, Volume};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// `NIFTI_INTENT_NONE`.
const NO_INTENT: i16 = 0;
/// `NIFTI_INTENT_LABEL`, so that viewers show a mask in colours.
const LABEL_INTENT: i16 = 1002;

/// How the names of exports end.
pub const WRITTEN_ENDINGS: [&str; 2] = [".nii.gz", ".nii"];

/// Most voxels along an axis of NIfTI-1, and most volumes.
const LONGEST: usize = i16::MAX as usize;

/// Measured on float images: as small as the usual 6 within a few percent, in less than half the time.
const LEVEL: Compression = Compression::new(3);

/// Writes a mask as NIfTI on the grid of `like`, in the smallest unsigned integer type that holds the labels, slope 1,
/// intercept 0. A NIfTI header is repeated: same dimensions, sform, qform, pixdim, codes and units byte for byte, in the
/// same byte order and version. Of another format the sform repeats the grid. `path` ends in one of
/// [`WRITTEN_ENDINGS`]. Written beside and renamed.
///
/// # Errors
/// Another extension, a mask that does not lie on the grid of `like`, or the operating system's refusal.
pub fn write_labels(path: &Path, labels: &LabelMap, like: &Header) -> Result<()> {
    check(path, like, &labels.grid, labels.voxels.len())?;
    let wide = labels.voxels.iter().any(|&label| label > u16::from(u8::MAX));
    let (code, size) = if wide { (512, 2) } else { (2, 1) };
    let content = Content { code, size, shape: labels.grid.shape, frames: None, intent: LABEL_INTENT };
    let voxels = labels.voxels.iter().copied();
    if wide {
        write(path, like, &content, voxels, u16::to_le_bytes)
    } else {
        write(path, like, &content, voxels, |label| [label as u8])
    }
}

/// Writes a float32 image on the grid of `like` as a 3D file, with the same promises as [`write_labels`].
pub fn write_image(path: &Path, volume: &Volume, like: &Header) -> Result<()> {
    write_floats(path, std::slice::from_ref(volume), like, None)
}

/// Writes float32 volumes on the grid of `like` as one 4D file, also where there is only one.
pub fn write_series(path: &Path, volumes: &[Volume], like: &Header) -> Result<()> {
    write_floats(path, volumes, like, Some(volumes.len()))
}

fn write_floats(path: &Path, volumes: &[Volume], like: &Header, frames: Option<usize>) -> Result<()> {
    let Some(first) = volumes.first() else {
        return Err(Error::Request("There is no volume to write; choose at least one label.".into()));
    };
    if volumes.len() > LONGEST {
        return Err(Error::Request(
            "A file cannot hold more than 32767 volumes; choose fewer labels.".into(),
        ));
    }
    for volume in volumes {
        check(path, like, &volume.grid, volume.voxels.len())?;
    }
    let content = Content { code: 16, size: 4, shape: first.grid.shape, frames, intent: NO_INTENT };
    let voxels = volumes.iter().flat_map(|volume| volume.voxels.iter().copied());
    write(path, like, &content, voxels, f32::to_le_bytes)
}

/// Whether voxels on `grid` may be written under `like`: an export in another place than its voxels would be a silent
/// error.
fn check(path: &Path, like: &Header, grid: &Grid, voxels: usize) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let refuse = |problem: &str| Err(Error::File { path: path.into(), problem: problem.into() });
    if !WRITTEN_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return refuse("images are written as .nii.gz or .nii; give the file a name that ends so.");
    }
    if like.nifti().is_none() && grid.shape.iter().any(|&n| n > LONGEST) {
        return refuse("an axis is longer than the 32767 voxels that NIfTI holds; crop the scan.");
    }
    if like.grid().agrees_with(grid) && voxels == grid.len() {
        return Ok(());
    }
    let problem = format!(
        "{}: the result does not lie on the grid of the scan whose header it should get; resample it to that scan.",
        path.display()
    );
    Err(Error::Geometry { problem })
}

fn write<T, const N: usize>(
    path: &Path,
    like: &Header,
    content: &Content,
    voxels: impl Iterator<Item = T>,
    little_endian: impl Fn(T) -> [u8; N],
) -> Result<()> {
    let mut header = StoredHeader::of(like);
    header.describe(content);
    let big_endian = header.big_endian();
    let fill = |out: &mut dyn Write| -> io::Result<()> {
        let mut out = BufWriter::new(out);
        out.write_all(header.bytes())?;
        out.write_all(&NO_EXTENSIONS)?;
        for voxel in voxels {
            let mut bytes = little_endian(voxel);
            if big_endian {
                bytes.reverse();
            }
            out.write_all(&bytes)?;
        }
        out.flush()
    };
    let compressed = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    replace_file(path, |out| {
        if !compressed {
            return fill(out);
        }
        let mut gzip = GzEncoder::new(out, LEVEL);
        fill(&mut gzip)?;
        gzip.finish().map(drop)
    })
}
