//! May a voxel be written? The one rule that all tools obey.
//!
//! `label(v) is not locked ∧ paint-over allows label(v) ∧ image(v) in limits ∧ v in region`. An eraser asks the same with
//! the active label as the only one that it paints over, unless it may erase any. A locked label neither loses voxels
//! nor gains any.

use super::bounds::Bounds;
use super::labels::LabelTable;
use super::refusal::Refusal;
use imaging::Grid;
use imaging::io::Scan;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// What a tool does to the voxels that it may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Gives them the active label.
    Paint,
    /// Makes those of the active label background.
    Erase,
    /// Makes them background, whatever their label.
    EraseAny,
}

/// Labels that paint may replace. Locked ones never are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaintOver {
    /// Background and every label.
    AllUnlocked,
    /// Background.
    BackgroundOnly,
    /// These; 0 stands for background.
    Chosen(BTreeSet<u16>),
}

/// Intensities between which voxels may be written.
#[derive(Clone, Debug)]
pub struct Limits {
    /// An image on the mask's grid.
    pub image: Arc<Scan>,
    /// Lowest and highest intensity, both allowed.
    pub range: RangeInclusive<f32>,
}

/// What may be written, and how: the settings that all tools share.
#[derive(Clone, Debug)]
pub struct WriteRule {
    /// The active label.
    pub label: u16,
    /// Paint or erase.
    pub action: Action,
    /// What paint may replace; no concern of an eraser.
    pub over: PaintOver,
    /// Intensity limits, where they are on.
    pub limits: Option<Limits>,
    /// Region of interest, where there is one.
    pub region: Option<Bounds>,
}

impl WriteRule {
    /// Paint over everything that is not locked.
    pub fn paint(label: u16) -> Self {
        Self { label, action: Action::Paint, over: PaintOver::AllUnlocked, limits: None, region: None }
    }

    /// The value that is written.
    pub(super) fn value(&self) -> u16 {
        if self.action == Action::Paint { self.label } else { 0 }
    }

    /// Why nothing at all can be written to a mask on `grid`.
    pub(super) fn obstacle(&self, labels: &LabelTable, grid: &Grid) -> Option<Refusal> {
        let active = self.action != Action::EraseAny;
        if active && labels.get(self.label).is_none() {
            Some(Refusal::NoLabel(self.label))
        } else if active && labels.is_locked(self.label) {
            Some(Refusal::LabelLocked(self.label))
        } else if self.limits.as_ref().is_some_and(|limits| !limits.image.volume.grid.agrees_with(grid)) {
            Some(Refusal::OtherGrid)
        } else {
            None
        }
    }

    /// Why a voxel that now has the label `current` cannot be written; `position` is its place in the image's array.
    pub(super) fn refusal(
        &self,
        locked: &BTreeSet<u16>,
        voxel: [usize; 3],
        position: usize,
        current: u16,
    ) -> Option<Refusal> {
        let painted_over = match (self.action, &self.over) {
            (Action::Erase, _) => current == self.label,
            (Action::EraseAny, _) | (_, PaintOver::AllUnlocked) => true,
            (_, PaintOver::BackgroundOnly) => current == 0,
            (_, PaintOver::Chosen(chosen)) => chosen.contains(&current),
        };
        let within = |limits: &Limits| limits.range.contains(&limits.image.volume.voxels[position]);
        if self.region.is_some_and(|region| !region.contains(voxel)) {
            Some(Refusal::OutsideRegion)
        } else if current == self.value() {
            Some(Refusal::Unchanged)
        } else if locked.contains(&current) {
            Some(Refusal::LabelLocked(current))
        } else if !painted_over && self.action == Action::Erase {
            Some(Refusal::NotErased(current))
        } else if !painted_over {
            Some(Refusal::NotPaintedOver(current))
        } else if !self.limits.as_ref().is_none_or(within) {
            Some(Refusal::OutsideLimits)
        } else {
            None
        }
    }
}
