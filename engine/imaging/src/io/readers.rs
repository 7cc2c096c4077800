//! The readers: which formats can be opened, and what their files are called. A new format is a line in [`READERS`].

use super::fault::{Checked, Fault};
use super::reader::{Input, Opened, Reader, START};
use super::source::Source;
use super::{foreign, names};
use std::path::{Path, PathBuf};

/// Every reader, in the order in which they are asked.
const READERS: [Reader; 2] = [super::nifti::READER, super::mgh::READER];

/// Bytes read at once to find out what a file is.
const LOOK: usize = 1 << 9;

/// Endings of the names of files that can be opened, such as `.nii.gz`, in lower case.
pub fn readable_endings() -> impl Iterator<Item = &'static str> {
    READERS.iter().flat_map(|reader| reader.endings).copied()
}

/// The endings for a message: `.nii, .nii.gz and .mgz`.
pub fn readable_files() -> String {
    enumeration(&readable_endings().collect::<Vec<_>>())
}

/// The formats for a message: `NIfTI and MGH/MGZ`.
pub fn readable_formats() -> String {
    enumeration(&READERS.each_ref().map(|reader| reader.name))
}

/// File name without folder and image extension, in any letter case: `T1` for `/a/T1.nii.GZ`.
pub fn stem(path: &Path) -> String {
    let endings = READERS.iter().flat_map(|reader| reader.endings);
    names::without_ending(path, endings).unwrap_or_else(|| names::bare(path))
}

/// Whether a name looks like an image that can be opened.
pub fn is_image_name(path: &Path) -> bool {
    names::without_ending(path, READERS.iter().flat_map(|reader| reader.endings)).is_some()
}

/// Whether a file is an image that can be opened: by its name, else by its first bytes.
pub fn is_image(path: &Path) -> bool {
    is_image_name(path) || path.is_file() && starts_as_one(path).unwrap_or(false)
}

fn starts_as_one(path: &Path) -> Checked<bool> {
    Ok(reader_of(Source::open(path, LOOK)?.start(START)?).is_some())
}

/// Which of the files that make up one scan this is by its name, from 0; None where a file is a scan by itself.
pub(super) fn part_number(path: &Path) -> Option<usize> {
    part(path).map(|(_, number)| number)
}

fn part(path: &Path) -> Option<(&'static Reader, usize)> {
    let number = |reader: &Reader| {
        reader.parts.iter().position(|part| names::without_ending(path, &[*part]).is_some())
    };
    READERS.iter().find_map(|reader| Some((reader, number(reader)?)))
}

/// Opens a scan by its file, or by any of its files.
pub(super) fn open_file(path: &Path, buffer: usize) -> Checked<Opened<'static>> {
    let first = match part(path) {
        Some((reader, 1..)) => {
            // A missing file is reported as such, not as one without its other half.
            path.metadata()?;
            names::part_beside(path, reader.parts, reader.parts[0])?
        }
        _ => PathBuf::from(path),
    };
    open(path, Input::file(&first, buffer)?)
}

/// Reads the description of a scan; `path` is what the user calls it.
pub(super) fn open<'a>(path: &Path, mut input: Input<'a>) -> Checked<Opened<'a>> {
    let start = input.source.start(START)?;
    match reader_of(start) {
        Some(reader) => (reader.open)(input),
        None => Err(Fault::Refused(foreign::describe(start, path, &readable_files()))),
    }
}

fn reader_of(start: &[u8]) -> Option<&'static Reader> {
    READERS.iter().find(|reader| (reader.recognises)(start))
}

fn enumeration(words: &[&str]) -> String {
    match words {
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_extension_in_any_case() {
        for (path, name) in [
            ("/a/T1.nii.gz", "T1"),
            ("Ünïcode name (1).NII.GZ", "Ünïcode name (1)"),
            ("x.img.gz", "x"),
            ("1.2.3.hdr", "1.2.3"),
            ("mri/aseg.mgz", "aseg"),
            ("aseg.MGH.gz", "aseg"),
            ("plain", "plain"),
            ("plain.gz", "plain"),
            (".nii", ""),
        ] {
            assert_eq!(stem(Path::new(path)), name);
        }
    }

    #[test]
    fn messages_list_every_ending() {
        assert_eq!(readable_files(), ".nii, .nii.gz, .hdr, .img, .mgh and .mgz");
        assert_eq!(readable_formats(), "NIfTI and MGH/MGZ");
        assert_eq!(enumeration(&["one"]), "one");
    }
}
