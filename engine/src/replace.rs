//! Files that appear whole or not at all, and never in place of an input.

use crate::{Error, Result};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes `path` under a temporary name in the same folder and renames it once `write` is done, so that a
/// reader sees the old file or the whole new one. The temporary file is removed when anything fails.
pub fn replace_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let attempt = || -> io::Result<()> {
        // Opened by name instead of by tempfile's default, whose files nobody else may read.
        let file = tempfile::Builder::new()
            .prefix(".exemplar-")
            .suffix(".part")
            .make_in(folder, |name| File::create_new(name))?;
        let mut buffered = BufWriter::new(file);
        write(&mut buffered)?;
        buffered.into_inner().map_err(io::IntoInnerError::into_error)?.persist(path)?;
        Ok(())
    };
    attempt().map_err(|source| Error::Io { path: path.into(), source })
}

/// Refuses an output that is one of the inputs, also under another spelling of its path.
pub fn forbid_overwriting<'a>(output: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    let Ok(existing) = output.canonicalize() else { return Ok(()) };
    let clash = inputs.into_iter().any(|input| input.canonicalize().is_ok_and(|input| input == existing));
    if !clash {
        return Ok(());
    }
    let problem = "this is one of the input files, which are never overwritten; choose another name.".into();
    Err(Error::File { path: output.into(), problem })
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
    fn an_input_is_recognised_under_another_spelling() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("scan.nii");
        std::fs::write(&input, b"").unwrap();
        let spelled = folder.path().join(".").join("scan.nii");
        assert!(forbid_overwriting(&spelled, [input.as_path()]).is_err());
        assert!(forbid_overwriting(&folder.path().join("new.nii"), [input.as_path()]).is_ok());
    }
}
