//! Draws the task of an episode.

use super::{
    BiasField, Corruption, GaussianNoise, Goal, Holes, LowResolution, Preset, SaltAndPepper, Slices, Task,
};
use imaging::random::{bernoulli, index, sample, weighted};
use imaging::{Error, Result};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A kind of task, as configurations name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A mask of some structures.
    Segmentation,
    /// The image without its bias field.
    BiasRemoval,
    /// The image without Gaussian noise.
    GaussianNoiseRemoval,
    /// The image without salt-and-pepper noise.
    SaltAndPepperRemoval,
    /// The volume from a few slices.
    SlicesToVolume,
    /// The image without its holes.
    Inpainting,
    /// The image at a higher resolution.
    SuperResolution,
    /// The image masked to the brain.
    SkullStripping,
    /// Another modality.
    ModalityTransform,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Segmentation,
        Self::BiasRemoval,
        Self::GaussianNoiseRemoval,
        Self::SaltAndPepperRemoval,
        Self::SlicesToVolume,
        Self::Inpainting,
        Self::SuperResolution,
        Self::SkullStripping,
        Self::ModalityTransform,
    ];
}

/// Probabilities of additional corruptions of a task's input; they apply to all pairs of an episode alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extra {
    /// A bias field.
    pub bias_field: f32,
    /// Noise, of either kind.
    pub noise: f32,
    /// Low resolution.
    pub low_resolution: f32,
    /// Holes, except in segmentation.
    pub holes: f32,
    /// Parameters of the Gaussian noise.
    pub gaussian_noise: GaussianNoise,
}

/// The distribution that tasks are drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tasks {
    /// Relative frequency of each kind; a kind that is left out is never drawn.
    pub weights: BTreeMap<Kind, f32>,
    /// Maximum number of structures that are merged into one mask.
    pub most_labels: usize,
    /// The labels of the brain, for skull stripping; empty: every label above 0.
    pub brain: Vec<u16>,
    /// Parameters of bias removal.
    pub bias_field: BiasField,
    /// Parameters of Gaussian noise removal.
    pub gaussian_noise: GaussianNoise,
    /// Parameters of salt-and-pepper removal.
    pub salt_and_pepper: SaltAndPepper,
    /// Parameters of slices-to-volume; the axis is drawn for each episode.
    pub slices: Slices,
    /// Parameters of inpainting.
    pub holes: Holes,
    /// Parameters of super-resolution.
    pub low_resolution: LowResolution,
    /// Corruptions in addition to the task's own.
    pub extra: Extra,
    /// See [`Task::range`].
    pub range: [f64; 2],
}

impl Tasks {
    /// A preset. The frequencies of `Paper` are the sampling rates of the configuration, summed by kind over its real
    /// data sets. `Release` draws segmentation only; its other parameters are those of the demonstrations.
    pub fn preset(preset: Preset) -> Self {
        use Kind::*;
        let weights = [
            (Segmentation, 52.0),
            (BiasRemoval, 18.0),
            (GaussianNoiseRemoval, 17.0),
            (SaltAndPepperRemoval, 17.0),
            (SlicesToVolume, 2.4),
            (Inpainting, 17.0),
            (SuperResolution, 17.0),
            (SkullStripping, 7.0),
            (ModalityTransform, 14.0),
        ];
        let paper = Self {
            weights: weights.into(),
            most_labels: 5,
            brain: Vec::new(),
            bias_field: BiasField { degree: 3, coefficients: [-0.5, 0.5] },
            gaussian_noise: GaussianNoise { sd: [0.15 * 0.25, 0.25] },
            salt_and_pepper: SaltAndPepper { salt: [0.01, 0.04], pepper: [0.01, 0.04] },
            slices: Slices { axis: 0, count: 3, off_centre: 10.0 / 128.0 },
            holes: Holes { points: vec![16, 8], threshold: [0.1, 0.4] },
            low_resolution: LowResolution { factor: 2 },
            extra: Extra {
                bias_field: 0.1,
                noise: 0.2,
                low_resolution: 0.1,
                holes: 0.1,
                gaussian_noise: GaussianNoise { sd: [0.15 * 0.1, 0.1] },
            },
            range: [0.0, 1.0],
        };
        match preset {
            Preset::Paper => paper,
            Preset::Release => Self {
                weights: [(Segmentation, 1.0)].into(),
                gaussian_noise: GaussianNoise { sd: [0.03, 0.03] },
                salt_and_pepper: SaltAndPepper { salt: [0.04, 0.04], pepper: [0.04, 0.04] },
                holes: Holes { threshold: [0.2, 0.4], ..paper.holes },
                extra: Extra { bias_field: 0.0, noise: 0.0, low_resolution: 0.0, holes: 0.0, ..paper.extra },
                ..paper
            },
            // The 2nd and 98th percentile, as in the aligned pipeline.
            Preset::Exemplar => Self { range: [0.02, 0.98], ..paper },
        }
    }

    /// Draws a task for subjects with this number of modalities and these labels.
    pub fn draw(&self, modalities: usize, labels: &[u16], rng: &mut dyn Rng) -> Result<Task> {
        let possible = |kind: Kind| match kind {
            Kind::Segmentation => !labels.is_empty(),
            Kind::SkullStripping if self.brain.is_empty() => !labels.is_empty(),
            Kind::SkullStripping => labels.iter().any(|label| self.brain.contains(label)),
            Kind::ModalityTransform => modalities > 1,
            _ => true,
        };
        let fits = |&(kind, weight): &(Kind, f32)| weight > 0.0 && modalities > 0 && possible(kind);
        let fitting = self.weights.iter().map(|(&kind, &weight)| (kind, weight)).filter(fits);
        let Some(kind) = weighted(fitting, rng) else {
            return Err(Error::Request(
                "None of the tasks to train on fits these subjects; give more kinds of tasks, or subjects with \
                 labels or several images."
                    .into(),
            ));
        };
        Ok(self.task(kind, modalities, labels, rng))
    }

    /// Draws a task of this kind; the subjects must have the modalities and labels that it needs.
    pub fn task(&self, kind: Kind, modalities: usize, labels: &[u16], rng: &mut dyn Rng) -> Task {
        let image = index(modalities, rng);
        let restore = |corruption| Goal::Restore { image, corruption };
        let goal = match kind {
            Kind::Segmentation => {
                let most = self.most_labels.min(labels.len() - 1).max(1);
                let count = 1 + index(most, rng);
                Goal::Segment { image, labels: sample(labels, count, rng) }
            }
            Kind::BiasRemoval => restore(Corruption::BiasField(self.bias_field.clone())),
            Kind::GaussianNoiseRemoval => restore(Corruption::GaussianNoise(self.gaussian_noise.clone())),
            Kind::SaltAndPepperRemoval => restore(Corruption::SaltAndPepper(self.salt_and_pepper.clone())),
            Kind::SlicesToVolume => {
                restore(Corruption::Slices(Slices { axis: index(3, rng), ..self.slices.clone() }))
            }
            Kind::Inpainting => restore(Corruption::Holes(self.holes.clone())),
            Kind::SuperResolution => restore(Corruption::LowResolution(self.low_resolution.clone())),
            Kind::SkullStripping => Goal::StripSkull { image, brain: self.brain.clone() },
            Kind::ModalityTransform => {
                let to = (image + 1 + index(modalities - 1, rng)) % modalities;
                Goal::Transform { from: image, to }
            }
        };
        Task { goal, extra: self.extra_corruptions(kind, rng), range: self.range }
    }

    /// Draws additional corruptions in random order, other than the task's own.
    fn extra_corruptions(&self, kind: Kind, rng: &mut dyn Rng) -> Vec<Corruption> {
        let noise = if bernoulli(0.5, rng) {
            Corruption::GaussianNoise(self.extra.gaussian_noise.clone())
        } else {
            Corruption::SaltAndPepper(self.salt_and_pepper.clone())
        };
        let candidates = [
            (self.extra.bias_field, Corruption::BiasField(self.bias_field.clone())),
            (self.extra.noise, noise),
            (self.extra.low_resolution, Corruption::LowResolution(self.low_resolution.clone())),
            (self.extra.holes, Corruption::Holes(self.holes.clone())),
        ];
        let already = |n: usize| match n {
            0 => kind == Kind::BiasRemoval,
            2 => kind == Kind::SuperResolution,
            3 => matches!(kind, Kind::Inpainting | Kind::Segmentation),
            _ => false,
        };
        sample(&[0, 1, 2, 3], 4, rng)
            .into_iter()
            .filter(|&n| bernoulli(candidates[n].0, rng) && !already(n))
            .map(|n| candidates[n].1.clone())
            .collect()
    }
}
