//! Checks the output files of a command before it starts.

use super::{conflict, print::note};
use anyhow::{Result, bail};
use imaging::io::replace::Destination;
use imaging::io::{WRITTEN_ENDINGS, replace};
use std::path::{Path, PathBuf};

/// File name endings of images and label maps.
pub const IMAGE: &[&str] = &WRITTEN_ENDINGS;
/// File name endings of reports.
pub const JSON: &[&str] = &[".json"];
/// File name endings of pictures.
pub const PICTURE: &[&str] = &[".png"];
/// File name endings of weights.
pub const WEIGHTS: &[&str] = &[".safetensors"];

/// Checks all outputs of a command, each with its permitted endings, against one another and against the inputs, and
/// prints which files will be replaced. `force` permits replacing write-protected files.
pub fn check<'a>(
    inputs: impl IntoIterator<Item = &'a PathBuf>,
    outputs: impl IntoIterator<Item = (&'a Path, &'static [&'static str])>,
    force: bool,
) -> Result<()> {
    inputs.into_iter().for_each(|input| replace::protect(input));
    let mut taken: Vec<(&Path, Destination)> = Vec::new();
    for (path, endings) in outputs {
        // Duplicates are checked before endings: a name given twice by mistake may have a wrong ending for one output.
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
