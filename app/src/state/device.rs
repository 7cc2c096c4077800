//! Device and model, and what a run with them is expected to take.

use super::State;
use crate::jobs::{DeviceSummary, Job};
use inference::pipeline::{comfortable, volumes_bytes};

/// Device and model.
pub enum DeviceState {
    /// Being chosen and tested.
    Preparing(Job),
    /// At work.
    Ready(Box<DeviceSummary>),
    /// Not available; the sentence was shown.
    Failed,
}

impl DeviceState {
    /// What is known of it.
    pub fn summary(&self) -> Option<&DeviceSummary> {
        match self {
            Self::Ready(summary) => Some(summary),
            _ => None,
        }
    }

    /// Whether a run may be asked for: also while it prepares, since requests wait their turn.
    pub fn is_usable(&self) -> bool {
        !matches!(self, Self::Failed)
    }
}

impl State {
    /// Examples read at once: what the user chose, else as many as comfortably fit into memory.
    pub fn at_once(&self) -> usize {
        let comfortable = || {
            let Some(summary) = self.device.summary() else { return 1 };
            let predicted = |at_once: usize| self.predicted_bytes(at_once).unwrap_or(usize::MAX / 2);
            comfortable(self.most_at_once(), summary.memory_bytes, predicted)
        };
        self.settings.mini_context.unwrap_or_else(comfortable).clamp(1, self.most_at_once())
    }

    /// Bytes that are expected to be held at the peak of a run with so many examples at once: on a card by the network;
    /// in the computer's memory by the network, the scans of the document, and what is made of them.
    pub fn predicted_bytes(&self, at_once: usize) -> Option<usize> {
        let summary = self.device.summary()?;
        let by_pairs = &summary.predicted_bytes;
        let pairs = self.examples_on().count().clamp(1, by_pairs.len());
        let network = by_pairs.get(pairs - 1)?.get(at_once - 1)?;
        let Some(target) = self.target().filter(|_| !summary.card) else { return Some(*network) };
        let examples = self.examples_on().map(|example| &example.image().volume.grid);
        Some(network + volumes_bytes::<u16>(summary.grid, &target.volume.grid, examples, 0))
    }

    /// Right end of the slider.
    pub fn most_at_once(&self) -> usize {
        let worth = self.device.summary().map_or(1, |summary| summary.most_at_once);
        self.examples_on().count().clamp(1, worth)
    }
}
