//! The one thread that touches the device: it owns the model, carries tasks out one after the other, and is left to itself
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

/// How long a device may keep silent.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Between two steps.
    pub between_steps: Duration,
    /// After the user asked to stop.
    pub after_stop: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { between_steps: SILENCE, after_stop: Duration::from_secs(5) }
    }
}

/// How a task ended badly.
pub enum Failure {
    /// With an error.
    Error(Error),
    /// In a panic, with what it carried.
    Panic(Box<dyn Any + Send>),
    /// Never: no step was reported for as long as timeouts lasted.
    Hung,
}

/// Handle of the thread; dropping it waits for the thread, which is idle then.
pub struct DeviceThread {
    tasks: Option<Sender<Task>>,
    thread: Option<JoinHandle<()>>,
}

type Task = Box<dyn FnOnce(&mut Option<Model>) + Send>;

/// What a task tells.
enum Told<T> {
    Progress(Progress),
    End(std::thread::Result<Result<T>>),
}

/// Whether the model or its device is to blame, or may be, so that both are needed anew.
pub fn may_be_the_devices(error: &Error) -> bool {
    matches!(error, Error::Memory { .. } | Error::TooLarge { .. } | Error::Device(_))
}

/// How often the observer is asked whether to go on while nothing moves.
const ASK: Duration = Duration::from_millis(200);

impl DeviceThread {
    /// A thread without a model.
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

    /// Carries a task out, waiting for as long as `timeouts` lasts (None: for ever). The observer is told of each step,
    /// at first of `progress`, and asked again while nothing moves, so that stopping works then too. After a failure that
    /// may be the device's the thread holds no model.
    pub fn carry_out<T: Send + 'static>(
        &mut self,
        timeouts: Option<Timeouts>,
        mut progress: Progress,
        observer: &mut Observer,
        work: impl FnOnce(&mut Option<Model>, &mut Observer) -> Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (tell, told) = unbounded();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let task = move |model: &mut Option<Model>| {
            let mut report = |progress| {
                // Nobody listens to a task that was given up.
                tell.send(Told::Progress(progress)).ok();
                if stopped.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
            };
            let end = catch_unwind(AssertUnwindSafe(|| work(model, &mut report)));
            if !end.as_ref().is_ok_and(|end| !end.as_ref().is_err_and(may_be_the_devices)) {
                // What belongs to a lost device may panic once more as it goes.
                catch_unwind(AssertUnwindSafe(|| *model = None)).ok();
            }
            tell.send(Told::End(end)).ok();
        };
        let tasks = self.tasks.as_ref().expect("a thread that hangs gets no task");
        tasks.send(Box::new(task)).expect("the thread lives as long as its handle");
        let (mut since, mut ordered) = (Instant::now(), None);
        loop {
            match told.recv_timeout(ASK) {
                Ok(Told::Progress(next)) => (progress, since) = (next, Instant::now()),
                Ok(Told::End(end)) => {
                    // What the observer said stands for the error that stopping became.
                    return match (end, ordered) {
                        (Ok(Err(Error::Cancelled)), Some((error, _))) => Err(Failure::Error(error)),
                        (Ok(ended), _) => ended.map_err(Failure::Error),
                        (Err(panic), _) => Err(Failure::Panic(panic)),
                    };
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => unreachable!("a task tells its end"),
            }
            if ordered.is_none()
                && let Err(error) = observer(progress.clone())
            {
                stop.store(true, Ordering::Relaxed);
                ordered = Some((error, Instant::now()));
            }
            let Some(timeouts) = timeouts else { continue };
            let ignored = ordered.as_ref().is_some_and(|(_, at)| at.elapsed() > timeouts.after_stop);
            if ignored || since.elapsed() > timeouts.between_steps {
                // Should it ever wake up, it stops at its next step.
                stop.store(true, Ordering::Relaxed);
                self.thread = None;
                return Err(ordered.map_or(Failure::Hung, |(error, _)| Failure::Error(error)));
            }
        }
    }

    /// Whether the thread was left to itself.
    pub fn is_given_up(&self) -> bool {
        self.thread.is_none()
    }
}

impl Drop for DeviceThread {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // Tasks catch their panics, so the thread ends by leaving its loop.
            thread.join().ok();
        }
    }
}
