//! The task-specific U-Net (the paper's few-shot baseline), trained from scratch on the examples of a draw alone.

use crate::training::{Config, Episodes, LabelledScan, Pool, State, TrainingLoop};
use imaging::io::Scan;
use imaging::labels::Names;
use imaging::{LabelMap, Result};
use inference::pipeline::{Cache, Example, NamedImage, Options, Refinement, segment};
use network::{Device, Model};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// The training configuration.
const RECIPE: &str = include_str!("u-net.toml");

/// One network for each structure of the examples.
pub struct TaskUNet<'a> {
    examples: &'a [Example<LabelMap>],
    models: Vec<(u16, Model)>,
}

impl<'a> TaskUNet<'a> {
    /// Trains on the CPU for `steps` steps, for inference on `device`.
    ///
    /// # Errors
    /// Those of memory and of the device.
    pub fn from(examples: &'a [Example<LabelMap>], steps: u64, device: &Device) -> Result<Self> {
        let values: BTreeSet<u16> =
            examples.iter().flat_map(|e| e.label.counts()).map(|(value, _)| value).collect();
        let train = |value: u16| Ok((value, train(examples, value, steps, device)?));
        Ok(Self { examples, models: values.into_iter().map(train).collect::<Result<_>>()? })
    }

    /// Segments with one network after another. Where structures overlap, the lowest label value wins.
    ///
    /// # Errors
    /// Those of the pipeline.
    pub fn segment(&self, target: &Scan) -> Result<LabelMap> {
        let mut all = LabelMap::empty(target.volume.grid)?;
        let (cache, target) = (Cache::default(), NamedImage::from(target));
        for (value, model) in &self.models {
            let refinement = Refinement::Closer;
            let options = Options { labels: vec![*value], refinement, ..Options::default() };
            let mask = segment(model, &cache, &target, self.examples, &options, &mut |_| Ok(()))?.mask;
            all.voxels
                .par_iter_mut()
                .zip(mask.voxels)
                .filter(|(all, _)| **all == 0)
                .for_each(|(all, label)| *all = label);
        }
        Ok(all)
    }
}

/// Trains a network for one structure on the examples that hold it.
fn train(examples: &[Example<LabelMap>], value: u16, steps: u64, device: &Device) -> Result<Model> {
    let mut config = Config::parse(RECIPE).expect("the recipe is well-formed");
    config.stages[0].steps = steps;
    let labelled = |example: &Example<LabelMap>| {
        let keep = |&label: &u16| if label == value { label } else { 0 };
        let voxels = example.label.voxels.par_iter().map(keep).collect();
        let labels = LabelMap { grid: example.label.grid, voxels };
        LabelledScan::of(Some(&example.image.volume), &labels, &[])
    };
    let mut scans: Vec<LabelledScan> = examples.par_iter().map(labelled).collect::<Result<_>>()?;
    scans.retain(|scan| !scan.extents.is_empty());
    let pool = Pool::of(config.data[0].clone(), scans, &Names::default());
    let (episodes, state) = (Episodes::of(&config, vec![pool]), State::begin(&config)?);
    let mut training = TrainingLoop::new(config, episodes, state, Device::cpu())?;
    (0..steps).try_for_each(|_| training.step().map(drop))?;
    Model::load(training.averaged(), device)
}
