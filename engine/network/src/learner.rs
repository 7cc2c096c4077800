//! Gradients of the network for training, on a device chosen at run time.

use super::cpu::Tape;
use super::device::Kernels;
use super::learning::{Arrays, Loss, gradients};
#[cfg(feature = "reference")]
use super::reference::Reference;
use super::{Cube, Device};
use crate::weights::Weights;
use imaging::{Error, Result};

/// Computes gradients of the network on a device.
pub struct Learner(Kind);

enum Kind {
    /// The CPU kernels.
    Tape(Tape),
    /// Burn's operations.
    #[cfg(feature = "reference")]
    Reference(Box<Reference>),
}

impl Learner {
    /// A learner on a device: the CPU uses this crate's kernels, other devices use Burn's operations.
    ///
    /// # Errors
    /// [`Error::Device`] on a card that Burn cannot train on.
    pub fn new(device: &Device) -> Result<Self> {
        Ok(Self(match &device.backend {
            Kernels::Cpu => Kind::Tape(Tape::new()),
            #[cfg(feature = "reference")]
            Kernels::Burn(burn) => Kind::Reference(Box::new(Reference::new(burn.clone().autodiff()))),
            _ => return Err(Error::Device("Learning runs on the CPU only so far.".into())),
        }))
    }

    /// The reference in f64, for tests.
    #[cfg(feature = "reference")]
    pub fn reference() -> Self {
        Self(Kind::Reference(Box::new(Reference::new(burn::Device::flex().autodiff()).double())))
    }

    /// The loss of a prediction for `target` from `pairs` of (image, label), and its gradient with respect to all
    /// weights. The gradient flows through the last mini-context of `mini_context` pairs only, weighted for all of them
    /// (Algorithm 1). A U-Net needs no pairs.
    ///
    /// # Errors
    /// [`Error::Request`] without pairs for the in-context network, [`Error::Checkpoint`] if the weights are not those
    /// of the network, and the errors of the device.
    pub fn gradients(
        &self,
        weights: &Weights,
        (target, pairs): (&Cube, &[(&Cube, &Cube)]),
        mini_context: usize,
        loss: &mut Loss,
    ) -> Result<(f64, Arrays)> {
        match &self.0 {
            Kind::Tape(tape) => gradients(tape, weights, (target, pairs), mini_context, loss),
            #[cfg(feature = "reference")]
            Kind::Reference(plain) => gradients(&**plain, weights, (target, pairs), mini_context, loss),
        }
    }
}
