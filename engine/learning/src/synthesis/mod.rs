//! Synthetic subjects: images of random contrast from label maps, after SynthSeg (Billot et al., Medical Image Analysis
//! 2023), and random shapes.
//!
//! Means and standard deviations, bias field, gamma, resolution and deformation are SynthSeg's. Its lengths in
//! millimetres are fractions of the side here, which represents 256 mm.

mod shapes;

pub use shapes::Shapes;

use crate::tasks::{Structures, Subject};
use imaging::Cube;
use imaging::filter::field::Basis;
use imaging::filter::{Deformation, LabelCube, blurred, change, fill_slices, stretch, thick_slices};
use imaging::random::{bernoulli, index, normal, within};
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The distribution of synthetic subjects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Synthesis {
    /// Deformation of the label map.
    pub deformation: Deformation,
    /// Range of a tissue's mean intensity, on a scale from 0 to 255.
    pub mean: [f32; 2],
    /// Range of the standard deviation within a tissue, on the same scale.
    pub spread: [f32; 2],
    /// Probability that the background is black.
    pub black: f32,
    /// Probability that the background is dark, with a mean up to 15 and a standard deviation up to 5.
    pub dark: f32,
    /// Largest standard deviation of the bias field's logarithm.
    pub bias: f32,
    /// Lattice points of the bias field along each axis.
    pub bias_points: usize,
    /// Standard deviation of the logarithm of gamma.
    pub gamma: f32,
    /// Probability of large isotropic voxels, and their largest side as a fraction of the grid's.
    pub coarse: (f32, f32),
    /// Probability of thick slices along one axis, and their largest spacing as a fraction of the side.
    pub thick: (f32, f32),
    /// Probability that the image is skull-stripped.
    pub strip: f32,
    /// Probability that one end of an axis lies outside the field of view, and the largest fraction of the side that
    /// does.
    pub cut: (f32, f32),
}

impl Default for Synthesis {
    /// SynthSeg's values, except for half its standard deviation, since a working voxel averages many voxels of 1 mm.
    /// Skull stripping and cutting are additions of this project.
    fn default() -> Self {
        let bend = [0.0, 0.02];
        Self {
            deformation: Deformation {
                rotation: 0.26,
                scale: 0.2,
                shear: 0.012,
                shift: 0.05,
                points: 9,
                bend,
            },
            mean: [0.0, 250.0],
            spread: [0.0, 15.0],
            black: 0.05,
            dark: 0.25,
            bias: 0.7,
            bias_points: 4,
            gamma: 0.5,
            coarse: (0.1, 4.0 / 256.0),
            thick: (0.85, 8.0 / 256.0),
            strip: 0.3,
            cut: (0.2, 0.3),
        }
    }
}

/// Mean and standard deviation of a tissue's intensities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tissue {
    /// Mean, on a scale from 0 to 255.
    pub mean: f32,
    /// Standard deviation, on the same scale.
    pub spread: f32,
}

/// The intensities of all labels in one modality, background included.
#[derive(Clone, Debug, PartialEq)]
pub struct Contrast(pub BTreeMap<u16, Tissue>);

/// The class of each label; labels of one class share their intensities.
pub type Classes = BTreeMap<u16, u16>;

impl Synthesis {
    /// Draws a contrast. All subjects of an episode with the same contrast form one modality. Label 0 is the background
    /// and a class of its own.
    pub fn contrast(&self, classes: &Classes, rng: &mut dyn Rng) -> Contrast {
        let mut tissues = BTreeMap::new();
        for &class in classes.values() {
            tissues.entry(class).or_insert_with(|| self.tissue(rng));
        }
        let mut background = self.tissue(rng);
        if bernoulli(self.black, rng) {
            background = Tissue { mean: 0.0, spread: 0.0 };
        } else if bernoulli(self.dark / (1.0 - self.black), rng) {
            background = Tissue { mean: within([0.0, 15.0], rng), spread: within([0.0, 5.0], rng) };
        }
        let mut intensities: BTreeMap<u16, Tissue> =
            classes.iter().map(|(&label, class)| (label, tissues[class])).collect();
        intensities.insert(0, background);
        Contrast(intensities)
    }

    fn tissue(&self, rng: &mut dyn Rng) -> Tissue {
        Tissue { mean: within(self.mean, rng), spread: within(self.spread, rng) }
    }

    /// Draws a subject with the deformed shape of `labels` and one image for each contrast. Its labels are deformed and
    /// cut like its images; skull stripping changes images only. `brain` are the labels that skull stripping keeps; if
    /// it is empty, subjects are never stripped.
    pub fn subject(
        &self,
        labels: &LabelCube,
        contrasts: &[Contrast],
        brain: &[u16],
        rng: &mut dyn Rng,
    ) -> Subject {
        let mut labels = self.deformation.draw(rng).labels(labels);
        let mut visible = labels.clone();
        if !brain.is_empty() && bernoulli(self.strip, rng) {
            let outside = |label: &&mut u16| !brain.contains(label);
            visible.voxels.iter_mut().filter(outside).for_each(|label| *label = 0);
        }
        let mut images: Vec<Cube> = contrasts.iter().map(|c| self.image(&visible, c, rng)).collect();
        if bernoulli(self.cut.0, rng) {
            let (axis, far) = (index(3, rng), bernoulli(0.5, rng));
            let lost = (within([0.0, self.cut.1], rng) * labels.side as f32) as usize;
            let side = labels.side;
            let outside = |slice: usize| if far { slice >= side - lost } else { slice < lost };
            fill_slices(&mut labels.voxels, (side, axis), outside, 0);
            for image in &mut images {
                fill_slices(&mut image.voxels, (side, axis), outside, 0.0);
            }
        }
        Subject { images, structures: Structures::whole(&labels) }
    }

    /// Draws an image of labels, scaled so that its 2nd and 98th percentile are 0 and 1.
    pub fn image(&self, labels: &LabelCube, contrast: &Contrast, rng: &mut dyn Rng) -> Cube {
        let side = labels.side;
        let unknown = Tissue { mean: 0.0, spread: 0.0 };
        let intensity = |label: &u16| {
            let tissue = contrast.0.get(label).unwrap_or(&unknown);
            tissue.mean + tissue.spread * normal(rng)
        };
        let mut image = Cube { side, voxels: labels.voxels.iter().map(intensity).collect() };
        let sd = within([0.0, self.bias], rng);
        let points: Vec<f32> = (0..self.bias_points.pow(3)).map(|_| sd * normal(rng)).collect();
        let bias = Basis::linear(side, self.bias_points).field(&points);
        image.voxels.iter_mut().zip(bias).for_each(|(value, bias)| *value *= bias.exp());
        change(&mut image, |value| value.clamp(0.0, 300.0));
        stretch(&mut image, [0.0, 1.0]);
        let power = (self.gamma * normal(rng)).exp();
        change(&mut image, |value| value.powf(power));
        let (spacing, thickness) = self.resolution(side, rng);
        image = thick_slices(&blurred(&image, [0.5; 3]), spacing, thickness);
        stretch(&mut image, [0.02, 0.98]);
        image
    }

    /// Draws spacing and thickness of slices along each axis, in working voxels.
    fn resolution(&self, side: usize, rng: &mut dyn Rng) -> ([f32; 3], [f32; 3]) {
        let upto = |part: f32| [1.0, (part * side as f32).max(1.0)];
        let mut spacing = [1.0; 3];
        if bernoulli(self.coarse.0, rng) {
            spacing = [within(upto(self.coarse.1), rng); 3];
        } else if bernoulli(self.thick.0 / (1.0 - self.coarse.0), rng) {
            spacing[index(3, rng)] = within(upto(self.thick.1), rng);
        }
        (spacing, spacing.map(|spacing| within([1.0, spacing], rng)))
    }
}
