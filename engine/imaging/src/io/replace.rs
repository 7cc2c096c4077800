//! Files that appear whole or not at all, and never in place of an input.

use crate::{Error, Result};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::NamedTempFile;

/// Every file that was opened as an input in this process, by its path without links.
static INPUTS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Temporary files that are being written.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// As many links in a row as Linux follows.
const MOST_LINKS: usize = 40;

/// Says that a file is an input: from now on nothing in this process writes over it.
pub fn protect(input: &Path) {
    // What has no path of its own, such as a pipe, cannot be replaced.
    if let Ok(path) = input.canonicalize() {
        lock(&INPUTS).insert(path);
    }
}

/// A place for a file, checked before the work for it starts.
#[derive(Clone, Debug)]
pub struct Destination {
    /// As [`resolve`] gives it.
    pub path: PathBuf,
    /// A file is there and will be replaced.
    pub exists: bool,
    /// It is write-protected. Replacing it works all the same, since it takes the folder's permission only.
    pub read_only: bool,
}

impl Destination {
    /// Checks that a file may be put at `path`; its name ends in one of `endings`, in any letter case.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Io`] where the name ends otherwise, the folder is missing or cannot be written, or what
    /// is there is an input or no file.
    pub fn check(path: &Path, endings: &[&str]) -> Result<Self> {
        let place = place(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if !endings.iter().any(|ending| name.ends_with(ending)) {
            let endings = endings.join(" or ");
            return refuse(path, format!("this file is written as {endings}; give it a name that ends so."));
        }
        must_be_writable(place.parent().unwrap_or(Path::new("/")))?;
        let existing = place.metadata().ok();
        let read_only = existing.as_ref().is_some_and(|existing| existing.permissions().readonly());
        Ok(Self { path: place, exists: existing.is_some(), read_only })
    }
}

/// Checks that files can be written into a folder for output, or that it can be made; makes nothing yet.
///
/// # Errors
/// [`Error::File`] where it is a file or lies in one, and the operating system's refusal.
pub fn check_folder(folder: &Path) -> Result<()> {
    let whole = std::path::absolute(folder).map_err(|source| Error::Io { path: folder.into(), source })?;
    let existing = whole.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    if !existing.is_dir() {
        return refuse(existing, "this is a file; choose a folder.");
    }
    must_be_writable(existing)
}

/// Writes `path` under a temporary name in the same folder and renames it once `write` is done and the disk has it, so
/// that a reader sees the old file or the whole new one, also after a power cut. The temporary file is removed when
/// anything fails. A link is followed.
///
/// # Errors
/// [`Error::File`] where `path` is an input of this process or no file, and the operating system's refusal.
pub fn replace_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let place = place(path)?;
    let folder = place.parent().unwrap_or(Path::new("/"));
    let attempt = || -> io::Result<()> {
        let (file, _unfinished) = begin(folder)?;
        let mut buffered = BufWriter::new(file);
        write(&mut buffered)?;
        let file = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&place)?;
        // The new name is on the disk once its folder is. Not every file system has an answer to that, nor Windows.
        File::open(folder).and_then(|folder| folder.sync_all()).ok();
        Ok(())
    };
    attempt().map_err(|source| Error::Io { path: path.into(), source })
}

/// For a process that is about to end: removes the files that are being written, and lets none be begun.
pub fn abandon() {
    let unfinished = lock(&UNFINISHED);
    for path in unfinished.iter() {
        fs::remove_file(path).ok();
    }
    std::mem::forget(unfinished);
}

/// Where a file written to `path` comes to lie, without links.
fn place(path: &Path) -> Result<PathBuf> {
    if let Ok(existing) = path.metadata()
        && !existing.is_file()
    {
        let what = if existing.is_dir() { "a folder" } else { "no ordinary file" };
        return refuse(path, format!("this is {what}; give the name of a file to write."));
    }
    let place = resolve(path)?;
    let is_there = place.exists();
    let is_it = |input: &PathBuf| *input == place || same_file::is_same_file(input, &place).unwrap_or(false);
    if is_there && lock(&INPUTS).iter().any(is_it) {
        return refuse(
            path,
            "this is one of the input files, which are never overwritten; choose another name.",
        );
    }
    Ok(place)
}

/// `path` without links, so that two names for one file are equal. A link that is its last part is followed also where it
/// leads to nothing yet.
///
/// # Errors
/// [`Error::File`] and [`Error::Io`] where its folder cannot be found.
pub fn resolve(path: &Path) -> Result<PathBuf> {
    let mut next = path.to_owned();
    for _ in 0..MOST_LINKS {
        let folder = next.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let Some(name) = next.file_name() else {
            return refuse(path, "this is a folder; give the name of a file to write.");
        };
        let folder = match folder.canonicalize() {
            Ok(folder) => folder,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let folder = folder.display();
                return refuse(
                    path,
                    format!("there is no folder {folder}; make it first, or choose another."),
                );
            }
            Err(source) => return Err(Error::Io { path: path.into(), source }),
        };
        let here = folder.join(name);
        match here.read_link() {
            Ok(link) => next = folder.join(link),
            Err(_) => return Ok(here),
        }
    }
    refuse(path, "this link leads in a circle; choose another name.")
}

/// Tries a nameless file, which says more than permissions do.
fn must_be_writable(folder: &Path) -> Result<()> {
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(()),
        // The folder is there; this is how such as /proc refuse a new file.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            refuse(folder, "this folder takes no files; choose another.")
        }
        Err(source) => Err(Error::Io { path: folder.into(), source }),
    }
}

/// A temporary file, and its entry among those that [`abandon`] removes.
fn begin(folder: &Path) -> io::Result<(NamedTempFile<File>, Unfinished)> {
    let mut unfinished = lock(&UNFINISHED);
    // Opened by name instead of by tempfile's default, whose files nobody else may read.
    let file = tempfile::Builder::new()
        .prefix(".exemplar-")
        .suffix(".part")
        .make_in(folder, |name| File::create_new(name))?;
    unfinished.insert(file.path().into());
    let entry = Unfinished(file.path().into());
    Ok((file, entry))
}

struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        lock(&UNFINISHED).remove(&self.0);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refuse<T>(path: &Path, problem: impl Into<String>) -> Result<T> {
    Err(Error::File { path: path.into(), problem: problem.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.nii");
        replace_file(&path, |out| out.write_all(b"whole")).unwrap();
        let failed = replace_file(&path, |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        assert!(failed.unwrap_err().to_string().contains("disk full"));
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_input_is_never_written_over_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("scan.nii"), b"input").unwrap();
        fs::hard_link(at("scan.nii"), at("hard.nii")).unwrap();
        let mut names = vec![at("scan.nii"), at("./scan.nii"), at("hard.nii")];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("scan.nii", at("soft.nii")).unwrap();
            std::os::unix::fs::symlink("soft.nii", at("softer.nii")).unwrap();
            names.extend([at("soft.nii"), at("softer.nii")]);
        }
        protect(&at("./scan.nii"));
        for name in names {
            let written = replace_file(&name, |out| out.write_all(b"output"));
            assert!(written.unwrap_err().to_string().contains("never overwritten"), "{}", name.display());
            assert!(Destination::check(&name, &[".nii"]).is_err(), "{}", name.display());
            assert_eq!(fs::read(&name).unwrap(), b"input");
        }
        replace_file(&at("new.nii"), |out| out.write_all(b"output")).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_yet_is_another_name_of_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["mask.nii", "link.nii"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink("mask.nii", &link).unwrap();
        let [there, here] = [&file, &link].map(|path| Destination::check(path, &[".nii"]).unwrap().path);
        assert_eq!(there, here);
        replace_file(&link, |out| out.write_all(b"mask")).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"mask");
        assert!(link.is_symlink());
    }
}
