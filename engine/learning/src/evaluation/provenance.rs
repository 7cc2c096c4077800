//! The origin of the rows in a folder, stored beside them in `study.json`, so that a folder never mixes results of
//! different configurations or weights.

use super::config::Config;
use super::method::Method;
use imaging::io::replace::replace_file;
use imaging::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize, Serialize)]
struct Origin {
    config: Config,
    /// SHA-256 of the weights by the name of the model.
    weights: BTreeMap<String, String>,
}

/// Records the origin of the rows in a folder.
///
/// # Errors
/// [`Error::File`] if the folder holds rows of another origin.
pub fn settle(folder: &Path, config: &Config, methods: &[Method]) -> Result<()> {
    let path = folder.join("study.json");
    let networks = methods.iter().filter_map(Method::network);
    let weights = networks.map(|network| (network.name.clone(), network.model.info.sha256.clone())).collect();
    let ours = Origin { config: config.clone(), weights };
    if folder.join("results.csv").exists() {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let theirs: Option<Origin> = serde_json::from_str(&text).ok();
        let same = |theirs: &Origin| {
            let other =
                |(name, sha256): (&String, &String)| theirs.weights.get(name).is_some_and(|s| s != sha256);
            ours.config.goes_on_from(&theirs.config) && !ours.weights.iter().any(other)
        };
        if !theirs.as_ref().is_some_and(same) {
            let problem = "the results in this folder come from another configuration or other weights; choose a new \
                           folder.";
            return Err(Error::File { path: folder.into(), problem: problem.into() });
        }
    }
    let text = serde_json::to_string_pretty(&ours).expect("a configuration is plain text and numbers");
    replace_file(&path, |out| writeln!(out, "{text}"))
}
