//! The network as something that learns, on one device chosen at run time.

use super::cpu::Tape;
use super::device::Kernels;
use super::learning::{Arrays, Loss, gradients};
#[cfg(feature = "reference")]
use super::reference::Reference;
use super::{Cube, Device};
use crate::weights::Weights;
use imaging::{Error, Result};

/// Gradients of the network on a device.
pub struct Learner(Kind);

enum Kind {
    /// Our kernels on the processor.
    Tape(Tape),
    /// Burn's operations.
    #[cfg(feature = "reference")]
    Reference(Box<Reference>),
}

impl Learner {
    /// On a device: on the processor by our own kernels, elsewhere by Burn's operations.
    ///
    /// # Errors
    /// [`Error::Device`] on a card that Burn cannot learn on.
    pub fn new(device: &Device) -> Result<Self> {
        Ok(Self(match &device.backend {
            Kernels::Cpu => Kind::Tape(Tape::new()),
            #[cfg(feature = "reference")]
            Kernels::Burn(burn) => Kind::Reference(Box::new(Reference::new(burn.clone().autodiff()))),
            _ => return Err(Error::Device("Learning runs on the CPU only so far.".into())),
        }))
    }

    /// The plain statement in f64, for comparisons.
    #[cfg(feature = "reference")]
    pub fn reference() -> Self {
        Self(Kind::Reference(Box::new(Reference::new(burn::Device::flex().autodiff()).double())))
    }

    /// The loss of a prediction for `target` from `pairs` of (image, label), and its gradient with respect to all
    /// weights: through the last of the mini-contexts of `mini_context` pairs only, which counts for all (Algorithm 1). A
    /// U-Net's weights need no pairs.
    ///
    /// # Errors
    /// [`Error::Request`] without pairs for the in-context network, [`Error::Checkpoint`] where the weights are none of the
    /// network's, and those of the device.
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
