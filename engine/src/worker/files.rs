//! The room that opens, compares and saves.

use super::{Event, Fitted, Job, Outbox, Payload, Request};
use crate::agreement::reconcile;
use crate::labels::Names;
use crate::nifti::{self, Scan};
use crate::{Result, metrics, pairing};
use std::sync::Arc;

/// Answers a request about files.
pub fn answer(job: &Job, _: &Outbox) -> Result<Event> {
    let ticket = job.ticket;
    Ok(match &job.request {
        Request::Open { path, frame } => Event::Opened(ticket, Arc::new(Scan::open(path, *frame)?)),
        Request::List { paths } => Event::Listed(ticket, pairing::expand(paths)?),
        Request::Fit { label, image, geometry } => {
            // Of a series, the plan has shown which volume is taken.
            let map = reconcile(&image.volume.grid, label.labels_of_volume()?, *geometry)?;
            let (counts, names) = (map.counts(), Names::beside(&label.path));
            Event::Fitted(ticket, Fitted { map: Arc::new(map), counts, names })
        }
        Request::Compare { prediction, truth } => {
            Event::Compared(ticket, metrics::compare(prediction, truth)?)
        }
        Request::Save { path, what, like } => {
            match what {
                Payload::Labels(labels) => nifti::write_labels(path, labels, like)?,
                Payload::Image(volume) => nifti::write_image(path, volume, like)?,
            }
            Event::Saved(ticket, path.clone())
        }
        Request::Prepare { .. } | Request::Segment { .. } | Request::Transform { .. } => {
            unreachable!("sent to the network's room")
        }
    })
}
