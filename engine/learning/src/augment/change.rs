//! One augmentation: drawn for an episode, applied to each of its pairs.

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
/// `output` says whether the output changes with the input, as an image that shall have the input's intensities does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// 1 − input.
    InvertInput,
    /// 1 − output.
    InvertOutput,
    /// The output's edges: where its Sobel gradient is above this part of its maximum.
    Edges {
        /// Between 0 and 1.
        threshold: f32,
    },
    /// The mask grown or shrunk by one voxel to all sides, each in half of the cases.
    DilateOrErode,
    /// Mirrored.
    Flip {
        /// Along this axis.
        axis: usize,
    },
    /// Turned by one, two or three quarters.
    Turn {
        /// In the plane of these axes.
        axes: [usize; 2],
    },
    /// Each pair by itself turned in each of the three planes.
    TurnEach {
        /// Probability of a turn in each plane.
        probability: f32,
    },
    /// Every n-th slice of an axis alone, either repeated until the next or put together in the middle.
    Subsample {
        /// What n may be.
        factors: Vec<usize>,
    },
    /// Plus a number.
    Shift {
        /// Its largest amount.
        by: f32,
        /// See above.
        output: bool,
    },
    /// Times a number.
    Scale {
        /// Its largest distance from 1.
        by: f32,
        /// See above.
        output: bool,
    },
    /// The input to a power.
    Gamma {
        /// Standard deviation of the power's logarithm.
        log_sd: f32,
    },
    /// Normal noise on the input, drawn for each pair.
    Noise {
        /// Largest standard deviation; the episode's is uniform below it.
        sd: f32,
    },
    /// The input smoothed by a Gaussian.
    Blur {
        /// Range of its standard deviation in voxels.
        sd: [f32; 2],
    },
    /// The input as if acquired in slices across one axis.
    ThickSlices {
        /// Range of the distance of slices as a part of the side; their thickness is between half of it and all.
        spacing: [f32; 2],
    },
    /// An affine and a bending deformation.
    Deform(Deformation),
    /// The input through a random network.
    Gin(Gin),
}

/// What an episode does to each pair.
pub(super) type Step = Box<dyn Fn(&mut Pair, &mut dyn Rng) + Send + Sync>;

impl Change {
    /// Draws the parameters that hold for a whole episode.
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

/// The input's values, and the output's where that is wanted.
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
