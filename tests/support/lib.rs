//! What the integration tests share: fixtures and the built program.

use std::path::{Path, PathBuf};

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
