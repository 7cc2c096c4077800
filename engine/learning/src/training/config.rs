//! Configuration of a training run: a TOML file that overrides the documented defaults of `default.toml`.

use super::optimiser::Schedule;
use crate::settings;
use crate::tasks::{Kind, Preset};
use imaging::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The text of the defaults, with a comment on each.
pub const DEFAULTS: &str = include_str!("default.toml");

/// A run of training. Every field is explained in [`DEFAULTS`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Config {
    pub seed: u64,
    pub network: Network,
    pub start: String,
    pub channels: Vec<usize>,
    pub grid: usize,
    pub mini_context: usize,
    pub clip: f64,
    pub average: f64,
    pub scale: f64,
    pub dice: f64,
    pub checkpoint: u64,
    pub validation: Validation,
    pub schedule: Schedule,
    pub stages: Vec<Stage>,
    pub tasks: BTreeMap<Kind, f32>,
    pub preset: Preset,
    #[serde(default)]
    pub data: Vec<Source>,
    /// Folder of the file, which its paths are relative to.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// The network to train.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Neuroverse3D, which reads its task from examples.
    InContext,
    /// Its target branch alone, for one task and without examples.
    UNet,
}

/// Frequency and size of the validation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Steps between two validations.
    pub every: u64,
    /// Number of episodes, always the same ones, without augmentation.
    pub episodes: u64,
}

/// A stage of a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Number of optimiser steps.
    pub steps: u64,
    /// Sides of the working grid, of which each episode draws one.
    pub sides: Vec<usize>,
    /// Minimum and maximum number of examples; a U-Net receives none.
    #[serde(default = "few")]
    pub contexts: [usize; 2],
    /// Factor on the preset's probabilities of augmentation.
    #[serde(default = "one")]
    pub augment: f32,
    /// Replaces the sources' own [`Source::boxes`].
    pub boxes: Option<f32>,
}

/// Kind of data in a source.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holding {
    /// Scans with their labels.
    #[default]
    Scans,
    /// Label maps, from which images of random contrast are synthesised.
    LabelMaps,
    /// No files: random shapes are synthesised.
    Shapes,
}

/// A source of episodes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Kind of data in the folder.
    #[serde(default)]
    pub holds: Holding,
    /// The folder, relative to the configuration.
    #[serde(default)]
    pub folder: PathBuf,
    /// Relative frequency of its episodes.
    #[serde(default = "one")]
    pub share: f32,
    /// Name prefixes of the only files to read, for training and validation alike; empty: all files.
    #[serde(default)]
    pub only: Vec<String>,
    /// Name prefixes of files that are never read, held out for a later evaluation.
    #[serde(default)]
    pub hold_out: Vec<String>,
    /// Name prefixes of files that serve as validation targets only; training never reads them as targets or examples.
    #[serde(default)]
    pub validate: Vec<String>,
    /// Groups of labels that form one structure, or that should be trained more often; `[]` stands for all labels.
    #[serde(default)]
    pub groups: Vec<Vec<u16>>,
    /// Probability that a mask is one of the groups instead of random labels.
    #[serde(default)]
    pub grouped: f32,
    /// Labels that are no structures, such as tissues outside the brain.
    #[serde(default)]
    pub ignore: Vec<u16>,
    /// Probability that the working grid covers a box around the structures instead of the whole field of view.
    #[serde(default = "half")]
    pub boxes: f32,
    /// Probability that the examples of a segmentation are deformed onto the target, as they are in inference.
    #[serde(default = "mostly")]
    pub bent: f32,
}

fn one() -> f32 {
    1.0
}

fn half() -> f32 {
    0.5
}

fn mostly() -> f32 {
    0.75
}

fn few() -> [usize; 2] {
    [1, 8]
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`imaging::Error::Io`], and [`imaging::Error::File`] with the problem and its line.
    pub fn open(path: &Path) -> Result<Self> {
        let (config, folder) = settings::open(path, Self::parse)?;
        Ok(Self { folder, ..config })
    }

    /// Parses a text; the error is a message.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = settings::over(DEFAULTS, text, "training")?;
        config.problem().map_or(Ok(config), Err)
    }

    /// A message about the first invalid setting.
    fn problem(&self) -> Option<String> {
        let side = |side: &usize| *side > 0 && side.is_multiple_of(16);
        let sides = self.stages.iter().flat_map(|stage| &stage.sides).chain([&self.grid]);
        let contexts = |stage: &Stage| stage.contexts[0] > 0 && stage.contexts[0] <= stage.contexts[1];
        let problem = if self.data.is_empty() {
            "there is nothing to learn from; add [[data]] with the folder of labelled scans."
        } else if self.steps() == 0 || self.stages.iter().any(|stage| stage.sides.is_empty()) {
            "there is no step to take; give at least one stage with steps and sides."
        } else if !sides.into_iter().all(side) {
            "sides of the working grid are multiples of 16, such as 48."
        } else if !self.stages.iter().all(contexts) {
            "contexts are the fewest and the most examples, such as [1, 8]."
        } else if [self.mini_context as u64, self.checkpoint, self.validation.every].contains(&0) {
            "mini_context, checkpoint and validation.every are at least 1."
        } else if !self.data.iter().any(|data| data.share > 0.0) {
            "no data have a share above 0."
        } else if self.network == Network::UNet && !self.is_one_task() {
            "a U-Net learns one task: give one kind of task, no shapes, and to segment, in each [[data]], \
             one group of labels and grouped = 1, such as groups = [[]] for all labels as one structure."
        } else {
            return None;
        };
        Some(problem.into())
    }

    /// Names of the settings that differ from those a run was begun with, except those that may change during the run:
    /// stages, schedule, clipping, validation and checkpoints.
    pub fn changed_since(&self, begun: &Self) -> Vec<String> {
        const MAY_CHANGE: [&str; 5] = ["stages", "schedule", "clip", "validation", "checkpoint"];
        // Serialises both, so that their numbers are rounded alike.
        let values = |config: &Self| -> serde_json::Map<String, serde_json::Value> {
            let text = serde_json::to_string(config).expect("a configuration is plain text and numbers");
            serde_json::from_str(&text).expect("what was written can be read")
        };
        let begun = values(begun);
        let ours = values(self).into_iter();
        let changed = ours.filter(|(name, value)| begun.get(name) != Some(value)).map(|(name, _)| name);
        changed.filter(|name| !MAY_CHANGE.contains(&name.as_str())).collect()
    }

    /// Whether each episode asks for the same, as far as one can tell.
    fn is_one_task(&self) -> bool {
        let mut kinds = self.tasks.iter().filter(|(_, weight)| **weight > 0.0).map(|(kind, _)| *kind);
        let (kind, others) = (kinds.next(), kinds.next());
        let same = |data: &Source| {
            let structure = data.groups.len() == 1 && data.grouped >= 1.0;
            data.holds != Holding::Shapes && (structure || kind != Some(Kind::Segmentation))
        };
        others.is_none() && self.data.iter().all(same)
    }

    /// Number of steps of all stages.
    pub fn steps(&self) -> u64 {
        self.stages.iter().map(|stage| stage.steps).sum()
    }

    /// The stage of step `step`, counted from 0; the last stage for all steps beyond the end.
    pub fn stage(&self, step: u64) -> &Stage {
        let mut end = 0;
        let found = self.stages.iter().find(|stage| {
            end += stage.steps;
            step < end
        });
        found.or(self.stages.last()).expect("there is a stage")
    }
}
