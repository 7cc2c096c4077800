//! Why a file cannot be read, before its name is known.

use crate::Error;
use std::io;
use std::path::Path;

/// A failure inside the readers; [`Fault::at`] adds the file.
#[derive(Debug)]
pub(super) enum Fault {
    /// The operating system, or a stream that ends or breaks.
    Io(io::Error),
    /// A message without the name of the file.
    Refused(String),
    /// A failure that no file caused, such as [`Error::Memory`].
    Other(Error),
}

/// Result inside the readers.
pub(super) type Checked<T> = Result<T, Fault>;

impl Fault {
    /// The error that the user sees.
    pub fn at(self, path: &Path) -> Error {
        let problem = match self {
            Self::Refused(message) => message,
            Self::Other(error) => return error,
            Self::Io(source) => match source.kind() {
                io::ErrorKind::UnexpectedEof => {
                    "the file is truncated (its data end too early); copy or download it again.".into()
                }
                // flate2 reports broken streams and wrong checksums with these two kinds.
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => format!(
                    "the file is damaged, its compressed data do not fit together ({source}); copy or download \
                     it again."
                ),
                _ => return Error::Io { path: path.into(), source },
            },
        };
        Error::File { path: path.into(), problem }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        // A stream that was cancelled carries our own error.
        error.downcast().map_or_else(Self::Io, Self::Other)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

pub(super) fn refuse<T>(message: impl Into<String>) -> Checked<T> {
    Err(Fault::Refused(message.into()))
}
