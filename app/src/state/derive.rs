//! What is derived from the document's volumes: asked for where it is missing, found again after undo.

use super::{Platform, State, messages};
use crate::document::{Example, PartId};
use crate::jobs::{Analysed, Analysis, AnalysisKey, AnalysisKind, Failure, Outcome};
use crate::viewer::{Palette, PaneAction, camera::snap};

impl State {
    /// Asks for what is derived from the document as it is now and was not asked for before.
    pub(super) fn derive_missing(&mut self, platform: &mut Platform) {
        if self.derived_for == Some(self.document.revision()) {
            return;
        }
        self.derived_for = Some(self.document.revision());
        for (key, analysis) in self.analyses() {
            if self.cache.ask(&key) {
                platform.jobs.analyse(key, analysis);
            }
        }
    }

    /// All that is derived from the document.
    fn analyses(&self) -> Vec<(AnalysisKey, Analysis)> {
        let document = &self.document;
        let key = |kind, parts: &[PartId]| {
            document.job(kind, parts.iter().copied()).expect("the parts are the document's own")
        };
        let pictures = |part, scan, labels| {
            let table = document.labels();
            let palette = Palette::new(table.iter().map(|(value, label)| (value, label.colour)));
            (key(AnalysisKind::Pictures, &[part]), Analysis::Pictures { scan, labels, palette })
        };
        let mut all = Vec::new();
        if let Some(target) = document.target() {
            all.push(pictures(PartId::Target(target.id()), target.scan().clone(), None));
            let world_from_voxel = target.scan().volume.grid.world_from_voxel;
            for mask in document.masks() {
                let (id, voxels) = (PartId::Mask(mask.id()), mask.voxels().clone());
                let summary = Analysis::Summary { mask: voxels.clone(), world_from_voxel };
                all.push((key(AnalysisKind::Summary, &[id]), summary));
                if let Some(truth) = self.reference().filter(|truth| truth.id() != mask.id()) {
                    let key = key(AnalysisKind::Scores, &[id, PartId::Mask(truth.id())]);
                    let truth = truth.voxels().clone();
                    all.push((key, Analysis::Scores { prediction: voxels, truth, world_from_voxel }));
                }
            }
        }
        let example = |example: &Example| {
            let (image, labels) = (example.image().clone(), example.labels().clone());
            pictures(PartId::Example(example.id()), image, Some(labels))
        };
        all.extend(document.examples().iter().map(example));
        all
    }

    /// Takes in what was derived.
    pub(super) fn analysed(&mut self, key: &AnalysisKey, outcome: Outcome<Analysed>) {
        if matches!(outcome, Err(Failure::Cancelled)) {
            self.derived_for = None;
        }
        if let Err(failure) = self.cache.enter(key, outcome) {
            self.warn(messages::failure(&failure));
        }
    }

    /// Turns the panes to a target that they have not shown yet, and to the middle of its first prediction.
    pub(super) fn turn_to_target(&mut self) {
        let Some(target) = self.document.target() else { return };
        let grid = &target.scan().volume.grid;
        if self.viewed != Some(target.id())
            && let Some(pictures) = self.cache.pictures(target.revision())
        {
            self.view.show(grid, &pictures.statistics);
            self.viewed = Some(target.id());
        }
        let Some(mask) = self.turn_to.and_then(|id| self.document.mask(id)) else { return };
        let Some(summary) = self.cache.summary(mask.revision()) else { return };
        if let (true, Some(middle)) = (self.settings.shown == self.turn_to, summary.middle_mm) {
            self.view.apply(PaneAction::MoveCursor(snap(grid, middle)));
        }
        self.turn_to = None;
    }
}
