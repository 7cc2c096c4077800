//! Which mask is meant, and what is known of it.

use super::{Layout, State};
use crate::document::{Mask, Provenance, Status};
use crate::jobs::MaskSummary;
use imaging::metrics::LabelScore;
use inference::pipeline::Report;
use std::sync::Arc;

impl State {
    /// The mask drawn over the target.
    pub fn shown_mask(&self) -> Option<&Mask> {
        self.settings.shown.and_then(|id| self.document.mask(id))
    }

    /// The mask that comparison and export are about: the one shown, else the newest; never the reference.
    pub fn active_mask(&self) -> Option<&Mask> {
        let own = |mask: &&Mask| mask.info().status != Status::Reference;
        self.shown_mask().filter(own).or_else(|| self.document.masks().iter().rev().find(own))
    }

    /// The mask that the panes show.
    pub fn mask_on_screen(&self) -> Option<&Mask> {
        match self.settings.layout {
            Layout::Planes => self.shown_mask(),
            Layout::Compare => self.active_mask(),
        }
    }

    /// The prediction on the screen, where it was neither accepted nor rejected.
    pub fn proposal(&self) -> Option<&Mask> {
        self.mask_on_screen().filter(|mask| mask.info().status == Status::Proposal)
    }

    /// Masks made here that were taken over but not exported as they are now.
    pub fn unsaved(&self) -> impl Iterator<Item = &Mask> {
        self.document.masks().iter().filter(|mask| {
            let info = mask.info();
            let from_file = matches!(info.provenance, Provenance::File(_));
            let own = info.status == Status::Edited || info.status == Status::Accepted && !from_file;
            own && !self.exports.is_settled(mask)
        })
    }

    /// Volumes and middle of a mask, once known.
    pub fn summary(&self, mask: &Mask) -> Option<&Arc<MaskSummary>> {
        self.cache.summary(mask.revision())
    }

    /// Scores of a mask against the ground truth, once known.
    pub fn scores(&self, mask: &Mask) -> Option<&Arc<Vec<LabelScore>>> {
        self.cache.scores(mask.revision(), self.document.reference()?.revision())
    }

    /// Mean Dice of a mask against the ground truth over the labels that are drawn.
    pub fn mean_dice(&self, mask: &Mask) -> Option<f64> {
        let rows = self.scores(mask)?.iter().filter(|row| self.draws(row.label));
        let dice: Vec<f64> = rows.map(|row| row.dice).collect();
        (!dice.is_empty()).then(|| dice.iter().sum::<f64>() / dice.len() as f64)
    }

    /// How a prediction was made.
    pub fn report(&self, mask: &Mask) -> Option<&Arc<Report>> {
        self.reports.get(&mask.id())
    }

    /// Whether panes and figures show a label: the user did not hide it, and where a prediction is looked at, it was
    /// asked for.
    pub fn draws(&self, value: u16) -> bool {
        let predicted = self.mask_on_screen().and_then(|mask| self.report(mask));
        let asked = |report: &Arc<Report>| report.labels.iter().any(|label| label.value == value);
        self.document.labels().is_visible(value) && predicted.is_none_or(asked)
    }
}
