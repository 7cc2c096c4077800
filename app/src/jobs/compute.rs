//! The room that has the network at work: it asks the session and tells how far it is.

use super::{DeviceSummary, Event, EventSender, Job, Request};
use imaging::{Result, memory};
use inference::pipeline;
use inference::pipeline::{MOST_AT_ONCE, Progress};
use inference::runner::{Runner, Setup, Timeouts};
use network::Model;

/// The session that was asked for last.
pub struct Room {
    timeouts: Timeouts,
    session: Runner,
}

impl Room {
    /// With the default device and weights until others are asked for.
    pub fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, session: Runner::new(Setup { timeouts, ..Setup::default() }) }
    }

    /// Answers a request for the network.
    pub fn answer(&mut self, job: &Job, outbox: &EventSender) -> Result<Event> {
        let ticket = job.ticket;
        let mut observer = |Progress { stage, fraction }| {
            outbox.send(Event::Progress(ticket, stage, fraction));
            job.check()
        };
        match &job.request {
            Request::Prepare { device, model } => {
                let setup = Setup { device: *device, model: model.clone(), timeouts: self.timeouts };
                self.session = Runner::new(setup);
                let summary = self.session.look(&mut |_| job.check(), summarise)?;
                Ok(Event::Ready(ticket, summary))
            }
            Request::Segment { target, examples, options } => {
                let done = self.session.segment(target.clone(), examples.clone(), options, &mut observer)?;
                Ok(Event::Segmented(ticket, Box::new(done)))
            }
            Request::Transform { target, examples, options } => {
                let done =
                    self.session.transform(target.clone(), examples.clone(), options, &mut observer)?;
                Ok(Event::Transformed(ticket, Box::new(done)))
            }
            _ => unreachable!("sent to the files' room"),
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
