//! Adam (Kingma and Ba, 2015) with clipping by the global norm, and the moving average of the weights.

use network::Arrays;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Decay of the first and second moments, and what keeps the division finite.
const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-8;
/// How many times an array's gradient may be as large as it has been, by the root of its second moments.
const EXCESS: f64 = 1.5;

/// The moments of the gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    /// Of the gradients and of their squares, by parameter.
    pub moments: [Arrays; 2],
    /// Steps taken.
    pub steps: u64,
}

impl Adam {
    /// Before the first step.
    pub fn new(weights: &Arrays) -> Self {
        let zeros = || weights.iter().map(|(name, array)| (name.clone(), array.zeros())).collect();
        Self { moments: [zeros(), zeros()], steps: 0 }
    }

    /// Takes a step against the gradients, which are scaled down first where their norm over all parameters is above `clip`,
    /// and then each array's by itself where its norm is above `EXCESS` times what it has been: without normalisation one
    /// odd episode would set the activations off, and momentum would repeat it. An array whose gradients were all zero so far
    /// has no usual size, so it is not limited.
    ///
    /// Returns the norm over all parameters. Where that is not finite, nothing is changed: one such step would spoil weights
    /// and moments for good.
    pub fn step(&mut self, weights: &mut Arrays, gradients: &Arrays, rate: f64, clip: f64) -> f64 {
        let squares: Vec<f64> = gradients.values().map(|array| sum(&array.values, |g| g * g)).collect();
        let norm = squares.iter().sum::<f64>().sqrt();
        if !norm.is_finite() {
            return norm;
        }
        let scale = (clip / norm).min(1.0);
        let unbias = |beta: f64, steps: u64| 1.0 / (1.0 - beta.powf(steps as f64));
        let before = unbias(BETAS[1], self.steps);
        self.steps += 1;
        let [rate, after] =
            [rate * unbias(BETAS[0], self.steps), unbias(BETAS[1], self.steps)].map(|factor| factor as f32);
        let [means, variances] = &mut self.moments;
        let moments = means.values_mut().zip(variances.values_mut());
        let arrays: Vec<_> = weights.values_mut().zip(gradients.values().zip(squares)).zip(moments).collect();
        arrays.into_par_iter().for_each(|((weights, (gradients, square)), (means, variances))| {
            let variance = sum(&variances.values, |v| v);
            let usual = EXCESS * (variance * before).sqrt();
            let limit = if variance > 0.0 { (usual / (scale * square.sqrt())).min(1.0) } else { 1.0 };
            let scale = (scale * limit) as f32;
            let moments = means.values.par_chunks_mut(PART).zip(variances.values.par_chunks_mut(PART));
            let parts =
                weights.values.par_chunks_mut(PART).zip(gradients.values.par_chunks(PART)).zip(moments);
            parts.for_each(|((weights, gradients), (means, variances))| {
                let moments = means.iter_mut().zip(variances);
                for ((w, g), (m, v)) in weights.iter_mut().zip(gradients).zip(moments) {
                    let g = g * scale;
                    *m += (1.0 - BETAS[0] as f32) * (g - *m);
                    *v += (1.0 - BETAS[1] as f32) * (g * g - *v);
                    *w -= rate * *m / ((*v * after).sqrt() + EPSILON);
                }
            });
        });
        norm
    }
}

/// Parameters that a thread takes at once.
const PART: usize = 1 << 14;

/// The sum of what becomes of some values, in an order that does not depend on threads.
fn sum(values: &[f32], of: impl Fn(f64) -> f64 + Sync) -> f64 {
    let part = |values: &[f32]| {
        // Several sums side by side, so that none waits for another.
        let mut sums = [0.0; 16];
        for values in values.chunks(sums.len()) {
            sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += of(value.into()));
        }
        sums.into_iter().sum::<f64>()
    };
    values.par_chunks(PART).map(part).collect::<Vec<f64>>().into_iter().sum()
}

/// Moves the average towards the weights after step `step`, from 1: `average += (weights − average) · (1 − decay)`. At first
/// it decays faster, so that it soon forgets what learning began with.
pub fn follow(average: &mut Arrays, weights: &Arrays, decay: f64, step: u64) {
    let decay = decay.min(step as f64 / (step as f64 + 9.0));
    let averages = average.values_mut().flat_map(|array| array.values.chunks_mut(PART));
    let parts: Vec<_> = averages.zip(weights.values().flat_map(|array| array.values.chunks(PART))).collect();
    parts.into_par_iter().for_each(|(average, weights)| {
        for (average, &weight) in average.iter_mut().zip(weights) {
            *average += ((f64::from(weight) - f64::from(*average)) * (1.0 - decay)) as f32;
        }
    });
}

/// How the learning rate goes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Schedule {
    /// Halved when the loss of validation has not improved for `timeouts` validations (the paper: 1e-4, 20).
    Plateau {
        /// At first.
        rate: f64,
        /// Validations without improvement.
        timeouts: u32,
    },
    /// From `rate` to `last` along half a cosine, after as many steps as `warm_up` on a straight line from zero.
    Cosine {
        /// The highest.
        rate: f64,
        /// In the end.
        last: f64,
        /// Steps.
        warm_up: u64,
    },
}

/// How far a schedule is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Halvings so far.
    pub halvings: i32,
    /// The least loss of validation.
    pub best: f64,
    /// Validations since.
    pub waited: u32,
}

impl Default for Progress {
    fn default() -> Self {
        Self { halvings: 0, best: f64::INFINITY, waited: 0 }
    }
}

impl Schedule {
    /// The learning rate of step `step` of `steps`, both from 0.
    pub fn rate(&self, progress: &Progress, step: u64, steps: u64) -> f64 {
        match *self {
            Self::Plateau { rate, .. } => rate * 0.5_f64.powi(progress.halvings),
            Self::Cosine { rate, warm_up, .. } if step < warm_up => rate * (step + 1) as f64 / warm_up as f64,
            Self::Cosine { rate, last, warm_up } => {
                let part = (step - warm_up) as f64 / steps.saturating_sub(warm_up).max(1) as f64;
                last + (rate - last) * (1.0 + (std::f64::consts::PI * part.min(1.0)).cos()) / 2.0
            }
        }
    }

    /// Takes the loss of a validation in.
    pub fn validated(&self, progress: &mut Progress, loss: f64) {
        if loss < progress.best {
            (progress.best, progress.waited) = (loss, 0);
            return;
        }
        progress.waited += 1;
        if let Self::Plateau { timeouts, .. } = self
            && progress.waited > *timeouts
        {
            progress.halvings += 1;
            progress.waited = 0;
        }
    }
}
