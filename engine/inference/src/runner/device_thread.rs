//! The one thread that touches the device: it owns the model, carries out tasks one after another, and is abandoned
//! when the device never answers.

use crate::pipeline::{Observer, Progress};
use crossbeam_channel::{RecvTimeoutError, Sender, unbounded};
use imaging::{Error, Result};
use network::{Model, SILENCE};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a device may report no progress.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Between two reported steps.
    pub between_steps: Duration,
    /// After a stop was requested.
    pub after_stop: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { between_steps: SILENCE, after_stop: Duration::from_secs(5) }
    }
}

/// Why a task failed.
pub enum Failure {
    /// An error that the task returned.
    Error(Error),
    /// A panic, with its payload.
    Panic(Box<dyn Any + Send>),
    /// The task never ended: no step was reported within the timeouts.
    Hung,
}

/// Handle of the thread. Dropping it joins the thread, which is idle by then.
pub struct DeviceThread {
    tasks: Option<Sender<Task>>,
    thread: Option<JoinHandle<()>>,
}

type Task = Box<dyn FnOnce(&mut Option<Model>) + Send>;

/// What a task sends to the caller of [`DeviceThread::carry_out`].
enum Message<T> {
    Progress(Progress),
    End(std::thread::Result<Result<T>>),
}

/// Whether the model or its device may have caused the error, so that both must be created again.
pub fn may_be_the_devices(error: &Error) -> bool {
    matches!(error, Error::Memory { .. } | Error::TooLarge { .. } | Error::Device(_))
}

/// Interval at which the observer may cancel a task that reports no progress.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

impl DeviceThread {
    /// Starts the thread; it holds no model yet.
    pub fn start() -> Self {
        let (sender, tasks) = unbounded::<Task>();
        let work = move || {
            let mut model = None;
            for task in tasks {
                task(&mut model);
            }
        };
        let thread = std::thread::Builder::new().name("exemplar-device".into()).spawn(work);
        Self { tasks: Some(sender), thread: Some(thread.expect("the system can start a thread")) }
    }

    /// Runs a task and waits within `timeouts` (`None`: without a limit). The observer receives each step, `progress`
    /// first. While no step arrives, it receives the last one again at each poll, so that it can cancel then too.
    /// After a failure that the device may have caused, the thread holds no model.
    pub fn carry_out<T: Send + 'static>(
        &mut self,
        timeouts: Option<Timeouts>,
        mut progress: Progress,
        observer: &mut Observer,
        work: impl FnOnce(&mut Option<Model>, &mut Observer) -> Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (sender, messages) = unbounded();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let task = move |model: &mut Option<Model>| {
            let mut report = |progress| {
                // The receiver is gone once the task is abandoned.
                sender.send(Message::Progress(progress)).ok();
                if stopped.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
            };
            let end = catch_unwind(AssertUnwindSafe(|| work(model, &mut report)));
            if !end.as_ref().is_ok_and(|end| !end.as_ref().is_err_and(may_be_the_devices)) {
                // Objects of a lost device may panic again when they are dropped.
                catch_unwind(AssertUnwindSafe(|| *model = None)).ok();
            }
            sender.send(Message::End(end)).ok();
        };
        let tasks = self.tasks.as_ref().expect("an abandoned thread gets no task");
        tasks.send(Box::new(task)).expect("the thread lives as long as its handle");
        let (mut since, mut cancelled) = (Instant::now(), None);
        loop {
            match messages.recv_timeout(POLL_INTERVAL) {
                Ok(Message::Progress(next)) => (progress, since) = (next, Instant::now()),
                Ok(Message::End(end)) => {
                    // The observer's own error replaces the `Cancelled` that it caused.
                    return match (end, cancelled) {
                        (Ok(Err(Error::Cancelled)), Some((error, _))) => Err(Failure::Error(error)),
                        (Ok(ended), _) => ended.map_err(Failure::Error),
                        (Err(panic), _) => Err(Failure::Panic(panic)),
                    };
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("a task sends its end"),
            }
            if cancelled.is_none()
                && let Err(error) = observer(progress.clone())
            {
                stop.store(true, Ordering::Relaxed);
                cancelled = Some((error, Instant::now()));
            }
            let Some(timeouts) = timeouts else { continue };
            let ignored = cancelled.as_ref().is_some_and(|(_, at)| at.elapsed() > timeouts.after_stop);
            if ignored || since.elapsed() > timeouts.between_steps {
                // If the thread ever resumes, it stops at its next step.
                stop.store(true, Ordering::Relaxed);
                self.thread = None;
                return Err(cancelled.map_or(Failure::Hung, |(error, _)| Failure::Error(error)));
            }
        }
    }

    /// Whether the thread was abandoned because the device did not answer.
    pub fn is_given_up(&self) -> bool {
        self.thread.is_none()
    }
}

impl Drop for DeviceThread {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // Tasks catch their panics, so the thread ends when its channel closes.
            thread.join().ok();
        }
    }
}
