//! The room that owns the device and the model; all tensor work happens on its thread.

use super::{DeviceSummary, Event, Job, Outbox, Request};
use crate::network::{Device, DeviceChoice, Model};
use crate::pipeline::{self, Stage};
use crate::{Result, memory};
use std::path::PathBuf;

/// What was asked for last, and the model on its device once it is loaded.
#[derive(Default)]
pub struct Room {
    choice: (DeviceChoice, Option<PathBuf>),
    model: Option<Model>,
}

impl Room {
    /// Answers a request for the network.
    pub fn answer(&mut self, job: &Job, outbox: &Outbox) -> Result<Event> {
        let ticket = job.ticket;
        if let Request::Prepare { device, model } = &job.request {
            self.choice = (*device, model.clone());
            let model = self.load()?;
            let summary = summarise(&model);
            self.model = Some(model);
            return Ok(Event::Ready(ticket, summary));
        }
        // Taken out while it works: after a panic (a lost device, say) the next job starts from a fresh one.
        let model = match self.model.take() {
            Some(model) => model,
            None => self.load()?,
        };
        let mut observer = |stage: Stage| {
            let fraction = stage.fraction();
            outbox.send(Event::Progress(ticket, stage, fraction));
            job.check()
        };
        let answer = match &job.request {
            Request::Segment { target, examples, options } => {
                pipeline::segment(&model, target, examples, options, &mut observer)
                    .map(|done| Event::Segmented(ticket, Box::new(done)))
            }
            Request::Transform { target, examples, options } => {
                pipeline::transform(&model, target, examples, options, &mut observer)
                    .map(|done| Event::Transformed(ticket, Box::new(done)))
            }
            _ => unreachable!("sent to the files' room"),
        };
        // Between jobs the buffers belong to whoever else needs memory.
        model.rest();
        self.model = Some(model);
        answer
    }

    fn load(&mut self) -> Result<Model> {
        self.model = None;
        let device = Device::choose(self.choice.0, None)?;
        match &self.choice.1 {
            Some(path) => Model::open(path, &device),
            None => Model::bundled(&device),
        }
    }
}

/// Right end of the window's slider on a graphics card.
const MOST_AT_ONCE: usize = 8;

fn summarise(model: &Model) -> DeviceSummary {
    let side = model.info.grid.unwrap_or(pipeline::DEFAULT_GRID);
    DeviceSummary {
        device: model.device().name.clone(),
        notes: model.device().notes.clone(),
        model: model.info.clone(),
        memory_bytes: memory::within_reach_bytes(),
        most_at_once: model.at_once(MOST_AT_ONCE),
        predicted_bytes: (1..=MOST_AT_ONCE).map(|l| model.predicted_bytes(side, l)).collect(),
    }
}
