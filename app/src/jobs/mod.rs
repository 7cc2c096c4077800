//! Work in the background, on four lanes with a request type each:
//!
//! | lane | what | ends early |
//! | --- | --- | --- |
//! | [`Jobs::read`] | finds, probes and opens files | when cancelled |
//! | [`Jobs::save`] | writes files; waits for no other lane | never: closing the window waits for it |
//! | [`Jobs::analyse`] | scores, volumes, thumbnails | when a later content of the same parts is asked for |
//! | [`Jobs::compute`] | the network | when cancelled |
//!
//! Each job ends in exactly one [`Event`], also after a panic. Progress is a latest value, not a queue.

mod analysis;
mod cache;
mod compute;
mod lane;
mod protocol;
mod read;

pub use analysis::{Analysed, Analysis, AnalysisKey, AnalysisKind, MaskSummary, Pictures};
pub use cache::Cache;
pub use protocol::{
    Compute, ConformedLabels, DeviceSummary, Event, Failure, ImageFile, ImageSource, JobId, Outcome,
    Prediction, Probe, Read, Save,
};

use crate::document::PartId;
use compute::Computer;
use crossbeam_channel::{Receiver, unbounded};
use imaging::io;
use imaging::{CancelToken, Result};
use inference::pipeline;
use inference::runner::Timeouts;
use lane::{EventSender, Lane, attempt};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The lanes. Dropping them cancels what runs, and waits for files that are being saved.
pub struct Jobs {
    /// How jobs ended, in order for each lane.
    pub events: Receiver<Event>,
    // Before the lanes, which wait for their threads when they are dropped.
    closing: Closing,
    read: Lane<JobId, Read>,
    save: Lane<JobId, Save>,
    analysis: Lane<AnalysisKey, Analysis>,
    compute: Lane<JobId, Compute>,
    progress: Progress,
    last_id: JobId,
    /// What was asked last of each analysis of the same parts.
    latest: HashMap<(AnalysisKind, Vec<PartId>), CancelToken>,
}

/// Cancels all jobs but savings when it is dropped.
struct Closing(CancelToken);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A job that was asked for.
#[derive(Debug)]
pub struct Job {
    /// Its name in the event that ends it.
    pub id: JobId,
    cancel: CancelToken,
}

impl Job {
    /// Stops it at its next check. Its event comes all the same.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

/// How far the run is that reported last.
#[derive(Clone, Default)]
struct Progress(Arc<Mutex<Option<(JobId, pipeline::Progress)>>>);

impl Progress {
    fn set(&self, id: JobId, now: pipeline::Progress) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((id, now));
    }

    fn of(&self, id: JobId) -> Option<pipeline::Progress> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.as_ref().filter(|(of, _)| *of == id).map(|(_, progress)| progress.clone())
    }
}

impl Jobs {
    /// Starts the lanes; `wake` is called after each event (the window asks for a repaint).
    pub fn start(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self::with_timeouts(Timeouts::default(), wake)
    }

    /// The same, with a limit to how long a graphics card may keep silent.
    pub fn with_timeouts(timeouts: Timeouts, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (events, received) = unbounded();
        let sender = EventSender { events, wake: Arc::new(wake) };
        let progress = Progress::default();
        let mut computer = Computer::new(timeouts, progress.clone());
        Self {
            events: received,
            closing: Closing(CancelToken::default()),
            read: Lane::start("exemplar-read", sender.clone(), read::carry_out),
            save: Lane::start("exemplar-save", sender.clone(), |id, request, cancel| {
                Event::Saved(id, attempt(cancel, || save(request)))
            }),
            analysis: Lane::start("exemplar-derive", sender.clone(), |key, request, cancel| {
                Event::Analysed(key, attempt(cancel, || analysis::analyse(request, cancel)))
            }),
            compute: Lane::start("exemplar-compute", sender, move |id, request, cancel| {
                computer.carry_out(id, request, cancel)
            }),
            progress,
            last_id: 0,
            latest: HashMap::new(),
        }
    }

    /// Reads files.
    pub fn read(&mut self, request: Read) -> Job {
        let job = self.job();
        self.read.send(job.id, request, job.cancel.clone());
        job
    }

    /// Writes a file. It cannot be cancelled, also not by closing the window.
    pub fn save(&mut self, request: Save) -> JobId {
        let id = self.job().id;
        self.save.send(id, request, CancelToken::default());
        id
    }

    /// Derives something from contents of the document. An analysis of the same kind and parts, but of earlier contents, is
    /// cancelled.
    pub fn analyse(&mut self, key: AnalysisKey, request: Analysis) {
        let parts = key.inputs.iter().map(|&(part, _)| part).collect();
        let cancel = self.closing.0.child();
        if let Some(earlier) = self.latest.insert((key.kind, parts), cancel.clone()) {
            earlier.cancel();
        }
        self.analysis.send(key, request, cancel);
    }

    /// Has the network at work.
    pub fn compute(&mut self, request: Compute) -> Job {
        let job = self.job();
        self.compute.send(job.id, request, job.cancel.clone());
        job
    }

    /// How far a run is; None before its first report.
    pub fn progress(&self, run: &Job) -> Option<pipeline::Progress> {
        self.progress.of(run.id)
    }

    fn job(&mut self) -> Job {
        self.last_id += 1;
        Job { id: self.last_id, cancel: self.closing.0.child() }
    }
}

fn save(Save { path, mask, world_from_voxel, like }: Save) -> Result<PathBuf> {
    io::write_labels(&path, &mask.to_label_map(world_from_voxel)?, &like)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Bricks;
    use std::time::Duration;

    fn next(jobs: &Jobs) -> Event {
        jobs.events.recv_timeout(Duration::from_secs(10)).unwrap()
    }

    #[test]
    fn a_failed_job_ends_once_under_its_name() {
        let mut jobs = Jobs::start(|| ());
        let job = jobs.read(Read::Probe { path: "no such file.nii".into(), values: false });
        let Event::Probed(id, Err(Failure::Engine(error))) = next(&jobs) else { panic!("no failure") };
        assert!(id == job.id && error.to_string().contains("no such file.nii"));
        assert!(jobs.events.recv_timeout(Duration::from_millis(50)).is_err());
    }

    #[test]
    fn an_export_waits_for_no_load_and_a_cancelled_load_is_not_begun() {
        let mut jobs = Jobs::start(|| ());
        let scan = imaging::io::Scan::from_bytes(
            "target.nii.gz",
            include_bytes!("../../../assets/demo/target.nii.gz"),
        );
        let scan = scan.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let [image, path] = ["image.nii.gz", "mask.nii.gz"].map(|name| folder.path().join(name));
        io::write_image(&image, &scan.volume, &scan.header).unwrap();
        let loads: Vec<Job> =
            (0..200).map(|_| jobs.read(Read::Open(ImageFile { path: image.clone(), frame: 0 }))).collect();
        let mask = Bricks::filled(scan.volume.grid.shape, 1);
        let world_from_voxel = scan.volume.grid.world_from_voxel;
        let save = jobs.save(Save { path, mask, world_from_voxel, like: scan.header });
        let mut opened = 0;
        while !matches!(next(&jobs), Event::Saved(id, Ok(_)) if id == save) {
            opened += 1;
        }
        assert!(opened < 200, "the export waited for all loads");
        loads.iter().for_each(Job::cancel);
        let ends = (opened..200).map(|_| next(&jobs));
        let cancelled = ends.filter(|end| matches!(end, Event::Opened(_, Err(Failure::Cancelled)))).count();
        assert!(cancelled > (200 - opened) / 2, "only {cancelled} of {} were not begun", 200 - opened);
    }

    #[test]
    fn only_the_latest_progress_is_kept() {
        let progress = Progress::default();
        for done in 0..3 {
            progress.set(4, pipeline::Progress { stage: pipeline::Stage::Restoring, fraction: done as f32 });
        }
        assert_eq!(progress.of(4).unwrap().fraction, 2.0);
        assert!(progress.of(5).is_none(), "another run has not reported");
    }
}
