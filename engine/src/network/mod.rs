//! Neuroverse3D, the 3D in-context network, on one device chosen at run time.

mod cpu;
mod device;
mod engine;
mod neuroverse;
mod ops;
mod plain;

pub use device::{Device, DeviceChoice, relative_error};

use crate::weights::Weights;
use crate::{Error, Result};
use cpu::Cpu;
use device::Backend;
use engine::Engine;
use neuroverse::{Check, TargetFeatures};
use plain::Plain;
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
    engine: OnDevice,
}

/// The network on the kinds of device that there are.
enum OnDevice {
    /// By our own kernels on the processor.
    Cpu(Box<Engine<Cpu>>),
    /// By Burn's operations.
    Burn(Box<Engine<Plain>>),
}

/// The target branch's features of one target, computed once for all labels.
pub struct EncodedTarget {
    features: Features,
    side: usize,
}

enum Features {
    Cpu(Box<TargetFeatures<Cpu>>),
    Burn(Box<TargetFeatures<Plain>>),
}

/// What the program holds without a network at work.
const PROGRAM_BYTES: usize = 20 << 20;

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
        let engine = match &device.backend {
            Backend::Cpu => OnDevice::Cpu(Box::new(Engine::load(Cpu::default(), &mut weights)?)),
            Backend::Burn(burn) => {
                OnDevice::Burn(Box::new(Engine::load(Plain { device: burn.clone() }, &mut weights)?))
            }
        };
        weights.finish()?;
        Ok(Self { info, device: device.clone(), engine })
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
        let features = match &self.engine {
            OnDevice::Cpu(engine) => Features::Cpu(Box::new(engine.encode(target, check)?)),
            OnDevice::Burn(engine) => Features::Burn(Box::new(engine.encode(target, check)?)),
        };
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
        let voxels = match (&self.engine, &target.features) {
            (OnDevice::Cpu(engine), Features::Cpu(target)) => {
                engine.predict(target, pairs, mini_context, after_step)?
            }
            (OnDevice::Burn(engine), Features::Burn(target)) => {
                engine.predict(target, pairs, mini_context, after_step)?
            }
            _ => unreachable!("a target is encoded by the model that predicts"),
        };
        Ok(Cube { side: target.side, voxels })
    }

    /// Every intermediate of one prediction by the names of the golden files: target shortcuts, target bottleneck
    /// and mean context features, for comparison with the authors' code.
    pub fn intermediates(
        &self,
        target: &Cube,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
    ) -> Result<Vec<(String, Vec<f32>)>> {
        match &self.engine {
            OnDevice::Cpu(engine) => engine.intermediates(target, pairs, mini_context),
            OnDevice::Burn(engine) => engine.intermediates(target, pairs, mini_context),
        }
    }

    /// Pairs that are worth reading at once when memory would allow `wanted`: one on the processor, where more
    /// would take more memory and no less time.
    pub fn at_once(&self, wanted: usize) -> usize {
        match &self.engine {
            OnDevice::Cpu(engine) => engine.at_once(wanted),
            OnDevice::Burn(engine) => engine.at_once(wanted),
        }
    }

    /// Gives memory back that was kept for the next prediction.
    pub fn rest(&self) {
        match &self.engine {
            OnDevice::Cpu(engine) => engine.rest(),
            OnDevice::Burn(engine) => engine.rest(),
        }
    }

    /// Peak bytes that the process is expected to hold during a prediction on cubes of `side`³, besides the cubes.
    pub fn predicted_bytes(&self, side: usize, mini_context: usize) -> usize {
        let channels = &self.info.channels;
        match &self.engine {
            OnDevice::Cpu(_) => PROGRAM_BYTES + cpu::predicted_bytes(channels, side),
            OnDevice::Burn(_) => {
                // The weights, the target's features, the mean, and for each pair of a mini-context its shortcuts
                // and the widest moment of the finest stage: a residual unit's input, intermediate, output, the
                // convolution's own copies and those of enlarging.
                let stage = |i: usize| channels[i] * (side >> i).pow(3);
                let features: usize = (0..channels.len()).map(stage).sum();
                let pair = features + 7 * stage(0);
                PROGRAM_BYTES + 4 * (self.info.parameters + 4 * features + mini_context * pair)
            }
        }
    }
}
