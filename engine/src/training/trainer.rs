//! A run of training: step after step, with checkpoints.

use super::checkpoint::State;
use super::config::{Config, Network};
use super::episode::{Episode, Episodes};
use super::loss::{Loss, dice};
use super::optimiser::follow;
use crate::network::{Cube, Device, Learner, Model};
use crate::replace::replace_file;
use crate::weights::{Precision, Weights, formula, write};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// In the folder of a run: its state, the weights to use, and its curve.
const FILES: [&str; 3] = ["checkpoint.safetensors", "weights.safetensors", "curve.jsonl"];

/// A run on its way.
pub struct Trainer {
    config: Config,
    folder: PathBuf,
    device: Device,
    episodes: Episodes,
    learner: Learner,
    state: State,
    /// The episode of the next step, drawn beside the last one.
    next: Option<Episode>,
    curve: Vec<Point>,
}

/// A point of the curve: once for each validation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Point {
    /// Steps taken.
    pub step: u64,
    /// Mean loss of the steps since the point before.
    pub loss: f32,
    /// Of the last step.
    pub rate: f32,
    /// Mean loss of validation, by the averaged weights.
    pub validation: f32,
    /// Mean Dice of the masks among them; none where there are only images.
    pub dice: Option<f32>,
}

impl Trainer {
    /// Begins a run in `folder`, or goes on with the one that it holds.
    ///
    /// # Errors
    /// Those of the files, of the data and of the device, and [`Error::Request`] where the weights are those of another kind
    /// of network than the configuration's.
    pub fn open(config: Config, folder: &Path, device: Device) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.into(), source })?;
        let [checkpoint, _, curve] = FILES.map(|file| folder.join(file));
        let (state, curve) = if checkpoint.exists() {
            (State::read(&checkpoint)?, read_curve(&curve))
        } else {
            (State::new(begin(&config)?), Vec::new())
        };
        // Finds out at once whether the weights are those of the network.
        let reads_examples = Model::load(state.weights.clone(), &device)?.info.reads_examples;
        if reads_examples != (config.network == Network::InContext) {
            let [got, asked] = [reads_examples, !reads_examples].map(|reads| match reads {
                true => "the in-context network",
                false => "a U-Net",
            });
            return Err(Error::Request(format!(
                "The weights to begin with ({}) are those of {got} and the configuration asks for {asked}; give \
                 start = \"random\" or a file of {asked}, and a new folder for a new run.",
                state.weights.name()
            )));
        }
        let curve = curve.into_iter().filter(|point| point.step <= state.adam.steps).collect();
        let (episodes, learner) = (Episodes::open(&config)?, Learner::new(&device)?);
        Ok(Self { config, folder: folder.into(), device, episodes, learner, state, next: None, curve })
    }

    /// Steps taken and to take in all.
    pub fn steps(&self) -> (u64, u64) {
        (self.state.adam.steps, self.config.steps())
    }

    /// What was measured so far.
    pub fn curve(&self) -> &[Point] {
        &self.curve
    }

    /// What is learnt.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes a step; validates and writes a checkpoint where one is due. Returns the loss.
    pub fn step(&mut self) -> Result<f64> {
        let (number, steps) = self.steps();
        let draw = |number: u64| self.episodes.training(number, self.config.stage(number));
        let episode = match self.next.take() {
            Some(episode) => episode,
            None => draw(number)?,
        };
        let pairs: Vec<(&Cube, &Cube)> =
            episode.examples.iter().map(|pair| (&pair.input, &pair.output)).collect();
        let (config, weights, learner) = (&self.config, &self.state.weights, &mut self.learner);
        let (shown, episode) = ((&episode.target.input, pairs.as_slice()), &episode);
        let measure = &mut |output: &[f32]| measured(config, episode, output);
        // A learner may change hands but not be shared.
        let learn = move || learner.gradients(weights, shown, config.mini_context, measure);
        let (learnt, next) = rayon::join(learn, || draw(number + 1));
        let (loss, gradients) = learnt?;
        if !loss.is_finite() {
            return Err(Error::Request(format!(
                "The loss of step {number} is not a number; begin anew from the last checkpoint with a lower rate."
            )));
        }
        let rate = self.config.schedule.rate(&self.state.progress, number, steps);
        let state = &mut self.state;
        state.adam.step(&mut state.weights.arrays, &gradients, rate, self.config.clip);
        follow(&mut state.average, &state.weights.arrays, self.config.average);
        self.next = Some(next?);
        state.losses = (state.losses.0 + loss, state.losses.1 + 1);
        let due = |every: u64| (number + 1).is_multiple_of(every) || number + 1 == steps;
        if due(self.config.validation.every) {
            self.validate(rate)?;
        }
        if due(self.config.checkpoint) {
            self.save()?;
        }
        Ok(loss)
    }

    /// Measures the averaged weights on the episodes of validation.
    fn validate(&mut self, rate: f64) -> Result<()> {
        let model = Model::load(self.averaged(), &self.device)?;
        let step = self.state.adam.steps;
        let stage = self.config.stage(step - 1);
        let (mut losses, mut scores) = (Vec::new(), Vec::new());
        for number in 0..self.config.validation.episodes {
            let episode = self.episodes.validation(number, stage)?;
            let pairs: Vec<_> = episode.examples.iter().map(|pair| (&pair.input, &pair.output)).collect();
            let check = &mut || Ok(());
            let encoded = model.encode(&episode.target.input, check)?;
            let mini_context = model.at_once(self.config.mini_context);
            let output = model.predict(&encoded, &pairs, mini_context, &mut |_| Ok(()))?;
            losses.push(measured(&self.config, &episode, &output.voxels).0);
            if episode.loss == Loss::Segmentation {
                scores.push(overlap(&output.voxels, &episode.target.output.voxels));
            }
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let validation = if losses.is_empty() { f64::NAN } else { mean(&losses) };
        self.config.schedule.validated(&mut self.state.progress, validation);
        let dice = (!scores.is_empty()).then(|| mean(&scores) as f32);
        let (sum, count) = std::mem::take(&mut self.state.losses);
        let (loss, rate, validation) = ((sum / count as f64) as f32, rate as f32, validation as f32);
        self.curve.push(Point { step, loss, rate, validation, dice });
        Ok(())
    }

    /// Writes the checkpoint, the curve, and the averaged weights for use.
    pub fn save(&self) -> Result<()> {
        let [checkpoint, weights, curve] = FILES.map(|file| self.folder.join(file));
        self.state.write(&checkpoint)?;
        write(&weights, &self.averaged(), Precision::F16)?;
        replace_file(&curve, |out| {
            self.curve.iter().try_for_each(|point| {
                let line = serde_json::to_string(point).map_err(std::io::Error::other)?;
                writeln!(out, "{line}")
            })
        })
    }

    /// The weights to use, as they are now.
    fn averaged(&self) -> Weights {
        let mut weights = Weights::made_up("in training", self.state.average.clone());
        let closer = self.config.data.iter().any(|source| source.boxes > 0.0);
        weights.metadata.insert("grid".into(), self.config.grid.to_string());
        weights.metadata.insert("closer".into(), closer.to_string());
        weights
    }
}

/// The weights that a run begins with.
fn begin(config: &Config) -> Result<Weights> {
    match config.start.as_str() {
        "bundled" => Weights::bundled(),
        // Uniform within 1/√(fan-in), as PyTorch begins.
        "random" => {
            let (salt, gain) = (format!("{}:", config.seed), 3.0_f64.sqrt().recip());
            let weights = formula::weights(&salt, &config.channels, gain);
            Ok(match config.network {
                Network::InContext => weights,
                Network::UNet => weights.u_net(),
            })
        }
        file => Weights::open(&config.folder.join(file)),
    }
}

/// A curve that cannot be read is no reason to lose a run.
fn read_curve(path: &Path) -> Vec<Point> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The loss that is learnt from, and its gradient.
fn measured(config: &Config, episode: &Episode, output: &[f32]) -> (f64, Vec<f32>) {
    let truth = &episode.target.output;
    let (loss, mut gradient) = episode.loss.of(output, &truth.voxels, truth.side);
    let mut sum = config.scale * loss;
    gradient.iter_mut().for_each(|slope| *slope *= config.scale as f32);
    if episode.loss == Loss::Segmentation && config.dice > 0.0 {
        let (loss, slopes) = dice(output, &truth.voxels);
        sum += config.dice * loss;
        gradient.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += config.dice as f32 * slope);
    }
    (sum, gradient)
}

/// Dice of what lies above one half; 1 where there is nothing in either.
fn overlap(output: &[f32], truth: &[f32]) -> f64 {
    let count = |inside: &dyn Fn(f32, f32) -> bool| {
        output.iter().zip(truth).filter(|&(&p, &t)| inside(p, t)).count() as f64
    };
    let sizes = count(&|p, _| p > 0.5) + count(&|_, t| t > 0.5);
    if sizes == 0.0 { 1.0 } else { 2.0 * count(&|p, t| p > 0.5 && t > 0.5) / sizes }
}
