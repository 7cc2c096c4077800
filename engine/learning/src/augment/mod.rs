//! Augmentation of tasks and images.
//!
//! Probabilities and ranges of the presets `Paper` and `Release` are those of the authors' data loaders, which differ
//! in the noise of generation tasks, and of the released training step (GIN). Their lengths are interpreted on 128³.
//!
//! An augmentation drawn for an episode applies to its target and all its examples alike, so that they remain one task;
//! noise is drawn for each image. Spatial changes apply to input and output together.

mod change;
mod gin;

pub use change::Change;
pub use gin::{Gin, Network};

use crate::tasks::{Pair, Preset};
use imaging::filter;
use imaging::filter::Deformation;
use imaging::random::bernoulli;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// A change with its probability in an episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chance {
    /// Probability, between 0 and 1.
    pub probability: f32,
    /// The change.
    pub change: Change,
}

/// The possible changes of the pairs of an episode, in the order of their application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Augmentation {
    /// Changes of pairs whose output is a mask.
    pub segmentation: Vec<Chance>,
    /// Changes of pairs whose output is an image.
    pub generation: Vec<Chance>,
    /// Changes of pairs of random shapes, after those of segmentation.
    pub shapes: Vec<Chance>,
}

/// The kind of pairs in an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Material {
    /// Masks of structures.
    Segmentation,
    /// Images.
    Generation,
    /// Masks of random shapes.
    Shapes,
}

/// The changes drawn for one episode.
pub struct Plan(Vec<change::Step>);

impl Augmentation {
    /// A preset.
    pub fn preset(preset: Preset) -> Self {
        use Change::*;
        let of = |probability, change| Chance { probability, change };
        let mut spatial: Vec<Chance> = (0..3).map(|axis| of(0.1, Flip { axis })).collect();
        spatial.extend([[0, 1], [1, 2], [0, 2]].map(|axes| of(0.1, Turn { axes })));
        spatial.push(of(0.15, Subsample { factors: vec![2, 3, 4] }));
        let inverted = [of(0.05, InvertOutput), of(0.05, InvertInput)];
        // Dilation and erosion exclude each other in 0.05 and 0.95 · 0.05 of the episodes.
        let masks = [of(0.05, Edges { threshold: 0.3 }), of(0.0975, DilateOrErode)];
        let brightness = |output| [of(0.2, Shift { by: 0.2, output }), of(0.2, Scale { by: 0.1, output })];
        let noise = |probability, sd| of(probability, Noise { sd });
        let noises = match preset {
            Preset::Release => vec![noise(0.1, 0.025), noise(0.05, 0.05), noise(0.025, 0.075)],
            Preset::Paper | Preset::Exemplar => vec![noise(0.1, 0.02)],
        };
        let gin = of(0.05, Gin(self::Gin::default()));
        let turns = of(0.25, TurnEach { probability: 0.1 });

        let mut segmentation = Vec::from(inverted.clone());
        segmentation.extend(masks);
        segmentation.extend(spatial.clone());
        segmentation.extend(brightness(false));
        segmentation.push(noise(0.1, 0.02));
        segmentation.push(of(0.05, Deform(elastic(0.2))));
        segmentation.push(gin.clone());

        let mut generation = Vec::from(inverted);
        generation.extend(spatial);
        generation.extend(brightness(true));
        generation.extend(noises);
        generation.push(of(0.05, Deform(elastic(0.1))));
        generation.push(gin);

        if preset == Preset::Exemplar {
            segmentation.extend([
                of(0.5, Deform(everyday())),
                of(0.3, Gamma { log_sd: 0.3 }),
                of(0.1, Blur { sd: [0.3, 1.0] }),
                of(0.2, ThickSlices { spacing: [0.01, 0.03] }),
            ]);
            generation.push(of(0.5, Deform(everyday())));
        }
        Self { segmentation, generation, shapes: vec![turns] }
    }

    /// Removes the changes that alter an episode's task, for a network with one task and no examples.
    pub fn of_one_task(mut self) -> Self {
        use Change::*;
        let output = |change: &Change| matches!(change, InvertOutput | Edges { .. } | DilateOrErode);
        self.segmentation.retain(|chance| !output(&chance.change));
        // An image output has the intensities of its input, so these would change the task too.
        let input = |change: &Change| matches!(change, InvertInput | Gin(_));
        self.generation.retain(|chance| !output(&chance.change) && !input(&chance.change));
        self
    }

    /// Draws the changes for an episode; all probabilities are multiplied by `factor`.
    pub fn draw(&self, material: Material, factor: f32, rng: &mut dyn Rng) -> Plan {
        let (own, shapes) = match material {
            Material::Segmentation => (&self.segmentation, None),
            Material::Generation => (&self.generation, None),
            Material::Shapes => (&self.segmentation, Some(&self.shapes)),
        };
        let mut steps = Vec::new();
        for chance in own.iter().chain(shapes.into_iter().flatten()) {
            if bernoulli(factor * chance.probability, rng) {
                steps.push(chance.change.draw(rng));
            }
        }
        Plan(steps)
    }
}

impl Plan {
    /// Applies the changes to a pair; its values stay in [0, 1].
    ///
    /// The authors stretch every volume to [0, 1] at the end, which reverses shifts and scales; here values are
    /// clamped.
    pub fn apply(&self, pair: &mut Pair, rng: &mut dyn Rng) {
        self.0.iter().for_each(|step| step(pair, rng));
        for cube in [&mut pair.input, &mut pair.output] {
            filter::change(cube, |value| value.clamp(0.0, 1.0));
        }
    }
}

/// The authors' elastic deformation on 128³: white noise of ±1 smoothed by 7 to 8 voxels and multiplied by 100 to 200,
/// which has a standard deviation of 0.4 to 0.9 voxels; a cubic B-spline with 13 points is equally smooth.
fn elastic(scale: f32) -> Deformation {
    let bend = [0.4 / 128.0, 0.9 / 128.0];
    Deformation { rotation: 0.3, scale, shear: 0.0, shift: 0.0, points: 13, bend }
}

/// This project's deformation: another head in another pose, within the ranges of SynthSeg (Billot et al. 2023).
fn everyday() -> Deformation {
    Deformation { rotation: 0.26, scale: 0.15, shear: 0.012, shift: 0.05, points: 7, bend: [0.0, 0.02] }
}
