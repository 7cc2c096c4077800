//! A training run in a folder, with checkpoints and a learning curve.

use super::checkpoint::State;
use super::config::Config;
use super::episode::Episodes;
use super::training_loop::TrainingLoop;
use imaging::io::replace::replace_file;
use imaging::{Error, Result};
use network::Device;
use network::weights::{Precision, write};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Files of a run: its state, the averaged weights, and its curve. They are written from last to first.
const FILES: [&str; 3] = ["checkpoint.safetensors", "weights.safetensors", "curve.jsonl"];

/// A training run in progress.
pub struct Trainer {
    training: TrainingLoop,
    folder: PathBuf,
    curve: Vec<Point>,
}

/// A point of the learning curve; each validation adds one.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Point {
    /// Steps taken.
    pub step: u64,
    /// Mean training loss since the previous point.
    pub loss: f32,
    /// Learning rate of the last step.
    pub rate: f32,
    /// Mean validation loss of the averaged weights.
    pub validation: f32,
    /// Mean Dice of the validation masks; `None` if all outputs are images.
    pub dice: Option<f32>,
}

impl Trainer {
    /// Begins a run in `folder`, or resumes the one that it holds.
    ///
    /// # Errors
    /// Those of the files, of the data and of the device, [`Error::Request`] if the weights belong to another kind of
    /// network than the configuration's, and [`Error::File`] if the run was begun with other settings.
    pub fn open(config: Config, folder: &Path, device: Device) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.into(), source })?;
        let [checkpoint, _, curve] = FILES.map(|file| folder.join(file));
        let (state, begun, curve) = if checkpoint.exists() {
            let (state, begun) = State::read(&checkpoint)?;
            (state, begun, read_curve(&curve))
        } else {
            (State::begin(&config)?, None, Vec::new())
        };
        state.check_network(config.network, &device)?;
        if let Some(begun) = begun {
            must_continue(&config, &begun, folder)?;
        }
        let curve = curve.into_iter().filter(|point| point.step <= state.adam.steps).collect();
        let episodes = Episodes::open(&config)?;
        Ok(Self {
            training: TrainingLoop::new(config, episodes, state, device)?,
            folder: folder.into(),
            curve,
        })
    }

    /// Steps taken, and steps in total.
    pub fn steps(&self) -> (u64, u64) {
        (self.state().adam.steps, self.training.config().steps())
    }

    /// The learning curve so far.
    pub fn curve(&self) -> &[Point] {
        &self.curve
    }

    /// The state after the last step.
    pub fn state(&self) -> &State {
        self.training.state()
    }

    /// Takes a step; validates and writes a checkpoint when they are due. Returns the loss.
    pub fn step(&mut self) -> Result<f64> {
        let rate = self.training.rate() as f32;
        let loss = self.training.step()?;
        let ((step, steps), config) = (self.steps(), self.training.config());
        let due = |every: u64| step.is_multiple_of(every) || step == steps;
        let (validate, save) = (due(config.validation.every), due(config.checkpoint));
        if validate {
            let validated = self.training.validate()?;
            let (loss, validation) = (self.training.take_loss() as f32, validated.loss as f32);
            let dice = validated.dice.map(|dice| dice as f32);
            self.curve.push(Point { step, loss, rate, validation, dice });
        }
        if save {
            self.save()?;
        }
        Ok(loss)
    }

    /// Writes the curve, the averaged weights, and the checkpoint. The checkpoint comes last, since a run resumes from
    /// it: after an interruption the other two may be ahead of it, and are truncated or overwritten.
    pub fn save(&self) -> Result<()> {
        let [checkpoint, weights, curve] = FILES.map(|file| self.folder.join(file));
        replace_file(&curve, |out| {
            self.curve.iter().try_for_each(|point| {
                let line = serde_json::to_string(point).map_err(std::io::Error::other)?;
                writeln!(out, "{line}")
            })
        })?;
        write(&weights, &self.training.averaged(), Precision::F16)?;
        self.state().write(&checkpoint, self.training.config())
    }
}

/// Fails if a run that was begun with the settings `begun` cannot continue with `config`.
fn must_continue(config: &Config, begun: &Config, folder: &Path) -> Result<()> {
    let changed = config.changed_since(begun);
    if changed.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "the run in this folder was begun with other settings ({}). Go on with those, or choose a new folder and start \
         there from this one's {}.",
        changed.join(", "),
        FILES[1]
    );
    Err(Error::File { path: folder.into(), problem })
}

/// Reads a learning curve; an unreadable file or line is skipped, so that it never prevents resuming a run.
fn read_curve(path: &Path) -> Vec<Point> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
