//! What files are for, from their names: which label belongs to which image, and what is the target.
//!
//! One rule for all customs (`images/` + `labels/`, nnU-Net, BIDS and its derivatives, `_seg`, FreeSurfer, BraTS, IBSR):
//! an image and a label are partners where the same name is left without the words that say what a file is for. Where
//! several labels fit an image equally well, or one label several scans, there is no pair but a sentence.

mod folder;
mod name;
mod sorted;
mod words;

pub use folder::{Examples, context_dir, examples_in, is_same_scan};

use crate::io::readers::{is_image, part_number, stem};
use crate::{Error, Result};
use sorted::Sorted;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What a file is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The scan to segment.
    Target,
    /// An image that somebody has labelled.
    ExampleImage,
    /// Its labels.
    ExampleLabel,
    /// Labels of the target, to compare with.
    GroundTruth,
    /// Labels without an image.
    Mask,
    /// Not used.
    Ignored {
        /// Why, as a sentence.
        why: String,
    },
}

/// A file with its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The file.
    pub path: PathBuf,
    /// What it is for.
    pub role: Role,
    /// The label of an image, or the image of a label.
    pub partner: Option<PathBuf>,
}

/// Most files that a dropped folder may bring.
pub const MOST_FILES: usize = 10_000;
/// Folders deeper than this are not entered, so that links in circles end.
const DEEPEST: usize = 12;

/// Whether a file's name begins in one of these ways.
pub fn begins(path: &Path, beginnings: &[String]) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    beginnings.iter().any(|beginning| name.starts_with(beginning.as_str()))
}

/// The first of some beginnings in which no file's name begins.
pub fn missing<'a, 'b>(
    beginnings: &'a [String],
    files: impl Iterator<Item = &'b PathBuf> + Clone,
) -> Option<&'a String> {
    let lost = |beginning: &&String| !files.clone().any(|file| begins(file, std::slice::from_ref(beginning)));
    beginnings.iter().find(lost)
}

/// Guesses what each file is for, from names (and the first bytes of files whose names say nothing); the order of the
/// answer is that of `paths`.
pub fn guess_roles(paths: &[PathBuf]) -> Vec<Planned> {
    Sorted::of(paths).plan(paths)
}

/// Image files in `paths`, folders expanded, in order of names; of a scan of several files, such as `.hdr` and `.img`,
/// the first.
///
/// # Errors
/// A folder that cannot be read, or more than [`MOST_FILES`] images.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        collect(path, 0, &mut found)?;
    }
    let name = |path: &PathBuf| path.with_file_name(stem(path));
    let first: HashSet<_> = found.iter().filter(|path| part_number(path) == Some(0)).map(name).collect();
    found.retain(|path| !matches!(part_number(path), Some(1..)) || !first.contains(&name(path)));
    Ok(found)
}

fn collect(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        found.push(path.into());
    } else if depth < DEEPEST {
        let io = |source| Error::Io { path: path.into(), source };
        let mut inside: Vec<_> = path.read_dir().map_err(io)?.flatten().map(|entry| entry.path()).collect();
        inside.retain(|inner| !inner.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
        inside.retain(|inner| inner.is_dir() || is_image(inner));
        inside.sort();
        for inner in inside {
            collect(&inner, depth + 1, found)?;
        }
    }
    if found.len() > MOST_FILES {
        let problem = format!("there are more than {MOST_FILES} images here; choose a smaller folder.");
        return Err(Error::File { path: path.into(), problem });
    }
    Ok(())
}
