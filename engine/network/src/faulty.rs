//! A simulated graphics card that fails, for tests: Burn's operations on the CPU until the fault occurs.

use super::ops::{Backend, Ops, Weighted};
use super::reference::Reference;
use super::{Cube, SELF_TEST_SIDE};
use imaging::{Error, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, PoisonError};

/// The behaviour of every operation after the fault has occurred.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It returns an error.
    Fails,
    /// It panics, as a graphics library does when its device is lost.
    Panics,
    /// It never returns.
    Hangs,
    /// It runs out of memory for more than one pair at once.
    HoldsOnePair,
    /// It runs out of memory beyond the self-test unless values are stored as f16.
    HoldsHalves,
}

/// A fault and the number of operations before it.
#[derive(Clone, Debug)]
pub struct Trouble {
    fault: Fault,
    left: Arc<AtomicUsize>,
    half: bool,
}

static PRETENDED: Mutex<Option<Trouble>> = Mutex::new(None);

/// Simulates a graphics card that fails after a number of operations; `None` ends the simulation.
#[doc(hidden)]
pub fn pretend_gpu(fault: Option<(Fault, usize)>) {
    let trouble =
        fault.map(|(fault, operations)| Trouble { fault, left: Arc::new(operations.into()), half: false });
    *PRETENDED.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
}

/// The simulated card, if there is one; `half` only affects what it claims to store.
pub fn pretended(half: bool) -> Option<Trouble> {
    let trouble = PRETENDED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    trouble.map(|trouble| Trouble { half, ..trouble })
}

/// Operations that fail after the fault.
pub struct Faulty {
    reference: Reference,
    trouble: Trouble,
}

impl Faulty {
    /// The operations of this card.
    pub fn new(trouble: Trouble) -> Self {
        Self { reference: Reference::new(burn::Device::flex()), trouble }
    }

    fn strike(&self, pairs: usize, side: usize) -> Result<()> {
        let left = &self.trouble.left;
        let more = |left: usize| left.checked_sub(1);
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok() {
            return Ok(());
        }
        match self.trouble.fault {
            Fault::Fails => Err(Error::Device("The graphics card failed.".into())),
            Fault::Panics => panic!("the device is lost"),
            Fault::Hangs => {
                // Waits for a second thread that never arrives.
                Barrier::new(2).wait();
                Ok(())
            }
            Fault::HoldsOnePair if pairs > 1 => Err(Error::Memory { bytes: 1 << 30 }),
            Fault::HoldsHalves if !self.trouble.half && side > SELF_TEST_SIDE => {
                Err(Error::Memory { bytes: 1 << 30 })
            }
            Fault::HoldsOnePair | Fault::HoldsHalves => Ok(()),
        }
    }
}

type Map = <Reference as Ops>::Map;
type Stem = <Reference as Ops>::Stem;
type ResidualUnit = <Reference as Ops>::ResidualUnit;
type Conv = <Reference as Ops>::PointwiseConv;

impl Ops for Faulty {
    type Map = Map;
    type Stem = Stem;
    type ResidualUnit = ResidualUnit;
    type Downsample = Conv;
    type PointwiseConv = Conv;

    fn load_stem(&self, embedding: &Weighted, first: &Weighted, second: &Weighted) -> Result<Stem> {
        self.reference.load_stem(embedding, first, second)
    }
    fn load_residual_unit(&self, first: &Weighted, second: &Weighted) -> Result<ResidualUnit> {
        self.reference.load_residual_unit(first, second)
    }
    fn load_downsample(&self, conv: &Weighted) -> Result<Conv> {
        self.reference.load_downsample(conv)
    }
    fn load_pointwise(&self, conv: &Weighted) -> Result<Conv> {
        self.reference.load_pointwise(conv)
    }
    fn useful_mini_context(&self, wanted: usize) -> usize {
        self.reference.useful_mini_context(wanted)
    }
    fn stem(&self, pairs: &[Vec<&Cube>], entry: &Stem) -> Result<Map> {
        self.strike(pairs.len(), pairs[0][0].side)?;
        self.reference.stem(pairs, entry)
    }
    fn residual_unit(&self, x: Map, unit: &ResidualUnit) -> Result<Map> {
        self.strike(1, 0)?;
        self.reference.residual_unit(x, unit)
    }
    fn downsample(&self, x: &Map, conv: &Conv) -> Result<Map> {
        self.strike(1, 0)?;
        self.reference.downsample(x, conv)
    }
    fn upsample_add(&self, x: &Map, own: &Conv, shortcut: Map, others: &Conv) -> Result<Map> {
        self.strike(1, 0)?;
        self.reference.upsample_add(x, own, shortcut, others)
    }
    fn fuse(&self, x: Map, own: &Conv, other: &Map, others: &Conv) -> Result<Map> {
        self.strike(1, 0)?;
        self.reference.fuse(x, own, other, others)
    }
    fn add_to_mean(&self, mean: Option<Map>, new: Map, weight: f64) -> Result<Map> {
        self.strike(1, 0)?;
        self.reference.add_to_mean(mean, new, weight)
    }
    fn output(&self, x: &Map, conv: &Conv) -> Result<Vec<f32>> {
        self.strike(1, 0)?;
        self.reference.output(x, conv)
    }
}

impl Backend for Faulty {
    fn predicted_bytes(&self, channels: &[usize], side: usize, alive: usize) -> usize {
        self.reference.predicted_bytes(channels, side, alive)
    }

    fn values(&self, x: &Map) -> Result<Vec<f32>> {
        self.reference.values(x)
    }

    fn wait(&self) -> Result<()> {
        self.strike(1, 0)?;
        self.reference.wait()
    }

    fn release_buffers(&self) {}
}
