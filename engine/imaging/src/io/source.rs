//! Streams of file content, plain or gzip by their first bytes and never by name.
//!
//! Nothing here trusts a size: [`Source::capacity`] bounds what a header may claim before memory is taken,
//! and [`Source::finish`] reads to the end of the stream, so that gzip checksums and lengths are always checked.
//! A pipe has no length that could bound a claim; what arrives from it is taken piece by piece.

use super::fault::{Checked, refuse};
use crate::CancelToken;
use flate2::bufread::GzDecoder;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// First bytes of a gzip stream (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Deflate cannot expand by more than this (258 bytes from 2 bits).
const LARGEST_EXPANSION: u64 = 1032;

/// Bytes after the voxels that are passed over however small the image is.
const HARMLESS_SURPLUS: u64 = 1 << 20;

/// The content of a file, decompressed.
pub(super) struct Source<'a> {
    stream: Stream<'a>,
    /// Bytes that were looked at and are still to be read.
    ahead: VecDeque<u8>,
    /// Length of the file as stored; unknown for a pipe.
    stored: Option<u64>,
    /// Bytes read so far.
    position: u64,
    /// Reading fails once this is cancelled.
    cancel: CancelToken,
}

type Bytes<'a> = Box<dyn BufRead + Send + 'a>;

enum Stream<'a> {
    Plain(Bytes<'a>),
    /// Always present; taken out only for the moment in which one member follows another.
    Gzip(Option<Box<GzDecoder<Bytes<'a>>>>),
}

impl Source<'static> {
    /// Opens a file or a pipe; `buffer` bytes are read from it at once.
    pub fn open(path: &Path, buffer: usize) -> Checked<Self> {
        if path.is_dir() {
            return refuse(
                "this is a folder, and a scan is one file; convert a folder of DICOM slices to NIfTI first, for \
                 example with dcm2niix.",
            );
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let stored = metadata.is_file().then_some(metadata.len());
        Self::new(Box::new(BufReader::with_capacity(buffer, file)), stored)
    }
}

impl<'a> Source<'a> {
    pub fn memory(bytes: &'a [u8]) -> Checked<Self> {
        Self::new(Box::new(bytes), Some(bytes.len() as u64))
    }

    fn new(mut bytes: Bytes<'a>, stored: Option<u64>) -> Checked<Self> {
        let start = bytes.fill_buf()?;
        if start.is_empty() {
            return refuse(match stored {
                Some(_) => "the file is empty; copy or download it again.",
                None => "nothing came from the pipe; check the command that writes to it.",
            });
        }
        let stream = if start.starts_with(&GZIP_MAGIC) {
            Stream::Gzip(Some(Box::new(GzDecoder::new(bytes))))
        } else {
            Stream::Plain(bytes)
        };
        Ok(Self { stream, ahead: VecDeque::new(), stored, position: 0, cancel: CancelToken::default() })
    }

    /// Reading fails with [`crate::Error::Cancelled`] once the token is cancelled.
    pub fn stop_when(&mut self, cancel: CancelToken) {
        self.cancel = cancel;
    }

    /// Whether the content is stored as gzip.
    pub fn compressed(&self) -> bool {
        matches!(self.stream, Stream::Gzip(_))
    }

    /// Most bytes that the file can possibly hold; unknown for a pipe.
    pub fn capacity(&self) -> Option<u64> {
        let expansion = if self.compressed() { LARGEST_EXPANSION } else { 1 };
        self.stored.map(|stored| stored.saturating_mul(expansion))
    }

    /// The next bytes, as many as there are, up to `most`; they stay to be read.
    pub fn start(&mut self, most: usize) -> io::Result<&[u8]> {
        let missing = most.saturating_sub(self.ahead.len()) as u64;
        let mut more = Vec::new();
        self.stream.by_ref().take(missing).read_to_end(&mut more)?;
        self.ahead.extend(more);
        Ok(self.ahead.make_contiguous())
    }

    /// Reads as many bytes as there are, up to `most`.
    pub fn read_up_to(&mut self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.by_ref().take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Goes to byte `position`, which lies ahead.
    pub fn skip_to(&mut self, position: u64) -> io::Result<()> {
        let ahead = position.saturating_sub(self.position);
        let skipped = io::copy(&mut self.by_ref().take(ahead), &mut io::sink())?;
        if skipped == ahead { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Reads to the end of the stream, which checks its checksum and length. Junk after the voxels is
    /// passed over, but a stream that continues for longer than the whole image is stopped.
    pub fn finish(mut self) -> Checked<()> {
        if !self.compressed() {
            return Ok(());
        }
        let surplus = self.position + HARMLESS_SURPLUS;
        if io::copy(&mut self.by_ref().take(surplus), &mut io::sink())? < surplus {
            return Ok(());
        }
        refuse(
            "the compressed data go on far beyond the size that the header gives, so the file is damaged or made \
             to exhaust memory; do not use it.",
        )
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.cancel.check().map_err(io::Error::other)?;
        let read = match self.ahead.is_empty() {
            true => self.stream.read(buffer)?,
            false => self.ahead.read(buffer)?,
        };
        self.position += read as u64;
        Ok(read)
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let member = match self {
            Self::Plain(bytes) => return bytes.read(buffer),
            Self::Gzip(member) => member,
        };
        loop {
            let current = member.as_mut().expect("a member is put back before the loop continues");
            let read = current.read(buffer)?;
            // At the end of a member its checksum has been checked. Another may follow; anything else is padding.
            let more = current.get_mut().fill_buf()?.first() == Some(&GZIP_MAGIC[0]);
            if read > 0 || buffer.is_empty() || !more {
                return Ok(read);
            }
            *member = member.take().map(|done| Box::new(GzDecoder::new(done.into_inner())));
        }
    }
}
