//! Text on stdout and stderr. `println!` panics where a stream is closed or its disk full; here that is an error of the
//! command for stdout, and nothing for stderr, where nobody could be told of it.

use anyhow::{Error, Result, anyhow};
use std::fmt::{self, Display};
use std::io::{self, ErrorKind, Write, stderr, stdout};

/// Whoever read stdout has gone: no fault of the command, which ends without a word.
#[derive(Debug)]
pub struct Closed;

impl Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Nobody reads the output.")
    }
}

impl std::error::Error for Closed {}

/// Writes to stdout at once.
///
/// # Errors
/// [`Closed`], or the system's refusal.
pub fn to_stdout(text: fmt::Arguments) -> Result<()> {
    let mut stdout = stdout().lock();
    stdout.write_fmt(text).and_then(|()| stdout.flush()).map_err(failed)
}

/// What became of stdout.
pub fn failed(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::BrokenPipe => Closed.into(),
        ErrorKind::StorageFull => {
            anyhow!("The output cannot be written: there is no space left on its disk.")
        }
        _ => anyhow!("The output cannot be written: {error}."),
    }
}

/// Writes to stderr, where that can be written.
pub fn to_stderr(text: fmt::Arguments) {
    stderr().write_fmt(text).ok();
}

/// A line on stdout; a `Result`.
macro_rules! out {
    ($($text:tt)*) => { $crate::cli::print::to_stdout(format_args!("{}\n", format_args!($($text)*))) };
}

/// A line on stderr.
macro_rules! note {
    ($($text:tt)*) => { $crate::cli::print::to_stderr(format_args!("{}\n", format_args!($($text)*))) };
}

pub(crate) use {note, out};
