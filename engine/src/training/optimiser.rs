//! Adam (Kingma and Ba, 2015) with clipping by the global norm, and the moving average of the weights.

use crate::network::Arrays;
use crate::weights::Array;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Decay of the first and second moments, and what keeps the division finite.
const BETAS: [f64; 2] = [0.9, 0.999];
const EPSILON: f32 = 1e-8;

/// Values that a thread takes at once.
const PART: usize = 1 << 14;

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

    /// Takes a step against the gradients, which are scaled down first where their norm over all parameters is above `clip`.
    /// Returns that norm.
    pub fn step(&mut self, weights: &mut Arrays, gradients: &Arrays, rate: f64, clip: f64) -> f64 {
        let norm = norm(gradients);
        let scale = (clip / norm).min(1.0) as f32;
        self.steps += 1;
        // What divides the moments, brought to the step's size and to the root.
        let [first, second] = BETAS.map(|beta| 1.0 - beta.powf(self.steps as f64));
        let (size, root) = ((rate / first) as f32, second.sqrt().recip() as f32);
        let [keep, add] = [BETAS.map(|beta| beta as f32), BETAS.map(|beta| (1.0 - beta) as f32)];
        let [first, second] = &mut self.moments;
        let moments = first.values_mut().zip(second.values_mut());
        for ((weights, gradients), (first, second)) in
            weights.values_mut().zip(gradients.values()).zip(moments)
        {
            let moments = first.values.par_chunks_mut(PART).zip(second.values.par_chunks_mut(PART));
            let parts = weights.values.par_chunks_mut(PART).zip(gradients.values.par_chunks(PART));
            parts.zip(moments).for_each(|((w, g), (m, v))| {
                for ((w, g), (m, v)) in w.iter_mut().zip(g).zip(m.iter_mut().zip(v)) {
                    let g = g * scale;
                    *m = *m * keep[0] + g * add[0];
                    *v = *v * keep[1] + g * g * add[1];
                    *w -= size * *m / (v.sqrt() * root + EPSILON);
                }
            });
        }
        norm
    }
}

/// Moves the average of the weights towards the weights: `average += (weights − average) · (1 − decay)`.
pub fn follow(average: &mut Arrays, weights: &Arrays, decay: f64) {
    for (average, weights) in average.values_mut().zip(weights.values()) {
        let parts = average.values.par_chunks_mut(PART).zip(weights.values.par_chunks(PART));
        parts.for_each(|(average, weights)| {
            let part = (1.0 - decay) as f32;
            average
                .iter_mut()
                .zip(weights)
                .for_each(|(average, weight)| *average += (weight - *average) * part);
        });
    }
}

/// The Euclidean norm over all parameters, the same for any number of threads.
fn norm(gradients: &Arrays) -> f64 {
    let squares = |part: &[f32]| part.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>();
    let of_array = |array: &Array| array.values.par_chunks(PART).map(squares).collect::<Vec<_>>();
    gradients.values().flat_map(of_array).sum::<f64>().sqrt()
}

/// How the learning rate goes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Schedule {
    /// Halved when the loss of validation has not improved for `patience` validations (the paper: 1e-4, 20).
    Plateau {
        /// At first.
        rate: f64,
        /// Validations without improvement.
        patience: u32,
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
        if let Self::Plateau { patience, .. } = self
            && progress.waited > *patience
        {
            progress.halvings += 1;
            progress.waited = 0;
        }
    }
}
