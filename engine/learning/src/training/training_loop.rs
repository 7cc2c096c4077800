//! The training loop, in memory.

use super::checkpoint::State;
use super::config::Config;
use super::episode::{Episode, Episodes};
use super::loss::{Loss, dice};
use super::optimiser::follow;
use imaging::Cube;
use imaging::{Error, Result, metrics};
use inference::pipeline::{probability, threshold};
use network::weights::Weights;
use network::{Device, Learner, Model};

/// Training in progress.
pub struct TrainingLoop {
    config: Config,
    device: Device,
    episodes: Episodes,
    learner: Learner,
    state: State,
    /// The episode of the next step, drawn during the last one.
    next: Option<Episode>,
}

/// Scores of the averaged weights on the validation episodes.
pub struct Validated {
    /// Mean loss.
    pub loss: f64,
    /// Mean Dice of the masks at the pipeline's threshold; `None` if all outputs are images.
    pub dice: Option<f64>,
}

impl TrainingLoop {
    /// Continues from a state.
    ///
    /// # Errors
    /// Those of the device.
    pub fn new(config: Config, episodes: Episodes, state: State, device: Device) -> Result<Self> {
        let learner = Learner::new(&device)?;
        Ok(Self { config, device, episodes, learner, state, next: None })
    }

    /// The state after the last step.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The configuration of the run.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The learning rate of the next step.
    pub fn rate(&self) -> f64 {
        self.config.schedule.rate(&self.state.progress, self.state.adam.steps, self.config.steps())
    }

    /// Takes a step. Returns the loss.
    ///
    /// # Errors
    /// Those of the device and of memory, and [`Error::Request`] if the loss or its gradient is not finite; the state
    /// is then unchanged.
    pub fn step(&mut self) -> Result<f64> {
        let (number, steps, rate) = (self.state.adam.steps, self.config.steps(), self.rate());
        let draw = |number: u64| self.episodes.training(number, self.config.stage(number));
        let episode = match self.next.take() {
            Some(episode) => episode,
            None => draw(number)?,
        };
        let pairs: Vec<(&Cube, &Cube)> =
            episode.examples.iter().map(|pair| (&pair.input, &pair.output)).collect();
        let (config, weights, learner) = (&self.config, &self.state.weights, &mut self.learner);
        let (shown, episode) = ((&episode.target.input, pairs.as_slice()), &episode);
        let measure = &mut |output: &[f32]| weighted_loss(config, episode, output);
        // The learner is `Send` but not `Sync`, so the closure moves a mutable reference to it.
        let learn = move || learner.gradients(weights, shown, config.mini_context, measure);
        let (computed, next) =
            rayon::join(learn, || (number + 1 < steps).then(|| draw(number + 1)).transpose());
        let (loss, gradients) = computed?;
        let overflow = |what: &str| {
            Error::Request(format!(
                "The {what} of step {number} is not a finite number; continue from the last checkpoint with a lower \
                 rate (schedule)."
            ))
        };
        if !loss.is_finite() {
            return Err(overflow("loss"));
        }
        let state = &mut self.state;
        let norm = state.adam.step(&mut state.weights.arrays, &gradients, rate, self.config.clip);
        if !norm.is_finite() {
            return Err(overflow("gradient"));
        }
        follow(&mut state.average, &state.weights.arrays, self.config.average, number + 1);
        self.next = next?;
        state.losses = (state.losses.0 + loss, state.losses.1 + 1);
        Ok(loss)
    }

    /// Evaluates the averaged weights on the validation episodes and updates the schedule.
    ///
    /// # Errors
    /// Those of the device and of memory.
    pub fn validate(&mut self) -> Result<Validated> {
        let model = Model::load(self.averaged(), &self.device)?;
        let stage = self.config.stage(self.state.adam.steps.saturating_sub(1));
        let (mut losses, mut scores) = (Vec::new(), Vec::new());
        for number in 0..self.config.validation.episodes {
            let episode = self.episodes.validation(number, stage)?;
            let pairs: Vec<_> = episode.examples.iter().map(|pair| (&pair.input, &pair.output)).collect();
            let check = &mut || Ok(());
            let encoded = model.encode(&episode.target.input, check)?;
            let mini_context = model.useful_mini_context(self.config.mini_context);
            let output = model.predict(&encoded, &pairs, mini_context, &mut |_| Ok(()))?;
            losses.push(weighted_loss(&self.config, &episode, &output.voxels).0);
            if episode.loss == Loss::Segmentation {
                let truth = &episode.target.output.voxels;
                let found = probability(output);
                let least = threshold(&found);
                let pairs = found.voxels.iter().zip(truth);
                scores.push(metrics::dice(pairs.map(|(&ours, &theirs)| (ours > least, theirs > 0.5))));
            }
        }
        let loss = losses.iter().sum::<f64>() / losses.len() as f64;
        let dice = scores.iter().sum::<f64>() / scores.len() as f64;
        self.config.schedule.validated(&mut self.state.progress, loss);
        Ok(Validated { loss, dice: (!scores.is_empty()).then_some(dice) })
    }

    /// The mean training loss since the last call; resets the sum.
    pub fn take_loss(&mut self) -> f64 {
        let (sum, count) = std::mem::take(&mut self.state.losses);
        sum / count as f64
    }

    /// The averaged weights, with the metadata that inference needs.
    pub fn averaged(&self) -> Weights {
        let mut weights = Weights::made_up("in training", self.state.average.clone());
        let closer = self.config.data.iter().any(|source| source.boxes > 0.0);
        weights.metadata.insert("grid".into(), self.config.grid.to_string());
        weights.metadata.insert("closer".into(), closer.to_string());
        weights
    }
}

/// The training loss and its gradient.
fn weighted_loss(config: &Config, episode: &Episode, output: &[f32]) -> (f64, Vec<f32>) {
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
