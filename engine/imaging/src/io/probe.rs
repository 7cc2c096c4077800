//! What a file is, from its header alone.

use super::header::Header;
use super::reader::Opened;
use super::readers::{open_file, stem};
use crate::{Grid, Result};
use std::path::{Path, PathBuf};

/// Bytes read at once where only a header is wanted.
const HEADER_BUFFER: usize = 1 << 12;

/// What the header of a scan says. [`super::Scan::open`] says the same of a file that it can read.
#[derive(Clone, Debug)]
pub struct Probe {
    /// File name without folder and image extension.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What an export on the same grid repeats.
    pub header: Header,
    /// Where the voxels lie.
    pub grid: Grid,
    /// As [`super::Facts::format`].
    pub format: String,
    /// Stored type, such as `int16`, with its scaling where there is one.
    pub datatype: String,
    /// Stored dimensions without trailing ones beyond the third.
    pub shape: Vec<usize>,
    /// Number of 3D volumes in the file.
    pub frames: usize,
    /// As [`super::Facts::transform`].
    pub transform: String,
    /// Why that transform was used.
    pub transform_reason: String,
    /// Warnings about the header.
    pub warnings: Vec<String>,
}

/// Reads the header of a file, and nothing of its voxels.
///
/// # Errors
/// Those of [`super::Scan::open`] that the header and the length of the file decide.
pub fn probe(path: &Path) -> Result<Probe> {
    let opened = open_file(path, HEADER_BUFFER).map_err(|fault| fault.at(path))?;
    Ok(Probe::of(&opened, path, 0))
}

impl Probe {
    /// What is said of a scan whose volume `frame` is taken.
    pub(super) fn of(opened: &Opened, path: &Path, frame: usize) -> Self {
        let placement = &opened.placement;
        let odd = oddities(opened, path, frame);
        let warnings = placement.warnings.iter().chain(&opened.warnings).cloned().chain(odd);
        Self {
            name: stem(path),
            path: path.into(),
            header: opened.header.clone(),
            grid: placement.grid,
            format: opened.format.clone(),
            datatype: opened.datatype.clone(),
            shape: opened.shape.clone(),
            frames: opened.frames,
            transform: placement.name.into(),
            transform_reason: placement.reason.clone(),
            warnings: warnings.collect(),
        }
    }
}

/// Warnings that any format can give.
fn oddities(opened: &Opened, path: &Path, frame: usize) -> impl Iterator<Item = String> {
    let frames = opened.frames;
    let series = (frames > 1)
        .then(|| format!("The file is a series of {frames} volumes; volume {} was taken.", frame + 1));
    let shape = opened.placement.grid.shape;
    let flat = shape
        .contains(&1)
        .then(|| "The image is a single slice, so there is nothing to see in depth.".to_owned());
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain = (["gz", "mgz"].contains(&ending.as_str()) && !opened.compressed).then(|| {
        format!("The name ends in .{ending}, but the file is not compressed; it was read as it is.")
    });
    [series, flat, plain].into_iter().flatten()
}
