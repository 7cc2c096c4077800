//! Configurations: a TOML file that overrides documented defaults.

use imaging::io::replace::protect;
use imaging::{Error, Result};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Reads a file with `parse`, whose error is a message; also returns the folder that its paths are relative to.
///
/// # Errors
/// [`Error::Io`], and [`Error::File`] with the message of `parse`.
pub fn open<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<(T, PathBuf)> {
    protect(path);
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.into(), source })?;
    let settings = parse(&text).map_err(|problem| Error::File { path: path.into(), problem })?;
    Ok((settings, path.parent().unwrap_or(Path::new("")).into()))
}

/// Replaces the top-level entries of `defaults` by those of `text`. The error is a message about a configuration of
/// `what`, with the line.
pub fn over<T: DeserializeOwned>(defaults: &str, text: &str, what: &str) -> Result<T, String> {
    let wrong = |error: toml::de::Error| {
        format!("this is no configuration of {what}. {}", error.to_string().trim_end())
    };
    let mut all: toml::Table = toml::from_str(defaults).expect("the defaults are well-formed");
    all.extend(toml::from_str::<toml::Table>(text).map_err(wrong)?);
    all.try_into().map_err(wrong)
}
