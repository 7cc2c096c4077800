//! `report.json`: what the engine tells of a run, and what the command line knows besides.

use anyhow::Result;
use imaging::io::replace::replace_file;
use inference::pipeline::Report;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Where the inputs of a run were read from.
#[derive(Serialize)]
pub struct Files {
    /// The scan to work on.
    pub target: PathBuf,
    /// The examples, in the order of the records.
    pub examples: Vec<Pair>,
    /// Weights; none for the bundled ones.
    pub model: Option<PathBuf>,
}

/// Files of an example.
#[derive(Serialize)]
pub struct Pair {
    /// Its image.
    pub image: PathBuf,
    /// Its label map, or the image that it was transformed to.
    pub label: PathBuf,
}

#[derive(Serialize)]
struct Whole<'a> {
    version: &'static str,
    arguments: Vec<String>,
    files: Option<&'a Files>,
    #[serde(flatten)]
    report: &'a Report,
}

/// Writes the report with the arguments of this process; `files` is none where the inputs are part of the program.
pub fn write(path: &Path, report: &Report, files: Option<&Files>) -> Result<()> {
    let arguments = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let version = env!("CARGO_PKG_VERSION");
    let text =
        serde_json::to_string_pretty(&Whole { version, arguments: arguments.collect(), files, report })?;
    Ok(replace_file(path, |out| writeln!(out, "{text}"))?)
}
