//! The methods that a study compares: ways to segment a target from examples.

use super::config::{Baseline, Config};
use super::label_propagation::{Placed, floor, nearest};
use super::task_unet::TaskUNet;
use imaging::io::Scan;
use imaging::{LabelMap, Result, Volume};
use inference::pipeline::{Cache, Example, NamedImage, Options, Refinement, segment};
use network::{Device, Model};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The in-context network with a set of weights.
pub struct InContext {
    /// Name in tables.
    pub name: String,
    /// The loaded network, shared by all entries with the same weights.
    pub model: Rc<Model>,
    /// Whether predictions are refined.
    pub looks: Refinement,
}

/// A method of segmentation.
pub enum Method {
    /// The in-context network, which reads the examples again for each target.
    InContext(InContext),
    /// Label propagation.
    Copy(Baseline, Copying),
    /// The mean of the examples' labels in the network's input.
    Vote(Model),
    /// U-Nets trained on the examples on the CPU for this number of steps, which segment on the device.
    Learn(u64, Device),
}

/// A function that propagates the labels of examples to a target.
type Copying = fn(&Volume, &[Placed]) -> Result<LabelMap>;

/// Segments targets from the examples that a method was fitted to.
pub type Segmenter<'a> = Box<dyn Fn(&Scan) -> Result<LabelMap> + 'a>;

impl Method {
    /// Name in tables and in `results.csv`.
    pub fn name(&self) -> &str {
        match self {
            Self::InContext(network) => &network.name,
            Self::Copy(baseline, _) => baseline.name(),
            Self::Vote(_) => Baseline::Vote.name(),
            Self::Learn(..) => Baseline::UNet.name(),
        }
    }

    /// The in-context network, if the method is one.
    pub fn network(&self) -> Option<&InContext> {
        match self {
            Self::InContext(network) => Some(network),
            _ => None,
        }
    }

    /// Fits the method to examples, once for all targets.
    ///
    /// # Errors
    /// The errors of training.
    pub fn fit<'a>(&'a self, examples: &'a [Example<LabelMap>]) -> Result<Segmenter<'a>> {
        // Without a label in any example, the result is empty.
        if examples.iter().all(|example| example.label.voxels.iter().all(|&label| label == 0)) {
            return Ok(Box::new(|target| LabelMap::empty(target.volume.grid)));
        }
        let by = |model: &'a Model, looks| -> Segmenter<'a> {
            let options = Options { refinement: looks, ..Options::default() };
            let cache = Cache::default();
            Box::new(move |target| {
                let target = NamedImage::from(target);
                Ok(segment(model, &cache, &target, examples, &options, &mut |_| Ok(()))?.mask)
            })
        };
        Ok(match self {
            Self::InContext(InContext { model, looks, .. }) => by(model, *looks),
            Self::Vote(model) => by(model, Refinement::Closer),
            Self::Copy(_, copy) => {
                let placed: Vec<Placed> = examples.iter().map(Placed::new).collect();
                Box::new(move |target| copy(&target.volume, &placed))
            }
            Self::Learn(steps, device) => {
                let networks = TaskUNet::from(examples, *steps, device)?;
                Box::new(move |target| networks.segment(target))
            }
        })
    }
}

/// The methods of a configuration, the networks first. Shared weights are read once.
///
/// # Errors
/// The errors of opening weights.
pub fn methods(config: &Config, device: &Device) -> Result<Vec<Method>> {
    let mut opened: BTreeMap<&str, Rc<Model>> = BTreeMap::new();
    let mut methods = Vec::new();
    for entry in &config.models {
        let model = match opened.get(entry.weights.as_str()) {
            Some(model) => model.clone(),
            None => Rc::new(match entry.weights.as_str() {
                "bundled" => Model::bundled(device)?,
                file => Model::open(&config.folder.join(file), device)?,
            }),
        };
        opened.insert(&entry.weights, model.clone());
        methods.push(Method::InContext(InContext { name: entry.name.clone(), model, looks: entry.looks }));
    }
    for &baseline in &config.baselines {
        methods.push(match baseline {
            Baseline::Floor => Method::Copy(baseline, floor),
            Baseline::Nearest => Method::Copy(baseline, nearest),
            Baseline::Vote => Method::Vote(Model::vote(device)?),
            Baseline::UNet => Method::Learn(config.u_net_steps, device.clone()),
        });
    }
    Ok(methods)
}
