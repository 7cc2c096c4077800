//! The few operations that the network is made of: the seam behind which kernels go.
//!
//! An operation is as large as a fused kernel, so that an implementation may keep what lies between its steps in cache.
//! Each one fails where memory runs out or the device does.

use super::{CardMemory, Cube};
use crate::weights::Array;
use imaging::Result;
use std::sync::Arc;

/// A convolution as a checkpoint holds it, or the part of one that reads some of its inputs.
#[derive(Clone, Debug)]
pub struct Weighted {
    /// Name of the stored convolution, without `.weight` and `.bias`.
    pub name: String,
    /// The first of its inputs that this part reads.
    pub first_input: usize,
    /// `[out, in, k, k, k]`; clones share it.
    pub weight: Arc<Array>,
    /// `[out]`; nothing where another part has it.
    pub bias: Vec<f32>,
}

impl Weighted {
    /// Inputs.
    pub fn inputs(&self) -> usize {
        self.weight.shape[1]
    }

    /// Outputs.
    pub fn outputs(&self) -> usize {
        self.weight.shape[0]
    }
}

/// What the network asks of a device. Feature maps have the shape `[pairs, channels, z, y, x]`, however they lie in memory.
pub trait Ops {
    /// Feature maps. A clone shares its values; operations that take a map work in place where nobody shares it.
    type Map: Clone;
    /// The 1³ convolution of an image and the residual unit after it.
    type Stem;
    /// Two 3³ convolutions with padding 1 around a residual.
    type ResidualUnit;
    /// A 4³ convolution with stride 2 and padding 1.
    type Downsample;
    /// A 1³ convolution.
    type PointwiseConv;

    /// Prepares the embedding, 1³, and the two convolutions of the first unit, 3³.
    fn load_stem(&self, embedding: &Weighted, first: &Weighted, second: &Weighted) -> Result<Self::Stem>;
    /// Prepares two convolutions, 3³.
    fn load_residual_unit(&self, first: &Weighted, second: &Weighted) -> Result<Self::ResidualUnit>;
    /// Prepares a convolution, 4³.
    fn load_downsample(&self, conv: &Weighted) -> Result<Self::Downsample>;
    /// Prepares a convolution, 1³.
    fn load_pointwise(&self, conv: &Weighted) -> Result<Self::PointwiseConv>;

    /// Pairs that are worth reading at once when memory would allow `wanted`.
    fn useful_mini_context(&self, wanted: usize) -> usize;

    /// Images side by side, `pairs[n][channel]`, embedded, and the first unit.
    fn stem(&self, pairs: &[Vec<&Cube>], entry: &Self::Stem) -> Result<Self::Map>;
    /// A residual unit: GELU(x + second(GELU(first(x)))).
    fn residual_unit(&self, x: Self::Map, unit: &Self::ResidualUnit) -> Result<Self::Map>;
    /// Half the side.
    fn downsample(&self, x: &Self::Map, conv: &Self::Downsample) -> Result<Self::Map>;
    /// own(x), enlarged ×2 (trilinear, half-pixel), plus others(shortcut). Mixing first gives the same as the
    /// published order, enlarge, concatenate, mix, with an eighth of the work.
    fn upsample_add(
        &self,
        x: &Self::Map,
        own: &Self::PointwiseConv,
        shortcut: Self::Map,
        others: &Self::PointwiseConv,
    ) -> Result<Self::Map>;
    /// GELU(x + own(x) + others(other)): the fusion of two branches. `other` has one pair or as many as `x`.
    fn fuse(
        &self,
        x: Self::Map,
        own: &Self::PointwiseConv,
        other: &Self::Map,
        others: &Self::PointwiseConv,
    ) -> Result<Self::Map>;
    /// The running mean over pairs (Algorithm 1): `mean`, of what was read before, moved by `weight` towards the mean
    /// of the pairs of `new`. Without a mean, the mean of `new`.
    fn add_to_mean(&self, mean: Option<Self::Map>, new: Self::Map, weight: f64) -> Result<Self::Map>;
    /// The first channel of mix(x).
    fn output(&self, x: &Self::Map, conv: &Self::PointwiseConv) -> Result<Vec<f32>>;
}

/// What a prediction asks of a device beside its operations.
pub trait Backend: Ops {
    /// Bytes that a prediction on `side`³ is expected to hold at its peak, weights included: with these `channels`,
    /// finest first, and maps of so many pairs, their mean counting as one, alive at once.
    fn predicted_bytes(&self, channels: &[usize], side: usize, alive: usize) -> usize;
    /// Memory apart from the computer's, if that is where maps and weights lie.
    fn card_memory(&self) -> Option<CardMemory> {
        None
    }
    /// All values, `[channel, z, y, x]`, for comparisons.
    fn values(&self, x: &Self::Map) -> Result<Vec<f32>>;
    /// Waits until everything asked for is done.
    fn wait(&self) -> Result<()>;
    /// Gives memory back that was kept for the next operation.
    fn release_buffers(&self);
}
