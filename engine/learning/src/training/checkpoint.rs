//! The state of a run between two steps, in one file that is replaced atomically.

use super::config::{Config, Network};
use super::optimiser::{Adam, Progress};
use imaging::{Error, Result};
use network::weights::{Array, Precision, Weights, formula, write};
use network::{Arrays, Device, Model};
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

/// Everything that the next step depends on, apart from the configuration. Random draws depend on the number of the
/// step alone, so there is no generator state.
#[derive(Clone, Debug)]
pub struct State {
    /// The weights being trained.
    pub weights: Weights,
    /// Exponential moving average of the weights.
    pub average: Arrays,
    /// State of the optimiser, with the number of steps taken.
    pub adam: Adam,
    /// State of the learning-rate schedule.
    pub progress: Progress,
    /// Sum and number of the losses since the last validation.
    pub losses: (f64, u64),
}

/// Names of the parts in a checkpoint, in the order of [`State::parts`].
const PARTS: [&str; 4] = ["weights", "average", "first_moment", "second_moment"];

/// Name of the configuration among a checkpoint's metadata.
const CONFIG: &str = "config";

impl State {
    /// The state before the first step of a run.
    ///
    /// # Errors
    /// The errors of opening the initial weights.
    pub fn begin(config: &Config) -> Result<Self> {
        Ok(Self::new(match config.start.as_str() {
            "bundled" => Weights::bundled()?,
            // Uniform within ±1/√(fan-in), PyTorch's default initialisation.
            "random" => {
                let (salt, gain) = (format!("{}:", config.seed), 3.0_f64.sqrt().recip());
                let weights = formula::weights(&salt, &config.channels, gain);
                match config.network {
                    Network::InContext => weights,
                    Network::UNet => weights.u_net(),
                }
            }
            file => Weights::open(&config.folder.join(file))?,
        }))
    }

    /// Checks that the weights are those of a kind of network, before any data are read.
    ///
    /// # Errors
    /// [`Error::Request`] if they belong to the other kind, [`Error::Checkpoint`] if they belong to neither.
    pub fn check_network(&self, network: Network, device: &Device) -> Result<()> {
        let reads_examples = Model::load(self.weights.clone(), device)?.info.reads_examples;
        if reads_examples != (network == Network::InContext) {
            let [got, requested] = [reads_examples, !reads_examples].map(|reads| match reads {
                true => "the in-context network",
                false => "a U-Net",
            });
            return Err(Error::Request(format!(
                "The weights to begin with ({}) are those of {got} and the configuration asks for {requested}; give \
                 start = \"random\" or a file of {requested}, and a new folder for a new run.",
                self.weights.name()
            )));
        }
        Ok(())
    }

    fn new(weights: Weights) -> Self {
        let (average, adam) = (weights.arrays.clone(), Adam::new(&weights.arrays));
        Self { weights, average, adam, progress: Progress::default(), losses: (0.0, 0) }
    }

    fn parts(&self) -> [&Arrays; 4] {
        let [first, second] = &self.adam.moments;
        [&self.weights.arrays, &self.average, first, second]
    }

    /// Writes a checkpoint of a run with this configuration, without loss of precision.
    pub fn write(&self, path: &Path, config: &Config) -> Result<()> {
        let named = |(part, arrays): (&&str, &Arrays)| -> Vec<(String, Array)> {
            arrays.iter().map(|(name, array)| (format!("{part}.{name}"), array.clone())).collect()
        };
        let arrays = PARTS.iter().zip(self.parts()).flat_map(named).collect();
        let mut file = Weights::made_up("checkpoint", arrays);
        let Progress { halvings, best, waited } = self.progress;
        for (name, value) in [
            ("steps", self.adam.steps.to_string()),
            ("halvings", halvings.to_string()),
            ("waited", waited.to_string()),
            ("best", best.to_string()),
            ("loss_sum", self.losses.0.to_string()),
            ("loss_count", self.losses.1.to_string()),
            (CONFIG, serde_json::to_string(config).expect("a configuration is plain text and numbers")),
        ] {
            file.metadata.insert(name.into(), value);
        }
        write(path, &file, Precision::F32)
    }

    /// Reads a checkpoint and the configuration of its run; `None` if the current version cannot parse the
    /// configuration.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Checkpoint`] if the file is no checkpoint.
    pub fn read(path: &Path) -> Result<(Self, Option<Config>)> {
        let mut file = Weights::read(path)?;
        let none = || Error::Checkpoint {
            path: path.into(),
            problem: "This is no checkpoint of a training run; move it away to begin anew.".into(),
        };
        let [weights, average, first, second] = PARTS.map(|part| {
            let taken = file
                .arrays
                .extract_if(.., |name, _| name.strip_prefix(part).is_some_and(|rest| rest.starts_with('.')));
            taken.map(|(name, array)| (name[part.len() + 1..].to_owned(), array)).collect::<Arrays>()
        });
        if [&average, &first, &second].iter().any(|part| !part.keys().eq(weights.keys())) {
            return Err(none());
        }
        let written = &file.metadata;
        let progress = Progress {
            halvings: number(written, "halvings").ok_or_else(none)?,
            waited: number(written, "waited").ok_or_else(none)?,
            best: number(written, "best").ok_or_else(none)?,
        };
        let steps = number(written, "steps").ok_or_else(none)?;
        let losses = number(written, "loss_sum").zip(number(written, "loss_count")).ok_or_else(none)?;
        let config = written.get(CONFIG).and_then(|text| serde_json::from_str(text).ok());
        let weights = Weights::made_up("in training", weights);
        Ok((
            Self { weights, average, adam: Adam { moments: [first, second], steps }, progress, losses },
            config,
        ))
    }
}

/// A number in a file's metadata.
fn number<T: FromStr>(metadata: &BTreeMap<String, String>, name: &str) -> Option<T> {
    metadata.get(name)?.parse().ok()
}
