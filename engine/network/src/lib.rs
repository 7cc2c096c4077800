//! Neuroverse3D, the 3D in-context network, or its target branch alone as a U-Net, on a device chosen at run time.

mod cpu;
mod device;
#[cfg(feature = "reference")]
mod faulty;
#[cfg(feature = "gpu")]
mod gpu;
mod learner;
mod learning;
mod mean;
mod neuroverse;
mod ops;
mod predictor;
mod profile;
#[cfg(feature = "reference")]
mod reference;
mod vote;
pub mod weights;

pub use cpu::flops_per_second as cpu_flops_per_second;
pub use device::{Device, DeviceChoice, SILENCE, driver_started, relative_error};
#[cfg(feature = "reference")]
#[doc(hidden)]
pub use faulty::{Fault, pretend_gpu};
pub use learner::Learner;
pub use learning::{Arrays, Loss};
pub use profile::{Cost, Layer, Work};

use cpu::Cpu;
use device::Kernels;
#[cfg(feature = "reference")]
use faulty::Faulty;
#[cfg(feature = "gpu")]
use gpu::Gpu;
use imaging::{Cube, Error, Result};
use neuroverse::Check;
use predictor::{LoadedNetwork, Predictor};
#[cfg(feature = "reference")]
use reference::Reference;
use serde::Serialize;
use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use vote::Vote;
use weights::Weights;

/// Properties of a checkpoint.
#[derive(Clone, Debug, Serialize)]
pub struct ModelInfo {
    /// File name or `bundled`.
    pub name: String,
    /// Channels of the stages, finest first.
    pub channels: Vec<usize>,
    /// Whether the network reads examples; a U-Net does not, and is limited to one task.
    pub reads_examples: bool,
    /// Number of parameters.
    pub parameters: usize,
    /// SHA-256 of the checkpoint file, hexadecimal.
    pub sha256: String,
    /// Side of the working grid that the weights were trained for, if the file states it.
    pub grid: Option<usize>,
    /// Whether the weights were trained on boxes around structures too, so that refinement is useful.
    pub closer: bool,
    /// Free text from the file's metadata.
    pub description: Option<String>,
}

/// A graphics card's own memory.
#[derive(Clone, Copy, Debug)]
pub struct CardMemory {
    /// Total memory in bytes; 0 if it is unknown.
    pub bytes: u64,
    /// Memory held now, in bytes. Nothing is freed before [`Model::release_buffers`], so after a prediction this is its
    /// peak.
    pub held: u64,
}

/// Side of the cubes of a card's self-test, in voxels.
const SELF_TEST_SIDE: usize = 8;

/// The network with its weights on a device.
pub struct Model {
    /// Properties of the checkpoint.
    pub info: ModelInfo,
    device: Device,
    network: Box<dyn Predictor>,
    /// Distinguishes this model from any other, even from one with the same weights.
    identity: Arc<()>,
}

/// The target branch's features of one target, computed once for all labels; valid only for the model that computed
/// them.
pub struct EncodedTarget {
    features: Box<dyn Any>,
    side: usize,
    model: Arc<()>,
}

/// Largest side of a working grid that a file may specify; far above what fits in memory, but without overflow.
const MAX_GRID: usize = 1 << 12;

/// Called between the steps of [`Model::predict`] with the number of pairs read; an error cancels the prediction.
pub type AfterStep<'a> = dyn FnMut(usize) -> Result<()> + 'a;

impl Model {
    /// Opens an official Lightning `.ckpt` (the pickle is parsed, never executed) or `.safetensors`.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] names the first tensor that is missing, has a wrong shape or is unknown.
    pub fn open(path: &Path, device: &Device) -> Result<Self> {
        Self::load(Weights::open(path)?, device)
    }

    /// The weights embedded in the program.
    pub fn bundled(device: &Device) -> Result<Self> {
        Self::load(Weights::bundled()?, device)
    }

    /// A model without weights: the mean of the examples' labels, on the working grid of the bundled weights.
    pub fn vote(device: &Device) -> Result<Self> {
        let bundled = Self::bundled(device)?.info;
        let info =
            ModelInfo { name: "vote".into(), parameters: 0, closer: true, description: None, ..bundled };
        Ok(Self { info, device: device.clone(), network: Box::new(Vote), identity: Arc::default() })
    }

    /// Loads named weights, each exactly once. Weights without any tensor of the context branch are a U-Net's.
    pub fn load(mut weights: Weights, device: &Device) -> Result<Self> {
        let grid = weights.metadata.get("grid");
        let info = ModelInfo {
            name: weights.name(),
            channels: weights.channels()?,
            reads_examples: weights.read_examples(),
            parameters: weights.arrays.values().map(|array| array.values.len()).sum(),
            sha256: weights.sha256.clone(),
            grid: grid.and_then(|side| side.parse().ok()).filter(|side| (1..=MAX_GRID).contains(side)),
            closer: weights.metadata.get("closer").is_some_and(|closer| closer == "true"),
            description: weights.metadata.get("description").cloned(),
        };
        let network: Box<dyn Predictor> = match &device.backend {
            Kernels::Cpu => Box::new(LoadedNetwork::load(Cpu::default(), &mut weights)?),
            #[cfg(feature = "reference")]
            Kernels::Faulty(trouble) => {
                Box::new(LoadedNetwork::load(Faulty::new(trouble.clone()), &mut weights)?)
            }
            #[cfg(feature = "gpu")]
            Kernels::Gpu { card, half } => {
                Box::new(LoadedNetwork::load(Gpu::new(card, *half), &mut weights)?)
            }
            #[cfg(feature = "reference")]
            Kernels::Burn(burn) => Box::new(LoadedNetwork::load(Reference::new(burn.clone()), &mut weights)?),
        };
        weights.finish()?;
        Ok(Self { info, device: device.clone(), network, identity: Arc::default() })
    }

    /// The device that it computes on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs the target encoder.
    ///
    /// # Errors
    /// [`Error::Request`] for a side that the network cannot halve often enough, and the errors of the device.
    pub fn encode(&self, target: &Cube, check: &mut Check) -> Result<EncodedTarget> {
        let step = 1 << (self.info.channels.len() - 1);
        if target.side == 0 || !target.side.is_multiple_of(step) {
            let side = target.side;
            return Err(Error::Request(format!(
                "A working grid of {side} does not fit; use a multiple of {step}."
            )));
        }
        must_be_cubes(target.side, [target])?;
        let features = self.network.encode(target, check)?;
        Ok(EncodedTarget { features, side: target.side, model: self.identity.clone() })
    }

    /// Reads `pairs` of (image, label) in mini-contexts of `mini_context` and decodes the target (Algorithm 1).
    /// Returns the network's raw output, near [0, 1]. It depends on `mini_context` and on the order of the pairs by
    /// rounding only. A U-Net ignores the pairs.
    ///
    /// # Errors
    /// [`Error::Request`] for a target that another model encoded, for pairs of another side, and if a network that
    /// reads examples gets none; the errors of `after_step` and the device.
    pub fn predict(
        &self,
        target: &EncodedTarget,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
        after_step: &mut AfterStep,
    ) -> Result<Cube> {
        if !Arc::ptr_eq(&self.identity, &target.model) {
            return Err(Error::Request(
                "This target was encoded by another model; encode it by this one.".into(),
            ));
        }
        must_be_cubes(target.side, pairs.iter().flat_map(|&(image, label)| [image, label]))?;
        if pairs.is_empty() && self.info.reads_examples {
            return Err(no_example());
        }
        let voxels = self.network.predict(&*target.features, pairs, mini_context, after_step)?;
        Ok(Cube { side: target.side, voxels })
    }

    /// The intermediate results of one prediction by the names of the golden files: target shortcuts, target bottleneck
    /// and mean context features, for comparison with the authors' code.
    pub fn intermediates(
        &self,
        target: &Cube,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
    ) -> Result<Vec<(String, Vec<f32>)>> {
        self.network.intermediates(target, pairs, mini_context)
    }

    /// The useful number of pairs to read at once if memory allows `wanted`: one on the CPU, where more would take more
    /// memory and no less time, and one for a U-Net.
    pub fn useful_mini_context(&self, wanted: usize) -> usize {
        self.network.useful_mini_context(wanted)
    }

    /// The work since the last call, by layer.
    pub fn take_work(&self) -> Work {
        self.network.take_work()
    }

    /// Frees memory that was kept for the next prediction.
    pub fn release_buffers(&self) {
        self.network.release_buffers();
    }

    /// Expected peak bytes of a prediction on cubes of `side`³ from `pairs` pairs, without the cubes: on a graphics
    /// card with its own memory the bytes there, otherwise those of the process.
    pub fn predicted_bytes(&self, side: usize, pairs: usize, mini_context: usize) -> usize {
        self.network.predicted_bytes(&self.info.channels, side, pairs, mini_context)
    }

    /// The card's memory; `None` if the network is in main memory.
    pub fn card_memory(&self) -> Option<CardMemory> {
        self.network.card_memory()
    }
}

/// Checks that these are complete cubes of this side.
fn must_be_cubes<'a>(side: usize, cubes: impl IntoIterator<Item = &'a Cube>) -> Result<()> {
    match cubes.into_iter().find(|cube| cube.side != side || cube.voxels.len() != side.pow(3)) {
        None => Ok(()),
        Some(Cube { side: other, voxels }) => Err(Error::Request(format!(
            "A cube of {} voxels with sides of {other} does not go with a working grid of {side}³; bring target and \
             examples to the same one.",
            voxels.len()
        ))),
    }
}

fn no_example() -> Error {
    Error::Request("There is no example to learn from; add at least one.".into())
}
