//! The few operations that the network is made of: the seam behind which kernels go.
//!
//! An operation is as large as a fused kernel, so that an implementation may keep what lies between its steps in cache.

use super::Cube;
use crate::Result;
use crate::weights::Array;
use std::borrow::Cow;

/// What the network asks of a device. Feature maps have the shape `[pairs, channels, z, y, x]`, however they lie in memory.
pub trait Ops {
    /// Feature maps.
    type Map: Clone;
    /// Two 3³ convolutions with padding 1 around a residual.
    type Unit;
    /// A 4³ convolution with stride 2 and padding 1.
    type Down;
    /// A 1³ convolution.
    type Mix;

    /// Prepares two convolutions, each with weights `[out, in, 3, 3, 3]` and a bias.
    fn load_unit(&self, first: &(Array, Vec<f32>), second: &(Array, Vec<f32>)) -> Self::Unit;
    /// Prepares weights `[out, in, 4, 4, 4]`.
    fn load_down(&self, weight: &Array, bias: &[f32]) -> Self::Down;
    /// Prepares weights `[out, in, 1, 1, 1]`; `from_image` where the inputs come from [`Ops::input`].
    fn load_mix(&self, weight: &Array, bias: Option<&[f32]>, from_image: bool) -> Self::Mix;

    /// Pairs that are worth reading at once when memory would allow `wanted`.
    fn at_once(&self, wanted: usize) -> usize;
    /// Images side by side: `pairs[n][channel]`.
    fn input(&self, pairs: &[Vec<&Cube>]) -> Self::Map;
    /// A residual unit: GELU(x + second(GELU(first(x)))).
    fn unit(&self, x: Self::Map, unit: &Self::Unit) -> Self::Map;
    /// Half the side.
    fn down(&self, x: &Self::Map, conv: &Self::Down) -> Self::Map;
    /// Mixes channels.
    fn mix(&self, x: &Self::Map, conv: &Self::Mix) -> Self::Map;
    /// `x` mixed, then enlarged ×2 (trilinear, half-pixel), plus the mixed shortcut. Mixing first gives the same
    /// as the published order, enlarge, concatenate, mix, with an eighth of the work.
    fn up(&self, x: &Self::Map, shortcut: Cow<Self::Map>, conv: &UpConv<Self::Mix>) -> Self::Map;
    /// GELU(x + own(x) + others(other)): the fusion of two branches. `other` has one pair or as many as `x`.
    fn fuse(&self, x: Self::Map, own: &Self::Mix, other: &Self::Map, others: &Self::Mix) -> Self::Map;
    /// The running mean over pairs (Algorithm 1): `mean`, of what was read before, moved by `weight` towards the mean
    /// of the pairs of `new`. Without a mean, the mean of `new`.
    fn add_to_mean(&self, mean: Option<Self::Map>, new: Self::Map, weight: f64) -> Self::Map;
    /// The first channel of mix(x).
    fn output(&self, x: &Self::Map, conv: &Self::Mix) -> Result<Vec<f32>>;
    /// All values, `[channel, z, y, x]`, for comparisons.
    fn values(&self, x: &Self::Map) -> Result<Vec<f32>>;
    /// Waits until everything asked for is done.
    fn wait(&self) -> Result<()>;
    /// Gives memory back that was kept for the next operation.
    fn rest(&self);
}

/// The 1³ convolution after enlarging, its input channels split.
pub struct UpConv<Mix> {
    /// Acts on the enlarged features; no bias.
    pub up: Mix,
    /// Acts on the shortcut; carries the bias.
    pub shortcut: Mix,
}
