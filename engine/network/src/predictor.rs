//! Prediction on one kind of device: encode a target once, read pairs, decode (Algorithm 1).

use super::mean::Mean;
use super::neuroverse::{Check, Neuroverse, TargetFeatures};
use super::ops::{Backend, Ops};
use super::profile::{Profiled, Work};
use super::{AfterStep, CardMemory, Cube};
use crate::weights::Weights;
use imaging::Result;
use std::any::Any;

/// The network on a device, independent of the type of its feature maps.
pub trait Predictor: Send {
    /// The features of a target, for [`Predictor::predict`] of the same network.
    fn encode(&self, target: &Cube, check: &mut Check) -> Result<Box<dyn Any>>;
    /// Reads the pairs and decodes the target.
    fn predict(
        &self,
        target: &dyn Any,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
        after_step: &mut AfterStep,
    ) -> Result<Vec<f32>>;
    /// The intermediate results of one prediction by the names of the golden files.
    fn intermediates(
        &self,
        target: &Cube,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
    ) -> Result<Vec<(String, Vec<f32>)>>;
    /// The useful number of pairs to read at once if memory allows `wanted`.
    fn useful_mini_context(&self, wanted: usize) -> usize;
    /// Expected peak bytes of a prediction from `pairs` pairs.
    fn predicted_bytes(&self, channels: &[usize], side: usize, pairs: usize, mini_context: usize) -> usize;
    /// See [`Backend::card_memory`].
    fn card_memory(&self) -> Option<CardMemory>;
    /// The work since the last call.
    fn take_work(&self) -> Work;
    /// Frees memory that was kept for the next run.
    fn release_buffers(&self);
}

/// The operations of a device and the network built from them.
pub struct LoadedNetwork<O: Ops> {
    ops: Profiled<O>,
    network: Neuroverse<Profiled<O>>,
}

type Features<O> = TargetFeatures<Profiled<O>>;

impl<O: Backend> LoadedNetwork<O> {
    /// Loads named weights, each exactly once.
    pub fn load(ops: O, weights: &mut Weights) -> Result<Self> {
        let ops = Profiled::new(ops);
        let network = Neuroverse::load(&ops, weights)?;
        Ok(Self { ops, network })
    }

    /// Mean context features over all pairs, coarsest first (Algorithm 1); empty if the network reads no pairs.
    fn read(
        &self,
        target: &Features<O>,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
        after_step: &mut AfterStep,
    ) -> Result<Vec<<Profiled<O> as Ops>::Map>> {
        let Some(branch) = &self.network.context else { return Ok(Vec::new()) };
        let mut mean = Mean::new(target);
        for batch in pairs.chunks(self.ops.useful_mini_context(mini_context)) {
            let done = mean.done;
            after_step(done)?;
            let check = &mut || after_step(done);
            mean.read((&self.ops, branch), target, batch, check, &Ok)?;
            // A GPU works asynchronously; waiting here keeps progress, cancellation and memory use accurate.
            self.ops.wait()?;
        }
        let done = mean.done;
        let features = mean.finish()?;
        after_step(done)?;
        Ok(features)
    }
}

impl<O> Predictor for LoadedNetwork<O>
where
    O: Backend<Map: Send, Stem: Send, ResidualUnit: Send, Downsample: Send, PointwiseConv: Send>
        + Send
        + 'static,
{
    fn encode(&self, target: &Cube, check: &mut Check) -> Result<Box<dyn Any>> {
        Ok(Box::new(self.network.encode(&self.ops, target, check)?))
    }

    fn predict(
        &self,
        target: &dyn Any,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
        after_step: &mut AfterStep,
    ) -> Result<Vec<f32>> {
        let target: &Features<O> =
            target.downcast_ref().expect("the model checked that it encoded the target");
        let context = self.read(target, pairs, mini_context, after_step)?;
        self.network.decode(&self.ops, target, &context, &mut || after_step(pairs.len()))
    }

    fn intermediates(
        &self,
        target: &Cube,
        pairs: &[(&Cube, &Cube)],
        mini_context: usize,
    ) -> Result<Vec<(String, Vec<f32>)>> {
        let target = self.network.encode(&self.ops, target, &mut || Ok(()))?;
        let context = self.read(&target, pairs, mini_context, &mut |_| Ok(()))?;
        let bottleneck = self.network.bottleneck(&self.ops, &target)?;
        let shortcuts = target.shortcuts.iter().enumerate();
        let named = shortcuts
            .map(|(i, map)| (format!("target_shortcut_{i}"), map))
            .chain([("target_bottleneck".to_owned(), &bottleneck)])
            .chain(context.iter().enumerate().map(|(i, map)| (format!("context_mean_{i}"), map)));
        named.map(|(name, map)| Ok((name, self.ops.values(map)?))).collect()
    }

    fn useful_mini_context(&self, wanted: usize) -> usize {
        self.network.context.as_ref().map_or(1, |_| self.ops.useful_mini_context(wanted.max(1)))
    }

    fn predicted_bytes(&self, channels: &[usize], side: usize, pairs: usize, mini_context: usize) -> usize {
        let first = self.useful_mini_context(mini_context.min(pairs));
        // From the second mini-context on, the mean is in memory beside the pairs being read.
        let next = first.min(pairs.saturating_sub(first));
        self.ops.predicted_bytes(channels, side, first.max(next + 1))
    }

    fn card_memory(&self) -> Option<CardMemory> {
        self.ops.card_memory()
    }

    fn take_work(&self) -> Work {
        self.ops.take_work()
    }

    fn release_buffers(&self) {
        self.ops.release_buffers();
    }
}
