//! `report.json`: the engine's report of a run, with the program's version, arguments and input files.

use anyhow::Result;
use imaging::io::replace::replace_file;
use inference::pipeline::Report;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The input files of a run.
#[derive(Serialize)]
pub struct Files {
    /// The scan to work on.
    pub target: PathBuf,
    /// The examples, in the order of the report's records.
    pub examples: Vec<Pair>,
    /// Weights; `None` for the bundled ones.
    pub model: Option<PathBuf>,
}

/// The files of an example.
#[derive(Serialize)]
pub struct Pair {
    /// Its image.
    pub image: PathBuf,
    /// Its label map, or its result image in a transformation.
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

/// Writes the report with the arguments of this process; `files` is `None` if the inputs are built in.
pub fn write(path: &Path, report: &Report, files: Option<&Files>) -> Result<()> {
    let arguments = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let version = env!("CARGO_PKG_VERSION");
    let text =
        serde_json::to_string_pretty(&Whole { version, arguments: arguments.collect(), files, report })?;
    Ok(replace_file(path, |out| writeln!(out, "{text}"))?)
}
