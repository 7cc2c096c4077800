//! Lane `compute`: the network at work on its device.

use super::Progress;
use super::lane::attempt;
use super::protocol::{Compute, DeviceSummary, Event, JobId, Prediction};
use crate::document::Bricks;
use imaging::{CancelToken, memory};
use inference::pipeline::{self, MOST_AT_ONCE};
use inference::runner::{Runner, Setup, Timeouts};
use network::Model;

/// The runner of the model that was loaded last.
pub struct Computer {
    timeouts: Timeouts,
    runner: Runner,
    progress: Progress,
}

impl Computer {
    /// With the default device and weights until others are asked for.
    pub fn new(timeouts: Timeouts, progress: Progress) -> Self {
        Self { timeouts, runner: Runner::new(Setup { timeouts, ..Setup::default() }), progress }
    }

    pub fn carry_out(&mut self, id: JobId, request: Compute, cancel: &CancelToken) -> Event {
        match request {
            Compute::LoadModel { device, model } => {
                let load = || {
                    self.runner = Runner::new(Setup { device, model, timeouts: self.timeouts });
                    self.runner.read(&mut |_| cancel.check(), summarise).map(Box::new)
                };
                Event::Ready(id, attempt(cancel, load))
            }
            Compute::Segment { target, examples, options } => {
                let mut observer = |now| {
                    self.progress.set(id, now);
                    cancel.check()
                };
                let segment = || {
                    let done = self.runner.segment(target, examples, &options, &mut observer)?;
                    let voxels = Bricks::from_label_map(&done.mask);
                    Ok(Box::new(Prediction { voxels, report: done.report }))
                };
                Event::Segmented(id, attempt(cancel, segment))
            }
        }
    }
}

fn summarise(model: &Model) -> DeviceSummary {
    let side = model.info.grid.unwrap_or(pipeline::DEFAULT_GRID);
    let card = model.card_memory();
    let predicted = |pairs| (1..=MOST_AT_ONCE).map(|l| model.predicted_bytes(side, pairs, l)).collect();
    DeviceSummary {
        grid: side,
        device: model.device().name.clone(),
        notes: model.device().notes.clone(),
        model: model.info.clone(),
        memory_bytes: card.map_or_else(memory::within_reach_bytes, |card| card.bytes),
        card: card.is_some(),
        most_at_once: model.useful_mini_context(MOST_AT_ONCE),
        predicted_bytes: (1..=2 * MOST_AT_ONCE).map(predicted).collect(),
    }
}
