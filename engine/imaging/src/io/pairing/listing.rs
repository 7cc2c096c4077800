//! The image files below some folders.

use crate::io::readers::{is_image, part_number, stem};
use crate::{Error, Result};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Most files that a dropped folder may bring.
pub const MOST_FILES: usize = 10_000;
/// Folders deeper than this are not entered, so that links in circles end.
const DEEPEST: usize = 12;

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
