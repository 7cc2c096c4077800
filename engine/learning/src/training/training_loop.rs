//! The steps of learning, in memory.

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

/// Learning on its way.
pub struct TrainingLoop {
    config: Config,
    device: Device,
    episodes: Episodes,
    learner: Learner,
    state: State,
    /// The episode of the next step, drawn beside the last one.
    next: Option<Episode>,
}

/// How good the averaged weights are on the episodes of validation.
pub struct Validated {
    /// Mean loss.
    pub loss: f64,
    /// Mean Dice of the masks, cut as those of the pipeline are; none where there are only images.
    pub dice: Option<f64>,
}

impl TrainingLoop {
    /// Goes on from a state.
    ///
    /// # Errors
    /// Those of the device.
    pub fn new(config: Config, episodes: Episodes, state: State, device: Device) -> Result<Self> {
        let learner = Learner::new(&device)?;
        Ok(Self { config, device, episodes, learner, state, next: None })
    }

    /// What is learnt.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How it is learnt.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The rate of the next step.
    pub fn rate(&self) -> f64 {
        self.config.schedule.rate(&self.state.progress, self.state.adam.steps, self.config.steps())
    }

    /// Takes a step. Returns the loss.
    ///
    /// # Errors
    /// Those of the device and of memory, and [`Error::Request`] where the loss or its gradient is not finite; the state
    /// then is that before the step.
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
        let measure = &mut |output: &[f32]| measured(config, episode, output);
        // A learner may change hands but not be shared.
        let learn = move || learner.gradients(weights, shown, config.mini_context, measure);
        let (learnt, next) =
            rayon::join(learn, || (number + 1 < steps).then(|| draw(number + 1)).transpose());
        let (loss, gradients) = learnt?;
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

    /// Measures the averaged weights on the episodes of validation, and lets the schedule know.
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
            losses.push(measured(&self.config, &episode, &output.voxels).0);
            if episode.loss == Loss::Segmentation {
                let truth = &episode.target.output.voxels;
                let found = probability(output);
                let cut = threshold(&found);
                let pairs = found.voxels.iter().zip(truth);
                scores.push(metrics::dice(pairs.map(|(&ours, &theirs)| (ours > cut, theirs > 0.5))));
            }
        }
        let loss = losses.iter().sum::<f64>() / losses.len() as f64;
        let dice = scores.iter().sum::<f64>() / scores.len() as f64;
        self.config.schedule.validated(&mut self.state.progress, loss);
        Ok(Validated { loss, dice: (!scores.is_empty()).then_some(dice) })
    }

    /// The mean loss of the steps since it was last taken.
    pub fn take_loss(&mut self) -> f64 {
        let (sum, count) = std::mem::take(&mut self.state.losses);
        sum / count as f64
    }

    /// The weights to use, as they are now.
    pub fn averaged(&self) -> Weights {
        let mut weights = Weights::made_up("in training", self.state.average.clone());
        let closer = self.config.data.iter().any(|source| source.boxes > 0.0);
        weights.metadata.insert("grid".into(), self.config.grid.to_string());
        weights.metadata.insert("closer".into(), closer.to_string());
        weights
    }
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
