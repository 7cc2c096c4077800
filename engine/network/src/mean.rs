//! The running mean of Algorithm 1: context features over all pairs, weighted by the number of pairs in each
//! mini-context.

use super::Cube;
use super::neuroverse::{Check, ContextBranch, TargetFeatures};
use super::no_example;
use super::ops::Ops;
use imaging::Result;

/// The mean over the pairs read so far, coarsest first.
pub struct Mean<O: Ops> {
    features: Vec<Option<O::Map>>,
    /// Number of pairs read.
    pub done: usize,
}

impl<O: Ops> Mean<O> {
    /// An empty mean with the scales of the target's features.
    pub fn new(target: &TargetFeatures<O>) -> Self {
        Self { features: target.shortcuts.iter().map(|_| None).chain([None]).collect(), done: 0 }
    }

    /// Reads some pairs of (image, label) at once; `take` transforms their features before they are added.
    pub fn read(
        &mut self,
        (ops, branch): (&O, &ContextBranch<O>),
        target: &TargetFeatures<O>,
        pairs: &[(&Cube, &Cube)],
        check: &mut Check,
        take: &dyn Fn(O::Map) -> Result<O::Map>,
    ) -> Result<()> {
        let both: Vec<_> = pairs.iter().map(|(image, label)| vec![*image, *label]).collect();
        self.done += pairs.len();
        let weight = pairs.len() as f64 / self.done as f64;
        branch.read(ops, &both, target, check, &mut |scale, new| {
            let mean = self.features[scale].take();
            self.features[scale] = Some(ops.add_to_mean(mean, take(new)?, weight)?);
            Ok(())
        })
    }

    /// The mean.
    ///
    /// # Errors
    /// [`imaging::Error::Request`] if no pair was read.
    pub fn finish(self) -> Result<Vec<O::Map>> {
        let features: Option<Vec<O::Map>> = self.features.into_iter().collect();
        features.ok_or_else(no_example)
    }
}
