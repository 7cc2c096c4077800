//! A baseline without a network: the vote of the examples' labels, to measure what a network adds.

use super::neuroverse::Check;
use super::predictor::Predictor;
use super::profile::Work;
use super::{AfterStep, CardMemory, Cube};
use imaging::{Result, memory};
use std::any::Any;

/// Predicts the mean of the examples' labels, independent of the target.
pub struct Vote;

impl Predictor for Vote {
    fn encode(&self, target: &Cube, _: &mut Check) -> Result<Box<dyn Any>> {
        Ok(Box::new(target.voxels.len()))
    }

    fn predict(
        &self,
        target: &dyn Any,
        pairs: &[(&Cube, &Cube)],
        _: usize,
        after_step: &mut AfterStep,
    ) -> Result<Vec<f32>> {
        let len: &usize = target.downcast_ref().expect("the model looked that the target is its own");
        let mut sum = memory::zeros(*len)?;
        for (n, (_, label)) in pairs.iter().enumerate() {
            sum.iter_mut().zip(&label.voxels).for_each(|(sum, part)| *sum += part / pairs.len() as f32);
            after_step(n + 1)?;
        }
        Ok(sum)
    }

    fn intermediates(&self, _: &Cube, _: &[(&Cube, &Cube)], _: usize) -> Result<Vec<(String, Vec<f32>)>> {
        Ok(Vec::new())
    }

    fn useful_mini_context(&self, _: usize) -> usize {
        1
    }

    fn predicted_bytes(&self, _: &[usize], side: usize, _: usize, _: usize) -> usize {
        size_of::<f32>() * side.pow(3)
    }

    fn card_memory(&self) -> Option<CardMemory> {
        None
    }

    fn take_work(&self) -> Work {
        Work::default()
    }

    fn release_buffers(&self) {}
}
