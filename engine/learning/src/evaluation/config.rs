//! Configuration of studies: a TOML file that overrides the documented defaults of `default.toml`.

use super::condition::Condition;
use super::study_table::plot_file;
use crate::settings;
use crate::tasks::Kind;
use imaging::Result;
use inference::pipeline::Refinement;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The text of the defaults, with a comment on each.
pub const DEFAULTS: &str = include_str!("default.toml");

/// Studies to run. Every field is explained in [`DEFAULTS`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Config {
    pub seed: u64,
    pub draws: u64,
    pub contexts: Vec<usize>,
    pub table_contexts: usize,
    pub baselines: Vec<Baseline>,
    pub u_net_steps: u64,
    pub models: Vec<ModelEntry>,
    #[serde(default)]
    pub scans: Vec<ScanStudy>,
    #[serde(default)]
    pub tasks: Vec<TaskStudy>,
    /// Folder of the file, which its paths are relative to.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// A method that the network is compared with.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// Majority vote of the examples' labels, aligned by the centre and spread of the bright voxels.
    Floor,
    /// The labels of the example that correlates best with the target, aligned in the same way.
    Nearest,
    /// Majority vote of the examples' labels in the network's input, registered and deformed onto the target, with
    /// refinement: the contribution of the pipeline without the network.
    Vote,
    /// One U-Net for each structure, trained on the examples alone.
    UNet,
}

/// A set of weights with its options.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// Name in tables.
    pub name: String,
    /// `bundled` or a file, relative to the configuration.
    #[serde(default = "bundled")]
    pub weights: String,
    /// Whether predictions are refined.
    #[serde(default)]
    pub looks: Refinement,
}

/// A study of the segmentation of scans.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ScanStudy {
    pub name: String,
    pub like: Option<String>,
    #[serde(default)]
    pub folder: PathBuf,
    #[serde(default)]
    pub targets: Vec<String>,
    #[serde(default)]
    pub examples: Vec<String>,
    pub example_folder: Option<PathBuf>,
    #[serde(default)]
    pub structures: Vec<Structure>,
    #[serde(default = "as_is")]
    pub contrast: Vec<Condition>,
    #[serde(default)]
    pub shuffle: bool,
    pub methods: Option<Vec<String>>,
    pub draws: Option<u64>,
    pub contexts: Option<Vec<usize>>,
}

/// A structure to segment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Structure {
    /// Name in tables.
    pub name: String,
    /// Its label values; empty: every value above 0.
    pub labels: Vec<u16>,
}

/// A study of episodes on the working grid.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct TaskStudy {
    pub name: String,
    pub kind: Exercise,
    #[serde(default)]
    pub folder: PathBuf,
    #[serde(default)]
    pub targets: Vec<String>,
    #[serde(default)]
    pub ignore: Vec<u16>,
    #[serde(default)]
    pub shuffle: bool,
    pub draws: Option<u64>,
    pub contexts: Option<Vec<usize>>,
}

/// The task of an episode.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged, expecting = "`kind` is \"shapes\" or a kind of task of `exemplar train`")]
pub enum Exercise {
    /// Segmentation of random shapes.
    Shapes(Shapes),
    /// A task on scans.
    Task(Kind),
}

/// The value `shapes` of `kind`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shapes {
    /// Segmentation of random shapes.
    Shapes,
}

impl Exercise {
    /// Whether its output is a mask instead of an image.
    pub fn is_segmentation(self) -> bool {
        matches!(self, Self::Shapes(_) | Self::Task(Kind::Segmentation))
    }
}

fn bundled() -> String {
    "bundled".into()
}

fn as_is() -> Vec<Condition> {
    vec![Condition::AsIs]
}

impl Baseline {
    /// Name in tables and in `results.csv`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Nearest => "nearest",
            Self::Vote => "vote",
            Self::UNet => "u-net",
        }
    }
}

impl ScanStudy {
    /// Copies the settings that this study omits from the earlier study that `like` names. The error is a message.
    fn inherit(&mut self, earlier: &[Self]) -> Result<(), String> {
        let Some(name) = self.like.take() else { return Ok(()) };
        let Some(other) = earlier.iter().find(|other| other.name == name) else {
            return Err(format!("{} is like {name}, and no [[scans]] before it has that name.", self.name));
        };
        if self.folder.as_os_str().is_empty() {
            self.folder.clone_from(&other.folder);
        }
        if self.targets.is_empty() {
            self.targets.clone_from(&other.targets);
        }
        if self.structures.is_empty() {
            self.structures.clone_from(&other.structures);
        }
        Ok(())
    }

    /// Whether the study includes a method.
    pub fn has(&self, method: &str) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.iter().any(|name| name == method))
    }

    /// What it is run under.
    pub fn conditions(&self) -> Vec<Condition> {
        self.contrast.iter().copied().chain(self.shuffle.then_some(Condition::Shuffled)).collect()
    }
}

impl TaskStudy {
    /// What it is run under.
    pub fn conditions(&self) -> Vec<Condition> {
        [Condition::AsIs].into_iter().chain(self.shuffle.then_some(Condition::Shuffled)).collect()
    }
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
        let mut config: Self = settings::over(DEFAULTS, text, "a study")?;
        for number in 0..config.scans.len() {
            let (earlier, rest) = config.scans.split_at_mut(number);
            rest[0].inherit(earlier)?;
        }
        config.problem().map_or(Ok(config), Err)
    }

    /// A message about the first invalid setting.
    fn problem(&self) -> Option<String> {
        let studies = self.scans.iter().map(|s| &s.name).chain(self.tasks.iter().map(|s| &s.name));
        let methods = self.models.iter().map(|model| model.name.as_str());
        let methods: Vec<&str> =
            methods.chain(self.baselines.iter().map(|baseline| baseline.name())).collect();
        let unknown = |study: &ScanStudy| {
            study.methods.as_ref().is_some_and(|chosen| {
                chosen.is_empty() || chosen.iter().any(|name| !methods.contains(&name.as_str()))
            })
        };
        let structures = |study: &ScanStudy| {
            study.structures.is_empty() || repeated(study.structures.iter().map(|s| s.name.as_str()))
        };
        let draws = self.scans.iter().map(|s| s.draws).chain(self.tasks.iter().map(|s| s.draws)).flatten();
        let sizes = self.scans.iter().map(|s| &s.contexts).chain(self.tasks.iter().map(|s| &s.contexts));
        let mut sizes = sizes.flatten().chain([&self.contexts]);
        let lacks_folder = |study: &TaskStudy| {
            matches!(study.kind, Exercise::Task(_)) && study.folder.as_os_str().is_empty()
        };
        let problem = if self.scans.is_empty() && self.tasks.is_empty() {
            "there is nothing to study; add [[scans]] with a folder of labelled scans, or [[tasks]]."
        } else if repeated(studies.map(|name| plot_file(name))) {
            "each of [[scans]] and [[tasks]] needs a name of its own, different in letters or digits."
        } else if repeated(methods.iter().copied().chain([INPUT])) {
            "each of [[models]] needs a name of its own, other than those of baselines and \"input\"."
        } else if self.models.is_empty() && (self.baselines.is_empty() || !self.tasks.is_empty()) {
            "there is no model to study; leave out `models` for the bundled weights."
        } else if self.scans.iter().any(|study| study.folder.as_os_str().is_empty()) {
            "each of [[scans]] needs a folder of labelled scans."
        } else if self.scans.iter().any(|study| study.targets.is_empty()) {
            "each of [[scans]] needs targets: beginnings of the names of the images to segment."
        } else if self.scans.iter().any(structures) {
            "each of [[scans]] needs structures, each with a name of its own."
        } else if self.scans.iter().any(unknown) {
            "methods are some of the names of [[models]] and of baselines."
        } else if self.scans.iter().any(|study| study.conditions().is_empty()) {
            "each of [[scans]] needs a contrast, such as contrast = [\"as-is\"]."
        } else if self.tasks.iter().any(lacks_folder) {
            "each of [[tasks]] but shapes needs a folder of labelled scans."
        } else if self.tasks.iter().any(|study| study.kind == Exercise::Task(Kind::ModalityTransform)) {
            "modality_transform needs people with several images, which a study does not read."
        } else if self.u_net_steps == 0 {
            "u_net_steps are at least 1."
        } else if draws.chain([self.draws]).any(|draws| draws == 0) {
            "draws are at least 1."
        } else if sizes.any(|sizes| sizes.is_empty() || sizes.contains(&0)) {
            "contexts are numbers of examples from 1 on, such as [1, 2, 4, 8]."
        } else {
            return None;
        };
        Some(problem.into())
    }

    /// Whether the rows of another configuration are valid for this one too: both may differ only in which studies,
    /// methods, draws, sizes and conditions they include.
    pub fn goes_on_from(&self, other: &Self) -> bool {
        let scans = |config: &Self| {
            let bare = |study: &ScanStudy| ScanStudy {
                contrast: Vec::new(),
                shuffle: false,
                methods: None,
                draws: None,
                contexts: None,
                ..study.clone()
            };
            config.scans.iter().map(bare).collect::<Vec<_>>()
        };
        let tasks = |config: &Self| {
            // Episodes are drawn for the largest size, so sizes must agree.
            let bare = |study: &TaskStudy| TaskStudy {
                shuffle: false,
                draws: None,
                contexts: Some(config.sizes(&study.contexts)),
                ..study.clone()
            };
            config.tasks.iter().map(bare).collect::<Vec<_>>()
        };
        let u_nets = [self, other].map(|config| config.baselines.contains(&Baseline::UNet));
        self.seed == other.seed
            && (u_nets != [true; 2] || self.u_net_steps == other.u_net_steps)
            && agree(&scans(self), &scans(other), |study| &study.name)
            && agree(&tasks(self), &tasks(other), |study| &study.name)
            && agree(&self.models, &other.models, |model| &model.name)
    }

    /// Numbers of examples, ascending: the study's `own`, otherwise the common ones.
    pub fn sizes(&self, own: &Option<Vec<usize>>) -> Vec<usize> {
        own.as_ref().unwrap_or(&self.contexts).iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// Name of the method that returns an episode's input unchanged, for comparison with outputs.
pub const INPUT: &str = "input";

/// Whether any name occurs twice.
fn repeated<T: Ord>(mut names: impl Iterator<Item = T>) -> bool {
    let mut known = BTreeSet::new();
    names.any(|name| !known.insert(name))
}

/// Whether entries with the same name are equal in both lists.
fn agree<T: PartialEq>(ours: &[T], theirs: &[T], name: impl Fn(&T) -> &String) -> bool {
    ours.iter().all(|ours| theirs.iter().all(|theirs| name(ours) != name(theirs) || ours == theirs))
}
