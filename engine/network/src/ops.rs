//! The operations of the network: the interface that each backend implements.
//!
//! An operation has the size of a fused kernel, so that an implementation can keep intermediate values in cache. Each
//! one fails if memory or the device does.

use super::{CardMemory, Cube};
use crate::weights::Array;
use imaging::Result;
use std::sync::Arc;

/// A convolution of a checkpoint, or the part of one that reads some of its inputs.
#[derive(Clone, Debug)]
pub struct Weighted {
    /// Name of the stored convolution, without `.weight` and `.bias`.
    pub name: String,
    /// The first of its inputs that this part reads.
    pub first_input: usize,
    /// `[out, in, k, k, k]`; clones share it.
    pub weight: Arc<Array>,
    /// `[out]`; empty if another part has it.
    pub bias: Vec<f32>,
}

impl Weighted {
    /// Number of input channels of this part.
    pub fn inputs(&self) -> usize {
        self.weight.shape[1]
    }

    /// Number of output channels.
    pub fn outputs(&self) -> usize {
        self.weight.shape[0]
    }
}

/// The operations of a device. Feature maps have the logical shape `[pairs, channels, z, y, x]`, whatever their memory
/// layout.
pub trait Ops {
    /// Feature maps. A clone shares its values; operations that consume a map work in place if it is not shared.
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

    /// The useful number of pairs to read at once if memory allows `wanted`.
    fn useful_mini_context(&self, wanted: usize) -> usize;

    /// Embeds images, `pairs[n][channel]`, and applies the first residual unit.
    fn stem(&self, pairs: &[Vec<&Cube>], entry: &Self::Stem) -> Result<Self::Map>;
    /// A residual unit: GELU(x + second(GELU(first(x)))).
    fn residual_unit(&self, x: Self::Map, unit: &Self::ResidualUnit) -> Result<Self::Map>;
    /// The 4³ convolution with stride 2, which halves the side.
    fn downsample(&self, x: &Self::Map, conv: &Self::Downsample) -> Result<Self::Map>;
    /// own(x), upsampled ×2 (trilinear, half-pixel), plus others(shortcut). The published order is to upsample,
    /// concatenate and convolve; convolving first gives the same result with an eighth of the work.
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
    /// The running mean over pairs (Algorithm 1): moves `mean`, over the pairs read before, by `weight` towards the
    /// mean of the pairs of `new`. Without `mean`, the mean of `new`.
    fn add_to_mean(&self, mean: Option<Self::Map>, new: Self::Map, weight: f64) -> Result<Self::Map>;
    /// The first channel of conv(x).
    fn output(&self, x: &Self::Map, conv: &Self::PointwiseConv) -> Result<Vec<f32>>;
}

/// Memory management and synchronisation of a device, beside its operations.
pub trait Backend: Ops {
    /// Expected peak bytes of a prediction on `side`³, weights included, with these `channels`, finest first, and the
    /// feature maps of `alive` pairs in memory at once; the mean counts as one pair.
    fn predicted_bytes(&self, channels: &[usize], side: usize, alive: usize) -> usize;
    /// The graphics card's memory, if maps and weights lie there.
    fn card_memory(&self) -> Option<CardMemory> {
        None
    }
    /// All values, `[channel, z, y, x]`, for tests.
    fn values(&self, x: &Self::Map) -> Result<Vec<f32>>;
    /// Waits until all submitted work is done.
    fn wait(&self) -> Result<()>;
    /// Frees memory that was kept for the next operation.
    fn release_buffers(&self);
}
