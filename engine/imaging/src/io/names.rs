//! Names of files: their endings in any letter case, compressed or not, and the files that make up one scan together.

use super::fault::{Checked, refuse};
use std::path::{Path, PathBuf};

/// What may follow any ending.
const COMPRESSED: &str = ".gz";

/// File name without its folder and without the first of `endings` that fits; None where none does. `.gz` may follow in
/// the name or in the ending.
pub(super) fn without_ending<'a>(
    path: &Path,
    endings: impl IntoIterator<Item = &'a &'static str>,
) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    let bare = uncompressed(&name);
    endings.into_iter().find_map(|ending| without(bare, uncompressed(ending))).map(str::to_owned)
}

/// File name without its folder and `.gz`.
pub(super) fn bare(path: &Path) -> String {
    uncompressed(&path.file_name().unwrap_or_default().to_string_lossy()).to_owned()
}

/// The file beside `path` whose name ends in `wanted` where that of `path` ends in one of `parts`.
///
/// # Errors
/// A message that names the missing file, or the operating system's refusal.
pub(super) fn part_beside(path: &Path, parts: &[&'static str], wanted: &'static str) -> Checked<PathBuf> {
    let stem = without_ending(path, parts).unwrap_or_else(|| bare(path));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fits = |candidate: &PathBuf| without_ending(candidate, &[wanted]).as_ref() == Some(&stem);
    let found = folder.read_dir()?.flatten().map(|entry| entry.path()).filter(fits).min();
    match found {
        Some(part) => Ok(part),
        None => refuse(format!(
            "this is one half of a pair of files and the other, {stem}{wanted}, is not beside it; put both into \
             one folder."
        )),
    }
}

fn uncompressed(name: &str) -> &str {
    without(name, COMPRESSED).unwrap_or(name)
}

/// `name` without `ending` in any letter case.
fn without<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(ending.len())?;
    let (start, end) = (name.get(..at)?, name.get(at..)?);
    end.eq_ignore_ascii_case(ending).then_some(start)
}
