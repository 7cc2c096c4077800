//! The reference backend: the operations by Burn's tensors, on any of its devices. The kernels are compared with it,
//! and it computes gradients on devices without kernels for that.

use super::Cube;
use super::learning::{Arrays, Learn};
use super::ops::{Backend, Ops, Weighted};
use crate::weights::formula;
use burn::module::conv3d;
use burn::ops::ConvOptions;
use burn::{Device, FloatDType, Tensor, TensorData, activation};
use imaging::{Error, Result};
use std::cell::{Cell, RefCell};

/// Burn's operations on a device.
pub struct Reference {
    device: Device,
    precision: FloatDType,
    /// For devices with automatic differentiation: the weights, whether pairs count as constant, and the last output.
    weights: RefCell<Vec<(Weighted, Conv)>>,
    paused: Cell<bool>,
    output: RefCell<Option<Tensor<5>>>,
}

/// Weights `[out, in, k, k, k]` and, where there is one, a bias `[out]`.
#[derive(Clone)]
pub struct Conv {
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
}

impl Reference {
    /// A backend in f32 on a device, which may have automatic differentiation.
    pub fn new(device: Device) -> Self {
        let (weights, paused, output) = (RefCell::default(), Cell::default(), RefCell::default());
        Self { device, precision: FloatDType::F32, weights, paused, output }
    }

    /// The same in f64.
    pub fn double(self) -> Self {
        Self { precision: FloatDType::F64, ..self }
    }

    fn tensor<const D: usize>(&self, values: &[f32], shape: [usize; D]) -> Tensor<D> {
        Tensor::<1>::from_floats(values, &self.device).reshape(shape).cast(self.precision)
    }

    fn conv(&self, stored: &Weighted) -> Conv {
        let Weighted { weight, bias, .. } = stored;
        let shape: [usize; 5] = weight.shape[..].try_into().expect("convolutions have five axes");
        let weight = self.tensor(&weight.values, shape);
        let bias = (!bias.is_empty()).then(|| self.tensor(bias, [bias.len()]));
        if !self.device.is_autodiff() {
            return Conv { weight, bias };
        }
        let conv = Conv { weight: weight.require_grad(), bias: bias.map(Tensor::require_grad) };
        self.weights.borrow_mut().push((stored.clone(), conv.clone()));
        conv
    }
}

impl Ops for Reference {
    type Map = Tensor<5>;
    type Stem = (Conv, [Conv; 2]);
    type ResidualUnit = [Conv; 2];
    type Downsample = Conv;
    type PointwiseConv = Conv;

    fn load_stem(&self, embedding: &Weighted, first: &Weighted, second: &Weighted) -> Result<Self::Stem> {
        Ok((self.conv(embedding), self.load_residual_unit(first, second)?))
    }

    fn load_residual_unit(&self, first: &Weighted, second: &Weighted) -> Result<[Conv; 2]> {
        Ok([first, second].map(|conv| self.conv(conv)))
    }

    fn load_downsample(&self, conv: &Weighted) -> Result<Conv> {
        Ok(self.conv(conv))
    }

    fn load_pointwise(&self, conv: &Weighted) -> Result<Conv> {
        Ok(self.conv(conv))
    }

    fn useful_mini_context(&self, wanted: usize) -> usize {
        wanted
    }

    fn stem(&self, pairs: &[Vec<&Cube>], (embedding, unit): &Self::Stem) -> Result<Tensor<5>> {
        let (channels, side) = (pairs[0].len(), pairs[0][0].side);
        let voxels: Vec<f32> = pairs.iter().flatten().flat_map(|cube| cube.voxels.iter().copied()).collect();
        let images = self.tensor(&voxels, [pairs.len(), channels, side, side, side]);
        self.residual_unit(mix(&images, embedding), unit)
    }

    fn residual_unit(&self, x: Tensor<5>, [first, second]: &[Conv; 2]) -> Result<Tensor<5>> {
        let inner = activation::gelu(convolve(&x, first, 1, 1));
        Ok(activation::gelu(x + convolve(&inner, second, 1, 1)))
    }

    fn downsample(&self, x: &Tensor<5>, conv: &Conv) -> Result<Tensor<5>> {
        Ok(convolve(x, conv, 2, 1))
    }

    fn upsample_add(
        &self,
        x: &Tensor<5>,
        own: &Conv,
        shortcut: Tensor<5>,
        others: &Conv,
    ) -> Result<Tensor<5>> {
        Ok((2..5).fold(mix(x, own), double) + mix(&shortcut, others))
    }

    fn fuse(&self, x: Tensor<5>, own: &Conv, other: &Tensor<5>, others: &Conv) -> Result<Tensor<5>> {
        Ok(activation::gelu(mix(&x, own) + x + mix(other, others)))
    }

    fn add_to_mean(&self, mean: Option<Tensor<5>>, new: Tensor<5>, weight: f64) -> Result<Tensor<5>> {
        let new = new.mean_dim(0);
        let mean = match mean {
            Some(mean) => mean.clone() + (new - mean) * weight,
            None => new,
        };
        Ok(if self.paused.get() { mean.detach() } else { mean })
    }

    fn output(&self, x: &Tensor<5>, conv: &Conv) -> Result<Vec<f32>> {
        let output = mix(x, conv);
        let values = self.values(&output);
        if self.device.is_autodiff() {
            self.output.replace(Some(output));
        }
        values
    }
}

impl Backend for Reference {
    /// The weights, the target's features, the mean, and for each pair its shortcuts and the peak of the finest stage:
    /// a residual unit's input, intermediate and output, and the copies made by convolution and upsampling.
    fn predicted_bytes(&self, channels: &[usize], side: usize, alive: usize) -> usize {
        let stage = |i: usize| channels[i] * (side >> i).pow(3);
        let features: usize = (0..channels.len()).map(stage).sum();
        let parameters: usize =
            formula::shapes(channels).values().map(|shape| shape.iter().product::<usize>()).sum();
        4 * (parameters + 4 * features + alive * (features + 7 * stage(0)))
    }

    fn values(&self, x: &Tensor<5>) -> Result<Vec<f32>> {
        floats(x.clone().try_into_data())
    }

    fn wait(&self) -> Result<()> {
        self.device.sync().map_err(|error| lost(&error))
    }

    fn release_buffers(&self) {}
}

impl Learn for Reference {
    fn start(&self) {
        self.weights.take();
        self.output.take();
        self.paused.set(false);
    }

    fn pause(&self, paused: bool) {
        self.paused.set(paused);
    }

    fn amplify(&self, x: Tensor<5>, factor: f64) -> Result<Tensor<5>> {
        let constant = x.clone().detach();
        Ok(constant.clone() + (x - constant) * factor)
    }

    fn backward(&self, gradient: &[f32], gradients: &mut Arrays) -> Result<()> {
        let output = self.output.take().expect("an output comes before its gradient");
        let shape = output.dims();
        let found = (output * self.tensor(gradient, shape)).sum().backward();
        for (stored, conv) in self.weights.take() {
            let weight = conv.weight.grad(&found).expect("every weight has a part in the output");
            let bias = match conv.bias.and_then(|bias| bias.grad(&found)) {
                Some(bias) => floats(bias.try_into_data())?,
                None => Vec::new(),
            };
            stored.credit(gradients, floats(weight.try_into_data())?, bias);
        }
        Ok(())
    }
}

/// A tensor's values, copied from its device.
fn floats<E: std::fmt::Debug>(data: Result<TensorData, E>) -> Result<Vec<f32>> {
    let data = data.map_err(|error| lost(&error))?;
    data.convert::<f32>().try_into_vec::<f32>().map_err(|error| lost(&error))
}

fn lost(error: &dyn std::fmt::Debug) -> Error {
    Error::Device(format!("The graphics card failed: {error:?}."))
}

fn mix(x: &Tensor<5>, conv: &Conv) -> Tensor<5> {
    convolve(x, conv, 1, 0)
}

fn convolve(x: &Tensor<5>, conv: &Conv, stride: usize, padding: usize) -> Tensor<5> {
    let options = ConvOptions::new([stride; 3], [padding; 3], [1; 3], 1);
    conv3d(x.clone(), conv.weight.clone(), conv.bias.clone(), options)
}

/// Doubles the number of samples along `axis`: each new centre lies a quarter of the old spacing from the nearest old
/// one, and the border is repeated (PyTorch's `align_corners=False`).
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
