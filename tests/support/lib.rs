//! What the integration tests share: fixtures, the built program, and runs of it.

use imaging::Cube;
use network::weights::formula;
use std::collections::BTreeMap;
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

/// The tensors of a file of golden values.
pub fn golden(file: &str) -> BTreeMap<String, Vec<f32>> {
    let bytes = std::fs::read(fixture(&format!("golden/{file}"))).expect("the fixture is there");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("the fixture can be read");
    let floats = |data: &[u8]| data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    file.tensors().into_iter().map(|(name, view)| (name, floats(view.data()))).collect()
}

/// A cube by the golden formula; a label is 1 above 0.7.
pub fn golden_cube(key: &str, side: usize, label: bool) -> Cube {
    let to = |u: f32| if label { f32::from(u > 0.7) } else { u };
    Cube { side, voxels: formula::uniform(key).take(side.pow(3)).map(to).collect() }
}

/// Target and pairs by the golden formula.
pub fn golden_inputs(salt: &str, side: usize, pairs: usize) -> (Cube, Vec<(Cube, Cube)>) {
    let pair = |k| {
        let [image, label] = ["image", "label"].map(|kind| format!("{salt}context_{kind}_{k}"));
        (golden_cube(&image, side, false), golden_cube(&label, side, true))
    };
    (golden_cube(&format!("{salt}target"), side, false), (0..pairs).map(pair).collect())
}

/// Pairs as the network takes them.
pub fn borrowed(pairs: &[(Cube, Cube)]) -> Vec<(&Cube, &Cube)> {
    pairs.iter().map(|(image, label)| (image, label)).collect()
}
