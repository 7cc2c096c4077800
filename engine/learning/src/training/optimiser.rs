//! Adam (Kingma and Ba, 2015) with clipping by the global gradient norm, learning-rate schedules, and the moving
//! average of the weights.

use network::Arrays;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Decay rates of the first and second moments, and the constant that keeps the division finite.
const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-8;
/// Limit on the norm of an array's gradient, as a multiple of the root of its second moments.
const EXCESS: f64 = 1.5;

/// The state of the optimiser.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    /// First and second moments of the gradients, by parameter.
    pub moments: [Arrays; 2],
    /// Steps taken.
    pub steps: u64,
}

impl Adam {
    /// The state before the first step; all moments are zero.
    pub fn new(weights: &Arrays) -> Self {
        let zeros = || weights.iter().map(|(name, array)| (name.clone(), array.zeros())).collect();
        Self { moments: [zeros(), zeros()], steps: 0 }
    }

    /// Takes a step. Gradients are scaled down to a norm over all parameters of at most `clip`; then each array's
    /// gradient is limited to `EXCESS` times its usual norm. The network has no normalisation layers, so a single
    /// outlying episode would otherwise destabilise the activations, and momentum would repeat it. An array whose
    /// gradients have all been zero has no usual norm and is not limited.
    ///
    /// Returns the norm over all parameters. If it is not finite, nothing changes: one such step would corrupt weights
    /// and moments permanently.
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

/// Parameters that a thread processes at a time.
const PART: usize = 1 << 14;

/// The sum of `of` over the values, in an order that does not depend on the threads.
fn sum(values: &[f32], of: impl Fn(f64) -> f64 + Sync) -> f64 {
    let part = |values: &[f32]| {
        // Independent partial sums, so that no addition waits for another.
        let mut sums = [0.0; 16];
        for values in values.chunks(sums.len()) {
            sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += of(value.into()));
        }
        sums.into_iter().sum::<f64>()
    };
    values.par_chunks(PART).map(part).collect::<Vec<f64>>().into_iter().sum()
}

/// Updates the average after step `step`, counted from 1: `average += (weights − average) · (1 − decay)`. The first
/// steps use a smaller decay, so that the average soon forgets the initial weights.
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

/// The learning-rate schedule.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Schedule {
    /// Halved when the validation loss has not improved for more than `patience` validations (the paper: 1e-4, 20).
    Plateau {
        /// Initial rate.
        rate: f64,
        /// Validations without improvement before a halving.
        patience: u32,
    },
    /// A linear warm-up from zero, then half a cosine from `rate` to `last`.
    Cosine {
        /// Highest rate.
        rate: f64,
        /// Rate at the last step.
        last: f64,
        /// Steps of the warm-up.
        warm_up: u64,
    },
}

/// The state of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Halvings so far.
    pub halvings: i32,
    /// The lowest validation loss.
    pub best: f64,
    /// Validations since the lowest loss or the last halving.
    pub waited: u32,
}

impl Default for Progress {
    fn default() -> Self {
        Self { halvings: 0, best: f64::INFINITY, waited: 0 }
    }
}

impl Schedule {
    /// The learning rate of step `step`, counted from 0, of `steps` in total.
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

    /// Updates the state with the loss of a validation.
    pub fn validated(&self, progress: &mut Progress, loss: f64) {
        if loss < progress.best {
            (progress.best, progress.waited) = (loss, 0);
            return;
        }
        progress.waited += 1;
        if let Self::Plateau { patience, .. } = self
            && progress.waited > *patience
        {
            progress.halvings += 1;
            progress.waited = 0;
        }
    }
}
