//! A graphics card that fails, for tests: Burn's operations on the processor until the trouble begins.

use super::Cube;
use super::device::SELF_TEST_SIDE;
use super::ops::{Backend, Ops, Weighted};
use super::reference::Reference;
use imaging::{Error, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, PoisonError};

/// What happens to every operation once the trouble has begun.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It returns an error.
    Fails,
    /// It panics, as a graphics library does whose device is lost.
    Panics,
    /// It never returns.
    Hangs,
    /// It finds no memory for more than one pair at once.
    HoldsOnePair,
    /// It finds no memory for more than the self-test unless values are stored as f16.
    HoldsHalves,
}

/// A fault and the operations until then.
#[derive(Clone, Debug)]
pub struct Trouble {
    fault: Fault,
    left: Arc<AtomicUsize>,
    half: bool,
}

static PRETENDED: Mutex<Option<Trouble>> = Mutex::new(None);

/// From now on the machine has a graphics card that fails after `operations`, or none.
#[doc(hidden)]
pub fn pretend_gpu(fault: Option<(Fault, usize)>) {
    let trouble =
        fault.map(|(fault, operations)| Trouble { fault, left: Arc::new(operations.into()), half: false });
    *PRETENDED.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
}

/// The card that tests pretend to have; it only says that it stores values as f16 if `half`.
pub fn pretended(half: bool) -> Option<Trouble> {
    let trouble = PRETENDED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    trouble.map(|trouble| Trouble { half, ..trouble })
}

/// Operations with trouble ahead.
pub struct Faulty {
    plain: Reference,
    trouble: Trouble,
}

impl Faulty {
    /// Of this card.
    pub fn new(trouble: Trouble) -> Self {
        Self { plain: Reference::new(burn::Device::flex()), trouble }
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
                // Waits for a second one that never comes.
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
        self.plain.load_stem(embedding, first, second)
    }
    fn load_residual_unit(&self, first: &Weighted, second: &Weighted) -> Result<ResidualUnit> {
        self.plain.load_residual_unit(first, second)
    }
    fn load_downsample(&self, conv: &Weighted) -> Result<Conv> {
        self.plain.load_downsample(conv)
    }
    fn load_pointwise(&self, conv: &Weighted) -> Result<Conv> {
        self.plain.load_pointwise(conv)
    }
    fn useful_mini_context(&self, wanted: usize) -> usize {
        self.plain.useful_mini_context(wanted)
    }
    fn stem(&self, pairs: &[Vec<&Cube>], entry: &Stem) -> Result<Map> {
        self.strike(pairs.len(), pairs[0][0].side)?;
        self.plain.stem(pairs, entry)
    }
    fn residual_unit(&self, x: Map, unit: &ResidualUnit) -> Result<Map> {
        self.strike(1, 0)?;
        self.plain.residual_unit(x, unit)
    }
    fn downsample(&self, x: &Map, conv: &Conv) -> Result<Map> {
        self.strike(1, 0)?;
        self.plain.downsample(x, conv)
    }
    fn upsample_add(&self, x: &Map, own: &Conv, shortcut: Map, others: &Conv) -> Result<Map> {
        self.strike(1, 0)?;
        self.plain.upsample_add(x, own, shortcut, others)
    }
    fn fuse(&self, x: Map, own: &Conv, other: &Map, others: &Conv) -> Result<Map> {
        self.strike(1, 0)?;
        self.plain.fuse(x, own, other, others)
    }
    fn add_to_mean(&self, mean: Option<Map>, new: Map, weight: f64) -> Result<Map> {
        self.strike(1, 0)?;
        self.plain.add_to_mean(mean, new, weight)
    }
    fn output(&self, x: &Map, conv: &Conv) -> Result<Vec<f32>> {
        self.strike(1, 0)?;
        self.plain.output(x, conv)
    }
}

impl Backend for Faulty {
    fn predicted_bytes(&self, channels: &[usize], side: usize, alive: usize) -> usize {
        self.plain.predicted_bytes(channels, side, alive)
    }

    fn values(&self, x: &Map) -> Result<Vec<f32>> {
        self.plain.values(x)
    }

    fn wait(&self) -> Result<()> {
        self.strike(1, 0)?;
        self.plain.wait()
    }

    fn release_buffers(&self) {}
}
