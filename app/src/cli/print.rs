//! Text on stdout and stderr. `println!` panics if a stream is closed or its disk is full. Here such a failure is an
//! error of the command for stdout, and is ignored for stderr, since it cannot be reported there.

use anyhow::{Error, Result, anyhow};
use std::fmt::{self, Display};
use std::io::{self, ErrorKind, Write, stderr, stdout};

/// The reader of stdout has closed it: not a fault of the command, which ends without a message.
#[derive(Debug)]
pub struct Closed;

impl Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Nobody reads the output.")
    }
}

impl std::error::Error for Closed {}

/// Writes to stdout and flushes it.
///
/// # Errors
/// [`Closed`], or the system's error.
pub fn to_stdout(text: fmt::Arguments) -> Result<()> {
    let mut stdout = stdout().lock();
    stdout.write_fmt(text).and_then(|()| stdout.flush()).map_err(failed)
}

/// Converts an error of stdout.
pub fn failed(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::BrokenPipe => Closed.into(),
        ErrorKind::StorageFull => {
            anyhow!("The output cannot be written: there is no space left on its disk.")
        }
        _ => anyhow!("The output cannot be written: {error}."),
    }
}

/// Writes to stderr; failures are ignored.
pub fn to_stderr(text: fmt::Arguments) {
    stderr().write_fmt(text).ok();
}

/// Prints a line on stdout; returns a `Result`.
macro_rules! out {
    ($($text:tt)*) => { $crate::cli::print::to_stdout(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints a line on stderr.
macro_rules! note {
    ($($text:tt)*) => { $crate::cli::print::to_stderr(format_args!("{}\n", format_args!($($text)*))) };
}

pub(crate) use {note, out};
