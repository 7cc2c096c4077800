//! Neuroverse3D, the 3D in-context network, on one device chosen at run time.

mod device;
mod neuroverse;
pub mod ops;

pub use device::{Device, DeviceChoice, relative_error};

use crate::weights::Weights;
use crate::{Error, Result};
use burn::tensor::{Tensor, TensorData};
use neuroverse::{Check, Neuroverse, TargetFeatures};
use ops::Plain;
use serde::Serialize;
use std::path::Path;

/// What a checkpoint is.
#[derive(Clone, Debug, Serialize)]
pub struct ModelInfo {
    /// File name or `bundled`.
    pub name: String,
    /// Channels of the stages, finest first.
    pub channels: Vec<usize>,
    /// Number of parameters.
    pub parameters: usize,
    /// Of the checkpoint file, hexadecimal.
    pub sha256: String,
    /// Side of the working grid that the weights were trained for, if the file says so.
    pub grid: Option<usize>,
    /// Free text from the file's metadata.
    pub description: Option<String>,
}

/// A cube of `side`³ values on the working grid, x fastest: the tensor `[1, 1, z, y, x]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Cube {
    /// Voxels along each axis, a multiple of 16.
    pub side: usize,
    /// `side`³ values.
    pub voxels: Vec<f32>,
}

/// The network with its weights on a device.
pub struct Model {
    /// What the checkpoint is.
    pub info: ModelInfo,
    device: Device,
    network: Neuroverse,
}

/// The target branch's features of one target, computed once for all labels.
pub struct EncodedTarget {
    features: TargetFeatures,
    side: usize,
}

/// What the program holds without a network at work.
const PROGRAM_BYTES: usize = 50 << 20;

/// Called between the steps of [`Model::predict`] with the number of pairs read; an error stops the work.
pub type AfterStep<'a> = dyn FnMut(usize) -> Result<()> + 'a;

impl Model {
    /// Opens an official Lightning `.ckpt` (the pickle is parsed, never executed) or `.safetensors`.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] names the first tensor that is missing, misshapen or does not belong.
    pub fn open(path: &Path, device: &Device) -> Result<Self> {
        Self::load(Weights::open(path)?, device)
    }

    /// The weights embedded in the program.
    pub fn bundled(device: &Device) -> Result<Self> {
        Self::load(Weights::bundled()?, device)
    }

    /// Takes named weights, each exactly once.
    pub fn load(mut weights: Weights, device: &Device) -> Result<Self> {
        let info = ModelInfo {
            name: weights.name(),
            channels: weights.channels()?,
            parameters: weights.arrays.values().map(|array| array.values.len()).sum(),
            sha256: weights.sha256.clone(),
            grid: weights.metadata.get("grid").and_then(|side| side.parse().ok()),
            description: weights.metadata.get("description").cloned(),
        };
        let network = Neuroverse::load(&mut weights, &device.burn)?;
        weights.finish()?;
        Ok(Self { info, device: device.clone(), network })
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs the target encoder.
    pub fn encode(&self, target: &Cube, check: &mut Check) -> Result<EncodedTarget> {
        let step = 1 << (self.info.channels.len() - 1);
        if target.side == 0 || !target.side.is_multiple_of(step) {
            let side = target.side;
            return Err(Error::Request(format!(
                "A working grid of {side} does not fit; use a multiple of {step}."
            )));
        }
        let features = self.network.encode(&Plain, &self.tensor(&[target]), check)?;
        Ok(EncodedTarget { features, side: target.side })
    }

    /// Reads `pairs` of (image, label) in mini-contexts of `mini_context` and decodes the target (Algorithm 1).
    /// Returns the network's raw output, near [0, 1]; it depends on `mini_context` and order by rounding only.
    pub fn predict(
        &self,
        target: &EncodedTarget,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
        after_step: &mut AfterStep,
    ) -> Result<Cube> {
        let context = self.read(target, pairs, mini_context, after_step)?;
        let check: &mut Check = &mut || after_step(pairs.len());
        let output = self.network.decode(&Plain, &target.features, &context, check)?;
        Ok(Cube { side: target.side, voxels: self.values(output)? })
    }

    /// Mean context features over all pairs, coarsest first: the running mean of Algorithm 1, weighted by the
    /// number of pairs in each mini-context.
    fn read(
        &self,
        target: &EncodedTarget,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
        after_step: &mut AfterStep,
    ) -> Result<Vec<Tensor<5>>> {
        let mut mean: Vec<Tensor<5>> = Vec::new();
        let mut done = 0;
        for some in pairs.chunks(mini_context.max(1)) {
            after_step(done)?;
            let images: Vec<_> = some.iter().map(|(image, _)| *image).collect();
            let labels: Vec<_> = some.iter().map(|(_, label)| *label).collect();
            let both = Tensor::cat(vec![self.tensor(&images), self.tensor(&labels)], 1);
            let features = self.network.read(&Plain, &both, &target.features, &mut || after_step(done))?;
            let weight = some.len() as f64 / (done + some.len()) as f64;
            let features = features.into_iter().map(|f| f.mean_dim(0));
            mean = if mean.is_empty() {
                features.collect()
            } else {
                let old = mean.into_iter();
                old.zip(features).map(|(old, new)| old.clone() + (new - old) * weight).collect()
            };
            done += some.len();
            // A GPU works behind; waiting here keeps progress, cancelling and memory honest.
            self.device.wait()?;
        }
        if mean.is_empty() {
            return Err(Error::Request("There is no example to learn from; add at least one.".into()));
        }
        after_step(done)?;
        Ok(mean)
    }

    /// Every intermediate of one prediction by the names of the golden files: target shortcuts, target bottleneck
    /// and mean context features, for comparison with the authors' code.
    pub fn intermediates(
        &self,
        target: &Cube,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
    ) -> Result<Vec<(String, Vec<f32>)>> {
        let encoded = self.encode(target, &mut || Ok(()))?;
        let context = self.read(&encoded, pairs, mini_context, &mut |_| Ok(()))?;
        let shortcuts = encoded.features.shortcuts.into_iter().enumerate();
        let named = shortcuts
            .map(|(i, tensor)| (format!("target_shortcut_{i}"), tensor))
            .chain([("target_bottleneck".to_owned(), encoded.features.bottom)])
            .chain(context.into_iter().enumerate().map(|(i, tensor)| (format!("context_mean_{i}"), tensor)));
        named.map(|(name, tensor)| Ok((name, self.values(tensor)?))).collect()
    }

    /// Peak bytes that a prediction on a cube of `side`³ is expected to hold: the weights, the target's features,
    /// and for each pair of a mini-context its shortcuts and the widest moment of the finest stage
    /// (a residual unit's input, intermediate, output, the convolution's own copies and those of enlarging),
    /// besides the program itself. Errs upwards by 6 to 14 %: see `engine/BENCHMARKS.md`.
    pub fn predicted_bytes(&self, side: usize, mini_context: usize) -> usize {
        let channels = &self.info.channels;
        let stage = |i: usize| channels[i] * (side >> i).pow(3);
        let features: usize = (0..channels.len()).map(stage).sum();
        let target = 2 * features;
        let mean = 2 * features;
        let pair = features + 7 * stage(0);
        PROGRAM_BYTES + 4 * (self.info.parameters + target + mean + mini_context * pair)
    }

    /// `[n, 1, z, y, x]` of n cubes.
    fn tensor(&self, cubes: &[&Cube]) -> Tensor<5> {
        let side = cubes[0].side;
        let voxels: Vec<f32> = cubes.iter().flat_map(|cube| cube.voxels.iter().copied()).collect();
        Tensor::from_data(TensorData::new(voxels, [cubes.len(), 1, side, side, side]), &self.device.burn)
    }

    fn values(&self, tensor: Tensor<5>) -> Result<Vec<f32>> {
        let lost =
            |error: &dyn std::fmt::Debug| Error::Device(format!("{} failed: {error:?}.", self.device.name));
        let data = tensor.try_into_data().map_err(|error| lost(&error))?;
        data.try_into_vec::<f32>().map_err(|error| lost(&error))
    }
}
