//! The network at work on one kind of device: encode a target once, read pairs, decode (Algorithm 1).

use super::neuroverse::{Check, Neuroverse, TargetFeatures};
use super::ops::Ops;
use super::{AfterStep, Cube};
use crate::weights::Weights;
use crate::{Error, Result};

/// Operations and the network that is made of them.
pub struct Engine<O: Ops> {
    ops: O,
    network: Neuroverse<O>,
}

impl<O: Ops> Engine<O> {
    /// Takes named weights, each exactly once.
    pub fn load(ops: O, weights: &mut Weights) -> Result<Self> {
        let network = Neuroverse::load(&ops, weights)?;
        Ok(Self { ops, network })
    }

    /// The features of a target.
    pub fn encode(&self, target: &Cube, check: &mut Check) -> Result<TargetFeatures<O>> {
        self.network.encode(&self.ops, &self.ops.input(&[vec![target]]), check)
    }

    /// Reads the pairs and decodes the target.
    pub fn predict(
        &self,
        target: &TargetFeatures<O>,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
        after_step: &mut AfterStep,
    ) -> Result<Vec<f32>> {
        let context = self.read(target, pairs, mini_context, after_step)?;
        self.network.decode(&self.ops, target, &context, &mut || after_step(pairs.len()))
    }

    /// Mean context features over all pairs, coarsest first: the running mean of Algorithm 1, weighted by the
    /// number of pairs in each mini-context.
    fn read(
        &self,
        target: &TargetFeatures<O>,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
        after_step: &mut AfterStep,
    ) -> Result<Vec<O::Map>> {
        let mut mean: Vec<Option<O::Map>> = Vec::new();
        let mut done = 0;
        for some in pairs.chunks(self.at_once(mini_context)) {
            after_step(done)?;
            let both: Vec<_> = some.iter().map(|(image, label)| vec![*image, *label]).collect();
            let weight = some.len() as f64 / (done + some.len()) as f64;
            let mut add = |scale: usize, features: O::Map| {
                mean.resize(mean.len().max(scale + 1), None);
                mean[scale] = Some(self.ops.add_to_mean(mean[scale].take(), features, weight));
            };
            let input = self.ops.input(&both);
            self.network.read(&self.ops, input, target, &mut || after_step(done), &mut add)?;
            done += some.len();
            // A GPU works behind; waiting here keeps progress, cancelling and memory honest.
            self.ops.wait()?;
        }
        if mean.is_empty() {
            return Err(Error::Request("There is no example to learn from; add at least one.".into()));
        }
        after_step(done)?;
        Ok(mean.into_iter().flatten().collect())
    }

    /// Every intermediate of one prediction by the names of the golden files.
    pub fn intermediates(
        &self,
        target: &Cube,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
    ) -> Result<Vec<(String, Vec<f32>)>> {
        let target = self.encode(target, &mut || Ok(()))?;
        let context = self.read(&target, pairs, mini_context, &mut |_| Ok(()))?;
        let shortcuts = target.shortcuts.iter().enumerate();
        let named = shortcuts
            .map(|(i, map)| (format!("target_shortcut_{i}"), map))
            .chain([("target_bottleneck".to_owned(), &target.bottom)])
            .chain(context.iter().enumerate().map(|(i, map)| (format!("context_mean_{i}"), map)));
        named.map(|(name, map)| Ok((name, self.ops.values(map)?))).collect()
    }

    /// Pairs that are worth reading at once when memory would allow `wanted`.
    pub fn at_once(&self, wanted: usize) -> usize {
        self.ops.at_once(wanted.max(1))
    }

    /// Gives memory back that was kept for the next run.
    pub fn rest(&self) {
        self.ops.rest();
    }
}
