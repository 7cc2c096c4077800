//! What a reader of one format is: a row of the list in `readers.rs`.

use super::fault::{Checked, refuse};
use super::header::Header;
use super::names::part_beside;
use super::placement::Placement;
use super::source::Source;
use super::survey::Decoded;
use crate::CancelToken;
use crate::io::replace::protect;
use std::path::{Path, PathBuf};

/// Bytes at the start of a file, decompressed, by which its format is recognised.
pub(super) const START: usize = 512;

/// How one format is recognised and read. A scan may be many files: [`Input`] leads to those beside the first.
pub(super) struct Reader {
    /// The format as a message calls it.
    pub name: &'static str,
    /// Endings of its files' names, as a message lists them. `.gz` may follow each.
    pub endings: &'static [&'static str],
    /// Endings of the files that make up one scan, the one that describes the others first; empty where a single file
    /// is a scan.
    pub parts: &'static [&'static str],
    /// Whether a file is of this format, by its first [`START`] bytes or as many as there are.
    pub recognises: fn(&[u8]) -> bool,
    /// Reads what describes the scan, and says how its voxels are read.
    pub open: for<'a> fn(Input<'a>) -> Checked<Opened<'a>>,
}

/// A file that has been recognised, at its start.
pub(super) struct Input<'a> {
    pub source: Source<'a>,
    /// The file and how many bytes are read from it at once; None for bytes in memory.
    file: Option<(PathBuf, usize)>,
}

impl Input<'static> {
    /// Opens a file, which is protected from being overwritten from then on.
    pub fn file(path: &Path, buffer: usize) -> Checked<Self> {
        let source = Source::open(path, buffer)?;
        protect(path);
        Ok(Self { source, file: Some((path.into(), buffer)) })
    }
}

impl<'a> Input<'a> {
    pub fn memory(bytes: &'a [u8]) -> Checked<Self> {
        Ok(Self { source: Source::memory(bytes)?, file: None })
    }

    /// Opens the file of the same scan whose name ends in `wanted` where this one's ends in one of `parts`.
    ///
    /// # Errors
    /// A message where there is none, and for bytes in memory.
    pub fn part(&self, parts: &[&'static str], wanted: &'static str) -> Checked<Source<'static>> {
        let Some((path, buffer)) = &self.file else {
            return refuse("this is one half of a pair of files; embed a single file instead.");
        };
        Ok(Input::file(&part_beside(path, parts, wanted)?, *buffer)?.source)
    }
}

/// Decodes one volume of a scan.
pub(super) type DecodeVolume<'a> = dyn FnOnce(usize, CancelToken) -> Checked<Decoded> + 'a;

/// A scan whose description has been read. Every size in it fits the files that were opened.
pub(super) struct Opened<'a> {
    /// Format and version, and whether the file is compressed, one of a pair, or big-endian.
    pub format: String,
    /// Stored type, such as `int16`, with its scaling where there is one.
    pub datatype: String,
    /// Stored dimensions without trailing ones beyond the third.
    pub shape: Vec<usize>,
    pub frames: usize,
    pub placement: Placement,
    pub header: Header,
    /// Whether the first file is stored as gzip.
    pub compressed: bool,
    /// Warnings that are particular to the format.
    pub warnings: Vec<String>,
    /// Decodes the volume of this number, from 0, until the token is cancelled.
    pub voxels: Box<DecodeVolume<'a>>,
}
