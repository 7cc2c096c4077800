//! The files that a command is going to write, checked before it starts working.

use super::{conflict, print::note};
use anyhow::{Result, bail};
use imaging::io::replace::Destination;
use imaging::io::{WRITTEN_ENDINGS, replace};
use std::path::{Path, PathBuf};

/// How the names of files end, by what is in them.
pub const IMAGE: &[&str] = &WRITTEN_ENDINGS;
/// A report.
pub const JSON: &[&str] = &[".json"];
/// A picture.
pub const PICTURE: &[&str] = &[".png"];
/// Weights.
pub const WEIGHTS: &[&str] = &[".safetensors"];

/// Checks all outputs of a command, each with the endings that its name may have, against one another and against its
/// inputs, and says which files will be replaced. `force` allows to replace files that are write-protected.
pub fn check<'a>(
    inputs: impl IntoIterator<Item = &'a PathBuf>,
    outputs: impl IntoIterator<Item = (&'a Path, &'static [&'static str])>,
    force: bool,
) -> Result<()> {
    inputs.into_iter().for_each(|input| replace::protect(input));
    let mut taken: Vec<(&Path, Destination)> = Vec::new();
    for (path, endings) in outputs {
        // Before the endings, which differ where a name was given twice by mistake.
        let name = replace::resolve(path)?;
        if let Some((other, _)) = taken.iter().find(|(_, other)| other.path == name) {
            let (other, path) = (other.display(), path.display());
            return Err(conflict(format!(
                "{other} and {path} are one file, and two outputs were to be written to it"
            )));
        }
        let destination = Destination::check(path, endings)?;
        if destination.read_only && !force {
            bail!(
                "{}: this file is write-protected; choose another name, or replace it with --force.",
                path.display()
            );
        }
        taken.push((path, destination));
    }
    for (path, _) in taken.iter().filter(|(_, destination)| destination.exists) {
        note!("{} exists and will be replaced.", path.display());
    }
    Ok(())
}
