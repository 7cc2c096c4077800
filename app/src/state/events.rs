//! What becomes of each job that ends.

use super::{DeviceState, Platform, State, messages};
use crate::jobs::{DeviceSummary, Event, JobId, Outcome};

impl State {
    /// A job has ended. The result of one that is not wanted any more is ignored.
    pub fn on_event(&mut self, event: Event, platform: &mut Platform) {
        match event {
            Event::Listed(id, outcome) => self.listed(id, outcome, platform),
            Event::Probed(id, outcome) => self.probed(id, outcome, platform),
            Event::Opened(id, outcome) => self.target_opened(id, outcome, platform),
            Event::Conformed(id, outcome) => self.labels_opened(id, outcome),
            Event::Saved(id, outcome) => self.saved(id, outcome),
            Event::Analysed(key, outcome) => self.analysed(&key, outcome),
            Event::Ready(id, outcome) => self.device_ready(id, outcome),
            Event::Segmented(id, outcome) => self.run_ended(id, outcome),
        }
        self.settle(platform);
    }

    fn device_ready(&mut self, id: JobId, outcome: Outcome<Box<DeviceSummary>>) {
        if !matches!(&self.device, DeviceState::Preparing(job) if job.id == id) {
            return;
        }
        self.device = match outcome {
            Ok(summary) => DeviceState::Ready(summary),
            Err(failure) => {
                self.warn(messages::failure(&failure));
                DeviceState::Failed
            }
        };
    }
}
