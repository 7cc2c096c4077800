//! The few operations that the network is made of: the seam behind which faster kernels go.
//!
//! Tensors are `[batch, channel, z, y, x]`. An operation is as large as a fused kernel would be, so that an
//! implementation may keep what lies between its steps in cache.

use burn::tensor::module::conv3d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, activation};

/// Weights of a convolution: `[out, in, k, k, k]` and, where there is one, a bias `[out]`.
#[derive(Clone, Debug)]
pub struct Conv {
    /// `[out, in, k, k, k]`.
    pub weight: Tensor<5>,
    /// `[out]`.
    pub bias: Option<Tensor<1>>,
}

/// What the network asks of a device.
pub trait Ops {
    /// GELU of a 3³ convolution with padding 1.
    fn conv3_gelu(&self, x: &Tensor<5>, conv: &Conv) -> Tensor<5>;
    /// GELU of a residual and a 3³ convolution with padding 1.
    fn conv3_add_gelu(&self, x: &Tensor<5>, conv: &Conv, residual: Tensor<5>) -> Tensor<5>;
    /// 4³ convolution, stride 2, padding 1: half the side.
    fn down(&self, x: &Tensor<5>, conv: &Conv) -> Tensor<5>;
    /// 1³ convolution: mixes channels.
    fn mix(&self, x: &Tensor<5>, conv: &Conv) -> Tensor<5>;
    /// `x` mixed, then enlarged ×2 (trilinear, half-pixel), plus the mixed shortcut. Mixing first gives the same
    /// as the published order, enlarge, concatenate, mix, with an eighth of the work.
    fn up(&self, x: &Tensor<5>, shortcut: &Tensor<5>, conv: &UpConv) -> Tensor<5>;
    /// GELU(x + mix(x) + other): the fusion of two branches, `other` being the mixed other branch.
    fn fuse(&self, x: &Tensor<5>, conv: &Conv, other: &Tensor<5>) -> Tensor<5>;
}

/// The 1³ convolution after enlarging, its input channels split.
#[derive(Clone, Debug)]
pub struct UpConv {
    /// Acts on the enlarged features; no bias.
    pub up: Conv,
    /// Acts on the shortcut; carries the bias.
    pub shortcut: Conv,
}

/// Burn's own operations, on any of its devices.
pub struct Plain;

impl Ops for Plain {
    fn conv3_gelu(&self, x: &Tensor<5>, conv: &Conv) -> Tensor<5> {
        activation::gelu(convolve(x, conv, 1, 1))
    }

    fn conv3_add_gelu(&self, x: &Tensor<5>, conv: &Conv, residual: Tensor<5>) -> Tensor<5> {
        activation::gelu(convolve(x, conv, 1, 1) + residual)
    }

    fn down(&self, x: &Tensor<5>, conv: &Conv) -> Tensor<5> {
        convolve(x, conv, 2, 1)
    }

    fn mix(&self, x: &Tensor<5>, conv: &Conv) -> Tensor<5> {
        convolve(x, conv, 1, 0)
    }

    fn up(&self, x: &Tensor<5>, shortcut: &Tensor<5>, conv: &UpConv) -> Tensor<5> {
        let mut mixed = self.mix(x, &conv.up);
        for axis in 2..5 {
            mixed = double(mixed, axis);
        }
        mixed + self.mix(shortcut, &conv.shortcut)
    }

    fn fuse(&self, x: &Tensor<5>, conv: &Conv, other: &Tensor<5>) -> Tensor<5> {
        activation::gelu(self.mix(x, conv) + x.clone() + other.clone())
    }
}

fn convolve(x: &Tensor<5>, conv: &Conv, stride: usize, padding: usize) -> Tensor<5> {
    let options = ConvOptions::new([stride; 3], [padding; 3], [1; 3], 1);
    conv3d(x.clone(), conv.weight.clone(), conv.bias.clone(), options)
}

/// Twice as many samples along `axis`: each new centre lies a quarter of the old spacing from the nearest old
/// one, and the border repeats (PyTorch's `align_corners=False`).
fn double(x: Tensor<5>, axis: usize) -> Tensor<5> {
    let mut dims = x.dims();
    let n = dims[axis];
    let first = x.clone().narrow(axis, 0, 1);
    let last = x.clone().narrow(axis, n - 1, 1);
    let (before, after) = if n > 1 {
        let before = Tensor::cat(vec![first, x.clone().narrow(axis, 0, n - 1)], axis);
        (before, Tensor::cat(vec![x.clone().narrow(axis, 1, n - 1), last], axis))
    } else {
        (first, last)
    };
    let near = x * 0.75;
    let even = near.clone() + before * 0.25;
    let odd = near + after * 0.25;
    dims[axis] = 2 * n;
    let pair =
        Tensor::cat(vec![even.unsqueeze_dim::<6>(axis + 1), odd.unsqueeze_dim::<6>(axis + 1)], axis + 1);
    pair.reshape(dims)
}
