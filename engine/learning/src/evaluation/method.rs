//! What is compared: ways to segment a target by examples.

use super::config::{Baseline, Config};
use super::label_propagation::{Placed, floor, nearest};
use super::task_unet::TaskUNet;
use imaging::io::Scan;
use imaging::{LabelMap, Result, Volume};
use inference::pipeline::{Cache, Example, NamedImage, Options, Refinement, segment};
use network::{Device, Model};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The network with some weights.
pub struct InContext {
    /// What tables call it.
    pub name: String,
    /// The network.
    pub model: Rc<Model>,
    /// How often it looks at a structure.
    pub looks: Refinement,
}

/// A way to segment.
pub enum Method {
    /// By the network, which reads the examples anew for each target.
    InContext(InContext),
    /// By laying labels on the target.
    Copy(Baseline, Copying),
    /// By the mean of the examples' labels as the network sees them.
    Vote(Model),
    /// By U-Nets that learn from the examples on the processor for so many steps, and segment on a device.
    Learn(u64, Device),
}

/// A way to lay the labels of examples on a target.
type Copying = fn(&Volume, &[Placed]) -> Result<LabelMap>;

/// What segments targets after it has met the examples.
pub type Segmenter<'a> = Box<dyn Fn(&Scan) -> Result<LabelMap> + 'a>;

impl Method {
    /// What tables call it.
    pub fn name(&self) -> &str {
        match self {
            Self::InContext(network) => &network.name,
            Self::Copy(baseline, _) => baseline.name(),
            Self::Vote(_) => Baseline::Vote.name(),
            Self::Learn(..) => Baseline::UNet.name(),
        }
    }

    /// The network, if it is one.
    pub fn network(&self) -> Option<&InContext> {
        match self {
            Self::InContext(network) => Some(network),
            _ => None,
        }
    }

    /// Meets examples: what a method does once for all targets.
    ///
    /// # Errors
    /// What learning from them returns.
    pub fn fit<'a>(&'a self, examples: &'a [Example<LabelMap>]) -> Result<Segmenter<'a>> {
        // What no example has, nobody can find.
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
                let learnt = TaskUNet::from(examples, *steps, device)?;
                Box::new(move |target| learnt.segment(target))
            }
        })
    }
}

/// The methods of a configuration, the networks first. Weights that several of them use are read once.
///
/// # Errors
/// What opening weights returns.
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
