//! The only way to write voxels: from the press of a button to its release, or one application of any other tool.

use super::bricks::Bricks;
use super::delta::VoxelDelta;
use super::document::Document;
use super::ids::{MaskId, PartId};
use super::refusal::Refusal;
use super::rule::WriteRule;
use std::collections::{BTreeMap, BTreeSet};

/// Voxels being written under a [`WriteRule`]. It works on a copy that shares its bricks with the mask, so it costs
/// what it touches, can be drawn while in progress, and is cancelled by dropping it.
#[derive(Clone, Debug)]
pub struct Stroke {
    mask: MaskId,
    rule: WriteRule,
    locked: BTreeSet<u16>,
    before: Bricks,
    now: Bricks,
    refused: BTreeMap<Refusal, usize>,
}

impl Stroke {
    /// Begins to write to a mask in its current state, with the current locks.
    ///
    /// # Errors
    /// [`Refusal`] where nothing can be written at all.
    pub fn begin(document: &Document, mask: MaskId, rule: WriteRule) -> Result<Self, Refusal> {
        let target = document.target().ok_or(Refusal::NoTarget)?;
        let mask = document.mask(mask).ok_or(Refusal::NoPart(PartId::Mask(mask)))?;
        let status = mask.info().status;
        if !status.is_editable() {
            return Err(Refusal::MaskLocked(status));
        }
        let (before, labels) = (mask.voxels().clone(), document.labels());
        if let Some(refusal) = rule.obstacle(labels, &target.scan().volume.grid) {
            return Err(refusal);
        }
        let locked = labels.iter().filter(|(_, label)| label.locked).map(|(value, _)| value).collect();
        Ok(Self { mask: mask.id(), rule, locked, now: before.clone(), before, refused: BTreeMap::new() })
    }

    /// Writes a voxel if the rule allows it.
    pub fn set(&mut self, voxel: [usize; 3]) {
        let refusal = match self.now.get(voxel) {
            Some(current) => {
                let position = self.now.linear(voxel);
                self.rule.refusal(&self.locked, voxel, position, current)
            }
            None => Some(Refusal::BeyondGrid),
        };
        match refusal {
            Some(refusal) => *self.refused.entry(refusal).or_default() += 1,
            None => self.now.set(voxel, self.rule.value()),
        }
    }

    /// Writes every voxel that the rule allows.
    pub fn set_all(&mut self, voxels: impl IntoIterator<Item = [usize; 3]>) {
        voxels.into_iter().for_each(|voxel| self.set(voxel));
    }

    /// The mask as it will be.
    pub fn voxels(&self) -> &Bricks {
        &self.now
    }

    /// What kept most voxels from being written so far, besides having the value already: `Thalamus L is locked` is
    /// worth reporting while the rest of the stroke continues.
    pub fn refusal(&self) -> Option<Refusal> {
        let refused = self.refused.iter().filter(|(refusal, _)| **refusal != Refusal::Unchanged);
        refused.max_by_key(|&(_, voxels)| voxels).map(|(refusal, _)| *refusal)
    }

    /// The changes of the stroke.
    ///
    /// # Errors
    /// Where nothing did: [`Stroke::refusal`], or [`Refusal::Unchanged`].
    pub fn finish(self) -> Result<VoxelDelta, Refusal> {
        let delta = VoxelDelta::between(self.mask, &self.before, &self.now);
        if delta.is_empty() { Err(self.refusal().unwrap_or(Refusal::Unchanged)) } else { Ok(delta) }
    }
}
