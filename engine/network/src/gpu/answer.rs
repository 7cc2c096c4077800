//! Waiting for the card, with a timeout.

use crate::SILENCE;
use imaging::{Error, Result};
use std::fmt::Display;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::Thread;
use std::time::Instant;

/// Waits for a result of the card.
///
/// # Errors
/// [`Error::Device`] when the card reports a failure, or nothing within [`SILENCE`].
pub fn wait<T, E: Display>(answer: impl Future<Output = Result<T, E>>) -> Result<T> {
    let mut answer = pin!(answer);
    let waker = Arc::new(Sleeper(std::thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let end = Instant::now() + SILENCE;
    loop {
        let polled = unharmed(|| Ok(answer.as_mut().poll(&mut context)))?;
        if let Poll::Ready(answer) = polled {
            return answer.map_err(|error| lost(&error));
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::Device(
                "The graphics card does not answer. If it stays so, restart the computer.".into(),
            ));
        }
        std::thread::park_timeout(left);
    }
}

/// Wakes the waiting thread.
struct Sleeper(Thread);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Converts panics of the runtime, such as on an asynchronous error of the driver, into errors.
pub fn unharmed<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(lost(&text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it gave no reason")))
    })
}

/// The error for a failure of the card, with the first meaningful lines of its report, which may be very long.
pub fn lost(error: &dyn Display) -> Error {
    let report = error.to_string();
    let lines =
        report.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("Backtrace"));
    let reason: Vec<&str> = lines.take(3).collect();
    Error::Device(format!("The graphics card failed: {}.", reason.join(" ").trim_end_matches('.')))
}
