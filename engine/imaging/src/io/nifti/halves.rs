//! Names: what a file is called without its extension, and where the other half of an `.hdr`/`.img` pair lies.

use super::fault::{Checked, refuse};
use super::fields::version_and_order;
use super::source::Source;
use std::path::{Path, PathBuf};

const EXTENSIONS: [&str; 4] = [".nii", ".hdr", ".img", ".mgz"];

/// File name without folder and image extension, in any letter case: `T1` for `/a/T1.nii.GZ`.
pub fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bare = without(&name, ".gz").unwrap_or(&name);
    EXTENSIONS.iter().find_map(|extension| without(bare, extension)).unwrap_or(bare).to_string()
}

/// Whether a name looks like an image that can be opened.
pub fn is_image_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let bare = name.strip_suffix(".gz").unwrap_or(&name);
    [".nii", ".hdr", ".img"].iter().any(|extension| bare.ends_with(extension))
}

/// Whether a file is an image that can be opened: by its name, else by its first bytes.
pub fn is_image(path: &Path) -> bool {
    is_image_name(path) || path.is_file() && starts_as_nifti(path).unwrap_or(false)
}

fn starts_as_nifti(path: &Path) -> Checked<bool> {
    let start = Source::open(path, 1 << 9)?.read_up_to(4)?;
    Ok(version_and_order(&start).is_some())
}

/// Whether the voxels of a pair are asked for.
pub(super) fn is_voxel_half(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.ends_with(".img") || name.ends_with(".img.gz")
}

/// The file beside `path` with the same name and `extension` (`.hdr` or `.img`), compressed or not.
pub(super) fn other_half(path: &Path, extension: &str) -> Checked<PathBuf> {
    let stem = stem(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fits = |candidate: &PathBuf| {
        let name = candidate.file_name().unwrap_or_default().to_string_lossy();
        let bare = without(&name, ".gz").unwrap_or(&name);
        without(bare, extension) == Some(stem.as_str())
    };
    let mut found: Vec<_> = folder.read_dir()?.flatten().map(|entry| entry.path()).filter(fits).collect();
    found.sort();
    match found.into_iter().next() {
        Some(half) => Ok(half),
        None => refuse(format!(
            "this is one half of a pair of files and the other, {stem}{extension}, is not beside it; put both into \
             one folder."
        )),
    }
}

/// `name` without `ending` in any letter case.
fn without<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(ending.len())?;
    let (start, end) = (name.get(..at)?, name.get(at..)?);
    end.eq_ignore_ascii_case(ending).then_some(start)
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
            ("plain", "plain"),
            (".nii", ""),
        ] {
            assert_eq!(stem(Path::new(path)), name);
        }
    }
}
