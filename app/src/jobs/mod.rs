//! Background work: three named threads, typed requests, typed events.
//!
//! `exemplar-files` opens and compares, `exemplar-save` saves, so that an export waits for no load; `exemplar-network`
//! runs jobs in a session, whose own thread owns the model.
//! Every request carries a ticket and ends in exactly one terminal event with that ticket: what was asked for,
//! `Failed` with one sentence (also after a panic), or `Cancelled`.

mod compute;
mod io;
mod protocol;

pub use protocol::{DeviceSummary, Event, Fitted, Image, JobId, Payload, Probe, Request};

use crossbeam_channel::{Receiver, Sender, unbounded};
use imaging::{Error, Result};
use inference::runner::Timeouts;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Handle of the background threads; dropping it cancels what runs and waits for the threads to end.
pub struct Worker {
    /// Answers, in order for each ticket.
    pub events: Receiver<Event>,
    files: Option<Sender<Job>>,
    save: Option<Sender<Job>>,
    network: Option<Sender<Job>>,
    next_ticket: AtomicU64,
    stops: Stops,
    threads: Vec<JoinHandle<()>>,
}

/// Stop flags of the requests that have not ended.
type Stops = Arc<Mutex<HashMap<JobId, Arc<AtomicBool>>>>;

/// A request on its way.
struct Job {
    ticket: JobId,
    stop: Arc<AtomicBool>,
    request: Request,
}

/// Where answers go.
#[derive(Clone)]
struct EventSender {
    events: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl EventSender {
    fn send(&self, event: Event) {
        // A run reports many times a second; the window looks at its own pace, since each frame costs time of the run.
        let urgent = !matches!(event, Event::Progress(..));
        // The receiver is gone only while the window closes; nobody waits for the answer then.
        self.events.send(event).ok();
        if urgent {
            (self.wake)();
        }
    }
}

impl Job {
    /// An error when the user asked to stop.
    fn check(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}

impl Worker {
    /// Starts the threads; `wake` is called after each event but progress (the window asks for a repaint).
    pub fn start(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self::patient(Timeouts::default(), wake)
    }

    /// The same, with a limit to how long a graphics card may keep silent.
    pub fn patient(timeouts: Timeouts, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (sender, events) = unbounded();
        let outbox = EventSender { events: sender, wake: Arc::new(wake) };
        let stops = Stops::default();
        let (files, files_thread) = room("exemplar-files", outbox.clone(), stops.clone(), io::answer);
        let (save, save_thread) = room("exemplar-save", outbox.clone(), stops.clone(), io::answer);
        let mut room_state = compute::Room::new(timeouts);
        let (network, network_thread) =
            room("exemplar-network", outbox, stops.clone(), move |job, outbox| {
                room_state.answer(job, outbox)
            });
        Self {
            events,
            files: Some(files),
            save: Some(save),
            network: Some(network),
            next_ticket: AtomicU64::new(1),
            stops,
            threads: vec![files_thread, save_thread, network_thread],
        }
    }

    /// Asks for something.
    pub fn send(&self, request: Request) -> JobId {
        let ticket = self.next_ticket.fetch_add(1, Ordering::Relaxed);
        let stop = Arc::new(AtomicBool::new(false));
        // A file that is being saved is saved, also when the window closes in the meantime.
        if !matches!(request, Request::Save { .. }) {
            lock(&self.stops).insert(ticket, stop.clone());
        }
        let room = match request {
            Request::Prepare { .. } | Request::Segment { .. } | Request::Transform { .. } => &self.network,
            Request::Save { .. } => &self.save,
            _ => &self.files,
        };
        let sender = room.as_ref().expect("the senders live until the worker is dropped");
        sender.send(Job { ticket, stop, request }).expect("the threads live until the worker is dropped");
        ticket
    }

    /// Stops the request with this ticket at its next step; nothing happens when it has ended.
    pub fn cancel(&self, ticket: JobId) {
        if let Some(stop) = lock(&self.stops).get(&ticket) {
            stop.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        for stop in lock(&self.stops).values() {
            stop.store(true, Ordering::Relaxed);
        }
        self.files = None;
        self.save = None;
        self.network = None;
        for thread in self.threads.drain(..) {
            // Jobs catch their panics, so a thread ends by leaving its loop.
            thread.join().ok();
        }
    }
}

fn lock(stops: &Stops) -> MutexGuard<'_, HashMap<JobId, Arc<AtomicBool>>> {
    stops.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A named thread that answers jobs one after the other with one terminal event each.
fn room(
    name: &str,
    outbox: EventSender,
    stops: Stops,
    mut answer: impl FnMut(&Job, &EventSender) -> Result<Event> + Send + 'static,
) -> (Sender<Job>, JoinHandle<()>) {
    let (sender, jobs) = unbounded::<Job>();
    let work = move || {
        for job in jobs {
            let ticket = job.ticket;
            let answered =
                catch_unwind(AssertUnwindSafe(|| job.check().and_then(|()| answer(&job, &outbox))));
            lock(&stops).remove(&ticket);
            outbox.send(match answered {
                Ok(Ok(event)) => event,
                Ok(Err(Error::Cancelled)) => Event::Cancelled(ticket),
                Ok(Err(error)) => Event::Failed(ticket, error.to_string()),
                Err(_) => Event::Failed(
                    ticket,
                    "The program met an error of its own and stopped this step; nothing of yours was changed. \
                     Try again, and report it if it comes back."
                        .into(),
                ),
            });
        }
    };
    let thread = std::thread::Builder::new().name(name.into()).spawn(work);
    (sender, thread.expect("the system can start a thread"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::time::Duration;

    fn probe(path: &str) -> Request {
        Request::Probe { path: PathBuf::from(path), values: false }
    }

    #[test]
    fn a_failed_request_answers_once_with_its_ticket() {
        let worker = Worker::start(|| ());
        let ticket = worker.send(probe("no such file.nii"));
        let event = worker.events.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(
            matches!(event, Event::Failed(t, sentence) if t == ticket && sentence.contains("no such file.nii"))
        );
        assert!(worker.events.recv_timeout(Duration::from_millis(50)).is_err());
    }

    #[test]
    fn a_panic_becomes_a_sentence_and_the_next_job_runs() {
        let (events, received) = unbounded();
        let outbox = EventSender { events, wake: Arc::new(|| ()) };
        let mut first = true;
        let (jobs, thread) = room("exemplar-test", outbox, Stops::default(), move |job, _| {
            assert!(!std::mem::take(&mut first), "a fault of the program");
            Ok(Event::Saved(job.ticket, PathBuf::new()))
        });
        for ticket in [1, 2] {
            let stop = Arc::new(AtomicBool::new(false));
            jobs.send(Job { ticket, stop, request: probe("") }).unwrap();
        }
        assert!(matches!(received.recv().unwrap(), Event::Failed(1, _)));
        assert!(matches!(received.recv().unwrap(), Event::Saved(2, _)));
        drop(jobs);
        thread.join().unwrap();
    }

    #[test]
    fn progress_wakes_nobody() {
        let (events, received) = unbounded();
        let woken = Arc::new(AtomicU64::new(0));
        let count = woken.clone();
        let wake = Arc::new(move || _ = count.fetch_add(1, Ordering::Relaxed));
        let outbox = EventSender { events, wake };
        let (jobs, thread) = room("exemplar-test", outbox, Stops::default(), |job, outbox| {
            for _ in 0..5 {
                outbox.send(Event::Progress(job.ticket, inference::pipeline::Stage::Restoring, 0.5));
            }
            Ok(Event::Computed(job.ticket))
        });
        jobs.send(Job { ticket: 1, stop: Arc::new(AtomicBool::new(false)), request: probe("") }).unwrap();
        drop(jobs);
        thread.join().unwrap();
        assert_eq!((received.iter().count(), woken.load(Ordering::Relaxed)), (6, 1));
    }

    #[test]
    fn what_is_cancelled_before_it_starts_is_not_started() {
        let (events, received) = unbounded();
        let outbox = EventSender { events, wake: Arc::new(|| ()) };
        let (jobs, thread) = room("exemplar-test", outbox, Stops::default(), |_, _| unreachable!());
        jobs.send(Job { ticket: 7, stop: Arc::new(AtomicBool::new(true)), request: probe("") }).unwrap();
        assert!(matches!(received.recv().unwrap(), Event::Cancelled(7)));
        drop(jobs);
        thread.join().unwrap();
    }
}
