//! Files chosen by the beginnings of their names.

use std::path::{Path, PathBuf};

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
