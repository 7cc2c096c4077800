//! A single augmentation: drawn once per episode, applied to each of its pairs.

use super::Gin;
use crate::tasks::Pair;
use imaging::Cube;
use imaging::filter::{
    Deformation, blocks, blurred, change, dilated, edges, eroded, flipped, squeezed, thick_slices, turned,
};
use imaging::random::{around_zero, bernoulli, index, normal, one_of, within};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// An augmentation with the ranges that its parameters are drawn from.
///
/// `output` says whether the output changes with the input, as for an image that should keep the input's intensities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// 1 − input.
    InvertInput,
    /// 1 − output.
    InvertOutput,
    /// The output's edges: voxels whose Sobel gradient exceeds a fraction of its maximum.
    Edges {
        /// The fraction, between 0 and 1.
        threshold: f32,
    },
    /// The mask dilated or eroded by one voxel, with equal probability.
    DilateOrErode,
    /// Mirrors input and output.
    Flip {
        /// Axis of the reflection.
        axis: usize,
    },
    /// Rotates input and output by one, two or three quarter turns.
    Turn {
        /// Plane of the rotation.
        axes: [usize; 2],
    },
    /// Rotates each pair independently by quarter turns in the three planes.
    TurnEach {
        /// Probability of a rotation in each plane.
        probability: f32,
    },
    /// Keeps every nth slice along an axis, either repeated up to the next one or packed together in the middle.
    Subsample {
        /// Possible values of n.
        factors: Vec<usize>,
    },
    /// Adds a constant.
    Shift {
        /// Largest absolute value of the constant.
        by: f32,
        /// Whether the output changes too.
        output: bool,
    },
    /// Multiplies by a constant.
    Scale {
        /// Largest difference of the constant from 1.
        by: f32,
        /// Whether the output changes too.
        output: bool,
    },
    /// Raises the input to a power.
    Gamma {
        /// Standard deviation of the exponent's logarithm.
        log_sd: f32,
    },
    /// Adds Gaussian noise to the input, drawn for each pair.
    Noise {
        /// Largest standard deviation; the episode's is uniform below it.
        sd: f32,
    },
    /// Smooths the input by a Gaussian.
    Blur {
        /// Range of its standard deviation in voxels.
        sd: [f32; 2],
    },
    /// Simulates an acquisition of the input in thick slices along one axis.
    ThickSlices {
        /// Range of the slice spacing as a fraction of the side; the thickness is from half the spacing to all of it.
        spacing: [f32; 2],
    },
    /// An affine and an elastic deformation.
    Deform(Deformation),
    /// Maps the input's intensities by a random network.
    Gin(Gin),
}

/// The drawn augmentation, applied to each pair of an episode.
pub(super) type Step = Box<dyn Fn(&mut Pair, &mut dyn Rng) + Send + Sync>;

impl Change {
    /// Draws the parameters, which are common to a whole episode.
    pub(super) fn draw(&self, rng: &mut dyn Rng) -> Step {
        match *self {
            Self::InvertInput => intensity(false, |value| 1.0 - value),
            Self::InvertOutput => output(|cube| change(cube, |value| 1.0 - value)),
            Self::Edges { threshold } => output(move |cube| *cube = edges(cube, threshold)),
            Self::DilateOrErode => {
                let shape = if bernoulli(0.5, rng) { dilated } else { eroded };
                output(move |cube| *cube = shape(cube))
            }
            Self::Flip { axis } => both(move |cube| *cube = flipped(cube, axis)),
            Self::Turn { axes } => {
                let quarters = 1 + index(3, rng);
                both(move |cube| *cube = turned(cube, axes, quarters))
            }
            Self::TurnEach { probability } => Box::new(move |pair, rng| {
                for axes in [[0, 1], [1, 2], [0, 2]] {
                    if bernoulli(probability, rng) {
                        let quarters = 1 + index(3, rng);
                        for cube in [&mut pair.input, &mut pair.output] {
                            *cube = turned(cube, axes, quarters);
                        }
                    }
                }
            }),
            Self::Subsample { ref factors } => {
                let (axis, factor) = (index(3, rng), one_of(factors, rng));
                if bernoulli(0.5, rng) {
                    both(move |cube| *cube = squeezed(cube, axis, factor))
                } else {
                    let factors = along(axis, factor, 1);
                    both(move |cube| *cube = blocks(cube, factors))
                }
            }
            Self::Shift { by, output } => {
                let by = around_zero(by, rng);
                intensity(output, move |value| value + by)
            }
            Self::Scale { by, output } => {
                let by = 1.0 + around_zero(by, rng);
                intensity(output, move |value| value * by)
            }
            Self::Gamma { log_sd } => {
                let power = (log_sd * normal(rng)).exp();
                intensity(false, move |value| value.max(0.0).powf(power))
            }
            Self::Noise { sd } => {
                let sd = within([0.0, sd], rng);
                Box::new(move |pair, rng| pair.input.voxels.iter_mut().for_each(|v| *v += sd * normal(rng)))
            }
            Self::Blur { sd } => {
                let sd = within(sd, rng);
                input(move |cube| *cube = blurred(cube, [sd; 3]))
            }
            Self::ThickSlices { spacing } => {
                let (axis, spacing) = (index(3, rng), within(spacing, rng));
                let thickness = spacing * within([0.5, 1.0], rng);
                input(move |cube| {
                    let voxels = |part| along(axis, part * cube.side as f32, 1.0);
                    *cube = thick_slices(cube, voxels(spacing), voxels(thickness));
                })
            }
            Self::Deform(ref deformation) => {
                let warp = deformation.draw(rng);
                both(move |cube| *cube = warp.image(cube))
            }
            Self::Gin(ref gin) => {
                let network = gin.draw(rng);
                input(move |cube| *cube = network.image(cube))
            }
        }
    }
}

fn input(step: impl Fn(&mut Cube) + Send + Sync + 'static) -> Step {
    Box::new(move |pair, _| step(&mut pair.input))
}

/// Changes the input's values, and the output's if `output`.
fn intensity(output: bool, by: impl Fn(f32) -> f32 + Send + Sync + 'static) -> Step {
    let step = move |cube: &mut Cube| change(cube, &by);
    if output { both(step) } else { input(step) }
}

fn output(step: impl Fn(&mut Cube) + Send + Sync + 'static) -> Step {
    Box::new(move |pair, _| step(&mut pair.output))
}

fn both(step: impl Fn(&mut Cube) + Send + Sync + 'static) -> Step {
    Box::new(move |pair, _| {
        step(&mut pair.input);
        step(&mut pair.output);
    })
}

/// `value` for one axis, `rest` for the others.
fn along<T: Copy>(axis: usize, value: T, rest: T) -> [T; 3] {
    let mut all = [rest; 3];
    all[axis] = value;
    all
}
