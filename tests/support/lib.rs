//! What the integration tests share: fixtures, the built program, and runs of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file below `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// The program that `cargo build --workspace` made.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test.ancestors().nth(2).expect("tests lie two folders below the program");
    let path = folder.join(format!("exemplar{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "build the program first: cargo build --workspace");
    path
}

/// What a run of the program left behind.
pub struct Ran {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub said: String,
    /// Standard error.
    pub complained: String,
}

impl Ran {
    /// Fails the test unless the program ended well.
    pub fn well(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.complained);
        self
    }
}

/// Runs the program with these arguments, split at white space; `{}` stand for `paths`, one after the other, and
/// `NAME=VALUE` sets a variable of its environment.
pub fn exemplar(arguments: &str, paths: &[&Path]) -> Ran {
    let mut paths = paths.iter();
    let mut command = Command::new(program());
    for argument in arguments.split_whitespace() {
        match argument {
            "{}" => command.arg(paths.next().expect("there is a path for each {}")),
            word => match word.split_once('=') {
                Some((name, value)) => command.env(name, value),
                None => command.arg(word),
            },
        };
    }
    assert_eq!(paths.next(), None, "there is a {{}} for each path");
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
    Ran { code: status.code().expect("no signal ended it"), said: text(stdout), complained: text(stderr) }
}
