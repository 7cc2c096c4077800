//! What the next run reads.

use super::State;
use crate::document::Example;
use crate::import::within_folder;
use imaging::LabelMap;
use imaging::io::Scan;
use inference::pipeline::{self, NamedImage};
use std::collections::BTreeSet;
use std::sync::Arc;

impl State {
    /// The scan to segment.
    pub fn target(&self) -> Option<&Arc<Scan>> {
        self.document.target().map(|target| target.scan())
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.document.target().is_none() && self.document.examples().is_empty()
    }

    /// A scan's name, with its folder where another scan of the document has the same.
    pub fn name_of(&self, scan: &Scan) -> String {
        let scans = self.document.examples().iter().map(Example::image).chain(self.target());
        let alike = scans.filter(|other| other.name == scan.name).count();
        if alike > 1 { within_folder(&scan.path, &scan.name) } else { scan.name.clone() }
    }

    /// Examples that the next run reads.
    pub fn examples_on(&self) -> impl Iterator<Item = &Example> {
        self.document.examples().iter().filter(|example| example.info().on)
    }

    /// Every label value of examples that are on and of masks, ascending.
    pub fn label_values(&self) -> Vec<u16> {
        let examples = self.examples_on().flat_map(|example| example.values().iter().copied());
        let summaries = self.document.masks().iter().filter_map(|mask| self.summary(mask));
        let masks = summaries.flat_map(|summary| summary.volumes_ml.keys().copied());
        examples.chain(masks).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Labels that the next run segments.
    pub fn wanted_labels(&self) -> Vec<u16> {
        let values: BTreeSet<u16> =
            self.examples_on().flat_map(|example| example.values().iter().copied()).collect();
        values.into_iter().filter(|&value| !self.document.labels().is_excluded(value)).collect()
    }

    /// Why a run cannot start, and what to do about it.
    pub fn run_blocker(&self) -> Option<&'static str> {
        if self.target().is_none() {
            Some("Open a scan to segment first.")
        } else if self.examples_on().next().is_none() {
            Some("Switch on at least one example, or add one.")
        } else if self.wanted_labels().is_empty() {
            Some("Tick at least one label.")
        } else {
            None
        }
    }

    /// A scan as the engine wants it, under the name that the window calls it by.
    pub(super) fn image_for_run(&self, scan: &Scan) -> NamedImage {
        NamedImage { name: self.name_of(scan), ..NamedImage::from(scan) }
    }

    /// The examples of the next run as the engine wants them.
    pub(super) fn examples_for_run(&self) -> Vec<pipeline::Example<LabelMap>> {
        self.examples_on()
            .map(|example| pipeline::Example {
                image: self.image_for_run(example.image()),
                label: example.labels().clone(),
            })
            .collect()
    }
}
