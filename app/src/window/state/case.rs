//! What the user is working on: everything that undo brings back.

use super::plan::within_folder;
use imaging::LabelMap;
use imaging::io::Scan;
use imaging::labels::Names;
use imaging::metrics::LabelScore;
use inference::pipeline::Example;
use inference::pipeline::Report;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Names an example or a layer, in order of arrival; no two ever share one.
pub type Id = u64;

/// Target, examples, results and labels. Cheap to clone: volumes are shared.
#[derive(Clone, Default)]
pub struct Case {
    /// The scan to segment.
    pub target: Option<Arc<Scan>>,
    /// The example shelf.
    pub examples: Vec<Pair>,
    /// Masks on the target, newest first.
    pub layers: Vec<Layer>,
    /// The layer drawn over the target.
    pub shown: Option<Id>,
    /// Labels that are not drawn.
    pub hidden: BTreeSet<u16>,
    /// Labels that the next run leaves out.
    pub left_out: BTreeSet<u16>,
    /// Examples that the network reads at once (ℓ); None leaves it to the program.
    pub mini_context: Option<usize>,
    /// Predictions made so far, for their numbers.
    pub predictions: usize,
    /// Names of the labels, from the tables beside the files.
    pub names: Names,
    /// Label values in the order in which the case first held them. Their place decides their colour, so that none
    /// changes when a label or an example comes or goes.
    pub seen: Vec<u16>,
}

/// A card of the example shelf.
#[derive(Clone)]
pub struct Pair {
    /// Its name in commands.
    pub id: Id,
    /// The image.
    pub image: Arc<Scan>,
    /// Its labels, on the image's grid.
    pub label: Arc<LabelMap>,
    /// Label values that occur.
    pub values: Vec<u16>,
    /// Whether the next run reads it.
    pub on: bool,
    /// What was odd about it when it was loaded; the user chose to go on.
    pub remarks: Vec<String>,
}

/// Where a layer stands. A proposal becomes accepted or leaves the case; nothing else changes a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskStatus {
    /// A prediction that nobody has judged.
    Proposal,
    /// A prediction that was accepted, or a mask that the user brought.
    Accepted,
    /// What predictions are judged by.
    Truth,
}

/// A mask on the target's grid.
#[derive(Clone)]
pub struct Layer {
    /// Its name in commands.
    pub id: Id,
    /// Such as `Prediction 2`.
    pub title: String,
    /// One line on where it came from.
    pub origin: String,
    /// The labels.
    pub map: Arc<LabelMap>,
    /// Millilitres by label value.
    pub volumes_ml: BTreeMap<u16, f64>,
    /// Where it stands.
    pub status: MaskStatus,
    /// Sentences about what is odd about it.
    pub warnings: Vec<String>,
    /// How it was made, for predictions.
    pub report: Option<Arc<Report>>,
    /// Its agreement with the ground truth, once measured.
    pub agreement: Option<Arc<Vec<LabelScore>>>,
}

impl Layer {
    /// A mask from a file or a run. Counting voxels takes milliseconds per million, so callers pass counts they have.
    pub fn volumes(map: &LabelMap, counts: &[(u16, usize)]) -> BTreeMap<u16, f64> {
        let voxel_ml = map.grid.voxel_ml();
        counts.iter().map(|&(value, voxels)| (value, voxels as f64 * voxel_ml)).collect()
    }

    /// Mean Dice against the ground truth over the labels of `wanted`.
    pub fn mean_dice(&self, wanted: impl Fn(u16) -> bool) -> Option<f64> {
        let rows = self.agreement.as_ref()?.iter().filter(|row| wanted(row.label));
        let dice: Vec<f64> = rows.map(|row| row.dice).collect();
        (!dice.is_empty()).then(|| dice.iter().sum::<f64>() / dice.len() as f64)
    }
}

impl Case {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.target.is_none() && self.examples.is_empty()
    }

    /// A scan's name, with its folder where another scan of the case has the same.
    pub fn name_of(&self, scan: &Scan) -> String {
        let scans = self.examples.iter().map(|pair| &pair.image).chain(&self.target);
        let alike = scans.filter(|other| other.name == scan.name).count();
        if alike > 1 { within_folder(&scan.path, &scan.name) } else { scan.name.clone() }
    }

    /// Examples that the next run reads.
    pub fn on(&self) -> impl Iterator<Item = &Pair> {
        self.examples.iter().filter(|pair| pair.on)
    }

    /// The layer drawn over the target.
    pub fn shown_layer(&self) -> Option<&Layer> {
        self.layers.iter().find(|layer| Some(layer.id) == self.shown)
    }

    /// What predictions are judged by.
    pub fn truth(&self) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.status == MaskStatus::Truth)
    }

    /// Takes in label values that are new, ascending.
    pub fn see_labels(&mut self) {
        let examples = self.examples.iter().flat_map(|pair| pair.values.iter().copied());
        let layers = self.layers.iter().flat_map(|layer| layer.volumes_ml.keys().copied());
        let values: BTreeSet<u16> = examples.chain(layers).collect();
        let known: BTreeSet<u16> = self.seen.iter().copied().collect();
        self.seen.extend(values.difference(&known));
    }

    /// The prediction that comparisons are about: the one shown, else the newest.
    pub fn judged(&self) -> Option<&Layer> {
        let judged = |layer: &&Layer| layer.status != MaskStatus::Truth;
        self.shown_layer().filter(judged).or_else(|| self.layers.iter().find(judged))
    }

    /// Every label value of examples that are on and of layers, ascending.
    pub fn labels(&self) -> Vec<u16> {
        let examples = self.on().flat_map(|pair| pair.values.iter().copied());
        let layers = self.layers.iter().flat_map(|layer| layer.volumes_ml.keys().copied());
        examples.chain(layers).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Labels that the next run segments.
    pub fn wanted(&self) -> Vec<u16> {
        let values: BTreeSet<u16> = self.on().flat_map(|pair| pair.values.iter().copied()).collect();
        values.into_iter().filter(|value| !self.left_out.contains(value)).collect()
    }

    /// The examples of the next run as the engine wants them.
    pub fn examples_for_run(&self) -> Vec<Example<LabelMap>> {
        self.on()
            .map(|pair| Example {
                name: self.name_of(&pair.image),
                image: pair.image.clone(),
                label: pair.label.clone(),
            })
            .collect()
    }

    /// Why a run cannot start, and what to do about it.
    pub fn obstacle(&self) -> Option<&'static str> {
        if self.target.is_none() {
            Some("Open a scan to segment first.")
        } else if self.on().next().is_none() {
            Some("Switch on at least one example, or add one.")
        } else if self.wanted().is_empty() {
            Some("Tick at least one label.")
        } else {
            None
        }
    }
}
