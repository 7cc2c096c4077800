//! A lane: one named thread that carries out requests of one type, one after the other.

use super::protocol::{Event, Failure, Outcome};
use crossbeam_channel::{Sender, unbounded};
use imaging::{CancelToken, Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Where events go.
#[derive(Clone)]
pub struct EventSender {
    pub events: Sender<Event>,
    /// Called after each event.
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

impl EventSender {
    fn send(&self, event: Event) {
        // The receiver is gone only while the window closes; nobody waits for the answer then.
        self.events.send(event).ok();
        (self.wake)();
    }
}

/// A request on its way, with the name under which its answer comes back.
struct Queued<Name, Request> {
    name: Name,
    cancel: CancelToken,
    request: Request,
}

/// Dropping it waits for all that was sent to end.
pub struct Lane<Name, Request> {
    sender: Option<Sender<Queued<Name, Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl<Name: Send + 'static, Request: Send + 'static> Lane<Name, Request> {
    /// Starts the thread, which ends every request in one event.
    pub fn start(
        thread: &str,
        sender: EventSender,
        mut carry_out: impl FnMut(Name, Request, &CancelToken) -> Event + Send + 'static,
    ) -> Self {
        let (requests, queue) = unbounded::<Queued<Name, Request>>();
        let work = move || {
            for Queued { name, cancel, request } in queue {
                sender.send(carry_out(name, request, &cancel));
            }
        };
        let thread = std::thread::Builder::new().name(thread.into()).spawn(work);
        Self { sender: Some(requests), thread: Some(thread.expect("the system can start a thread")) }
    }

    /// Queues a request.
    pub fn send(&self, name: Name, request: Request, cancel: CancelToken) {
        let sender = self.sender.as_ref().expect("the sender lives as long as the lane");
        let sent = sender.send(Queued { name, cancel, request });
        assert!(sent.is_ok(), "the thread lives as long as the lane");
    }
}

impl<Name, Request> Drop for Lane<Name, Request> {
    fn drop(&mut self) {
        self.sender = None;
        // `attempt` catches panics, so the thread ends by leaving its loop.
        self.thread.take().map(JoinHandle::join);
    }
}

/// The outcome of `work`, unless it was cancelled before; a panic becomes a failure.
pub fn attempt<T>(cancel: &CancelToken, work: impl FnOnce() -> Result<T>) -> Outcome<T> {
    let attempted = catch_unwind(AssertUnwindSafe(|| {
        cancel.check()?;
        work()
    }));
    match attempted {
        Ok(result) => result.map_err(|error| match error {
            Error::Cancelled => Failure::Cancelled,
            error => Failure::Engine(error),
        }),
        Err(_) => Err(Failure::Panic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::JobId;
    use crossbeam_channel::Receiver;
    use std::path::PathBuf;

    fn lane(
        mut work: impl FnMut() -> Result<PathBuf> + Send + 'static,
    ) -> (Lane<JobId, ()>, Receiver<Event>) {
        let (events, received) = unbounded();
        let sender = EventSender { events, wake: Arc::new(|| ()) };
        let carry_out = move |id, (), cancel: &_| Event::Saved(id, attempt(cancel, &mut work));
        (Lane::start("exemplar-test", sender, carry_out), received)
    }

    #[test]
    fn a_panic_is_a_failure_and_the_next_request_is_carried_out() {
        let mut first = true;
        let (lane, events) = lane(move || {
            assert!(!std::mem::take(&mut first), "a fault of the program");
            Ok(PathBuf::new())
        });
        for id in [1, 2] {
            lane.send(id, (), CancelToken::default());
        }
        assert!(matches!(events.recv().unwrap(), Event::Saved(1, Err(Failure::Panic))));
        assert!(matches!(events.recv().unwrap(), Event::Saved(2, Ok(_))));
    }

    #[test]
    fn what_is_cancelled_before_it_starts_is_not_started() {
        let (lane, events) = lane(|| panic!("it was cancelled"));
        let closing = CancelToken::default();
        closing.cancel();
        lane.send(7, (), closing.child());
        assert!(matches!(events.recv().unwrap(), Event::Saved(7, Err(Failure::Cancelled))));
    }

    #[test]
    fn dropping_a_lane_waits_for_what_was_sent() {
        let (lane, events) = lane(|| Ok(PathBuf::new()));
        (0..100).for_each(|id| lane.send(id, (), CancelToken::default()));
        drop(lane);
        assert_eq!(events.try_iter().count(), 100);
    }
}
