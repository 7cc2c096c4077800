//! What is derived from the document's volumes: asked for where it is missing, found again after undo.

use super::{Platform, State, messages};
use crate::document::PartId;
use crate::jobs::{Analysed, Analysis, AnalysisKey, AnalysisKind, Failure, Outcome};
use crate::viewer::{Palette, PaneAction, camera::snap};
use std::cell::LazyCell;

impl State {
    /// Asks for what is derived from the document as it is now and was not asked for before. The inputs of
    /// an analysis are made for new ones only, since this runs after every step.
    pub(super) fn derive_missing(&mut self, platform: &mut Platform) {
        if self.derived_for == Some(self.document.revision()) {
            return;
        }
        self.derived_for = Some(self.document.revision());
        let (document, cache) = (&self.document, &mut self.cache);
        let palette = LazyCell::new(|| Palette::new(document.labels().colours()));
        let mut ask = |kind, parts: &[PartId], analysis: &dyn Fn() -> Analysis| {
            let key = document.job(kind, parts.iter().copied()).expect("the parts are the document's own");
            if cache.ask(&key) {
                platform.jobs.analyse(key, analysis());
            }
        };
        if let Some(target) = document.target() {
            let world_from_voxel = target.scan().volume.grid.world_from_voxel;
            ask(AnalysisKind::Pictures, &[PartId::Target(target.id())], &|| Analysis::Pictures {
                scan: target.scan().clone(),
                labels: None,
                palette: Palette::clone(&palette),
            });
            for mask in document.masks() {
                let id = PartId::Mask(mask.id());
                ask(AnalysisKind::Summary, &[id], &|| Analysis::Summary {
                    mask: mask.voxels().clone(),
                    world_from_voxel,
                });
                if let Some(truth) = document.reference().filter(|truth| truth.id() != mask.id()) {
                    ask(AnalysisKind::Scores, &[id, PartId::Mask(truth.id())], &|| Analysis::Scores {
                        prediction: mask.voxels().clone(),
                        truth: truth.voxels().clone(),
                        world_from_voxel,
                    });
                }
            }
        }
        for example in document.examples() {
            ask(AnalysisKind::Pictures, &[PartId::Example(example.id())], &|| Analysis::Pictures {
                scan: example.image().clone(),
                labels: Some(example.labels().clone()),
                palette: Palette::clone(&palette),
            });
        }
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
