//! What a run of training is: a TOML file over the documented defaults of `default.toml`.

use super::optimiser::Schedule;
use crate::settings;
use crate::tasks::{Kind, Preset};
use imaging::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The defaults, with a comment on each.
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
    /// Where the file lies.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// What learns.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Neuroverse3D, which reads its task from examples.
    InContext,
    /// Its target branch alone, for one task and without examples.
    UNet,
}

/// When and how much to validate.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Steps from one to the next.
    pub every: u64,
    /// Episodes, always the same ones, without augmentation.
    pub episodes: u64,
}

/// A part of a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Steps.
    pub steps: u64,
    /// Sides of the working grid, one for each episode.
    pub sides: Vec<usize>,
    /// Fewest and most examples; a U-Net is shown none.
    #[serde(default = "few")]
    pub contexts: [usize; 2],
    /// What the preset's probabilities of augmentation are multiplied by.
    #[serde(default = "one")]
    pub augment: f32,
    /// Instead of the sources' own [`Source::boxes`].
    pub boxes: Option<f32>,
}

/// What a source of data holds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holding {
    /// Scans with their labels.
    #[default]
    Scans,
    /// Label maps, each of which becomes an image of random contrast.
    LabelMaps,
    /// Nothing: shapes that no body has are made up.
    Shapes,
}

/// Where episodes come from.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What is in the folder.
    #[serde(default)]
    pub holds: Holding,
    /// The folder.
    #[serde(default)]
    pub folder: PathBuf,
    /// Relative frequency of its episodes.
    #[serde(default = "one")]
    pub share: f32,
    /// Beginnings of the names of the only files that are read, for training and validation alike; all where it is empty.
    #[serde(default)]
    pub only: Vec<String>,
    /// Beginnings of the names of files that are never read, kept for a later judgement.
    #[serde(default)]
    pub hold_out: Vec<String>,
    /// Beginnings of the names of files that validation segments; training does not see them.
    #[serde(default)]
    pub validate: Vec<String>,
    /// Labels that make up one structure, or one that shall be learnt more often than others; `[]` stands for all labels.
    #[serde(default)]
    pub groups: Vec<Vec<u16>>,
    /// Probability that a mask is one of the groups instead of some random labels.
    #[serde(default)]
    pub grouped: f32,
    /// Labels that are no structures, such as tissues outside the brain.
    #[serde(default)]
    pub ignore: Vec<u16>,
    /// Probability that the network sees a box around the structures instead of the whole body.
    #[serde(default = "half")]
    pub boxes: f32,
    /// Probability that the examples of a structure are bent onto the target, as they are where weights are used.
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
    /// [`imaging::Error`], and [`imaging::Error`] with what is wrong and in which line.
    pub fn open(path: &Path) -> Result<Self> {
        let (config, folder) = settings::open(path, Self::parse)?;
        Ok(Self { folder, ..config })
    }

    /// Reads a text; the error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = settings::over(DEFAULTS, text, "training")?;
        config.problem().map_or(Ok(config), Err)
    }

    /// What makes no sense, as a sentence.
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

    /// Names of the settings that differ from those that a run was begun with, other than those that may change on its way:
    /// how many steps it takes and how long they are, and when it validates and saves.
    pub fn changed_since(&self, begun: &Self) -> Vec<String> {
        const MAY_CHANGE: [&str; 5] = ["stages", "schedule", "clip", "validation", "checkpoint"];
        // Both through text, which rounds them alike.
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

    /// Steps of all stages.
    pub fn steps(&self) -> u64 {
        self.stages.iter().map(|stage| stage.steps).sum()
    }

    /// The stage of step `step`, from 0; the last one from its end on.
    pub fn stage(&self, step: u64) -> &Stage {
        let mut end = 0;
        let found = self.stages.iter().find(|stage| {
            end += stage.steps;
            step < end
        });
        found.or(self.stages.last()).expect("there is a stage")
    }
}
