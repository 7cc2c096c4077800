//! Checkpoints: reads named weights, each of which is used exactly once, and writes safetensors.

pub mod formula;
mod lightning;
mod pickle;
mod safetensors;

pub use safetensors::{Precision, write};

use imaging::io::replace::protect;
use imaging::{Error, Result};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The default weights, part of the program.
const BUNDLED: &[u8] = include_bytes!("../../../../assets/default.safetensors");

/// Name prefix of the context branch's parameters, and the part that identifies the layers that fuse its features into
/// the target branch.
const CONTEXT: [&str; 2] = ["context_unet.", ".combine_conv_target."];

/// One named array of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Shape in PyTorch's order: `[out, in, z, y, x]` for a convolution.
    pub shape: Vec<usize>,
    /// Values in C order.
    pub values: Vec<f32>,
}

impl Array {
    /// Zeros of the same shape.
    pub fn zeros(&self) -> Self {
        Self { shape: self.shape.clone(), values: vec![0.0; self.values.len()] }
    }
}

/// A checkpoint that is being loaded. Names have no leading `net.`.
#[derive(Clone, Debug)]
pub struct Weights {
    /// The tensors that have not been taken yet.
    pub arrays: BTreeMap<String, Array>,
    /// The file's metadata, such as `grid` and `description`.
    pub metadata: BTreeMap<String, String>,
    /// SHA-256 of the file, hexadecimal; empty for weights without a file.
    pub sha256: String,
    path: PathBuf,
}

/// Why a checkpoint cannot be read, before its name is known.
enum Unreadable {
    /// A complete message.
    Problem(String),
    /// An error that is not the file's, such as [`Error::Memory`].
    Other(Error),
}

impl From<&str> for Unreadable {
    fn from(problem: &str) -> Self {
        Self::Problem(problem.to_owned())
    }
}

impl From<String> for Unreadable {
    fn from(problem: String) -> Self {
        Self::Problem(problem)
    }
}

impl From<Error> for Unreadable {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Weights {
    /// Reads a Lightning `.ckpt` or a `.safetensors` file, distinguished by content, as an input that is not
    /// overwritten.
    pub fn open(path: &Path) -> Result<Self> {
        protect(path);
        Self::read(path)
    }

    /// The same for a file that the program owns and replaces, such as the state of a run.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
        Self::parse(path, &bytes)
    }

    /// The weights embedded in the program.
    pub fn bundled() -> Result<Self> {
        Self::parse(Path::new("bundled"), BUNDLED)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let read = if bytes.starts_with(b"PK") { lightning::read(bytes) } else { safetensors::read(bytes) };
        let (arrays, metadata) = read.map_err(|unreadable| match unreadable {
            Unreadable::Problem(problem) => Error::Checkpoint { path: path.into(), problem },
            Unreadable::Other(error) => error,
        })?;
        let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let strip = |name: String| name.strip_prefix("net.").map(str::to_owned).unwrap_or(name);
        let arrays = arrays.into_iter().map(|(name, array)| (strip(name), array)).collect();
        Ok(Self { arrays, metadata, sha256, path: path.into() })
    }

    /// Weights that do not come from a file.
    pub fn made_up(name: &str, arrays: BTreeMap<String, Array>) -> Self {
        Self { arrays, metadata: BTreeMap::new(), sha256: String::new(), path: name.into() }
    }

    /// File name, or `bundled`.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether they belong to an in-context network; without any tensor of the context branch they are a U-Net's.
    pub fn read_examples(&self) -> bool {
        self.arrays.keys().any(|name| is_of_context(name))
    }

    /// The target branch alone: a U-Net.
    pub fn u_net(mut self) -> Self {
        self.arrays.retain(|name, _| !is_of_context(name));
        self
    }

    /// Channels of the stages, finest first, read from the shapes of the target encoder.
    pub fn channels(&self) -> Result<Vec<usize>> {
        let name = |i: usize| match i.checked_sub(1) {
            None => "target_encoder.target_embedding.weight".to_owned(),
            Some(i) => format!("target_encoder.downsample_blocks.{i}.target_linear_layer.weight"),
        };
        let shapes = (0..).map_while(|i| self.arrays.get(&name(i)));
        let channels: Vec<usize> = shapes.filter_map(|array| array.shape.first().copied()).collect();
        match channels.len() {
            0 => {
                Err(self
                    .problem(format!("{} is missing, so this is not a Neuroverse3D checkpoint.", name(0))))
            }
            1 => Err(self.problem(format!("{} is missing.", name(1)))),
            _ => Ok(channels),
        }
    }

    /// Removes and returns a tensor.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let array =
            self.arrays.remove(name).ok_or_else(|| self.problem(format!("The tensor {name} is missing.")))?;
        if array.shape != shape {
            let found = &array.shape;
            return Err(self.problem(format!("The tensor {name} has shape {found:?} instead of {shape:?}.")));
        }
        Ok(array.values)
    }

    /// Fails with the name of the first tensor that was not taken.
    pub fn finish(&self) -> Result<()> {
        let left = self.arrays.keys().next();
        left.map_or(Ok(()), |name| {
            Err(self.problem(format!("The tensor {name} does not belong to the network.")))
        })
    }

    fn problem(&self, problem: String) -> Error {
        let advice = "Use an official Neuroverse3D checkpoint or one made by `exemplar convert`.";
        Error::Checkpoint { path: self.path.clone(), problem: format!("{problem} {advice}") }
    }
}

fn is_of_context(name: &str) -> bool {
    let [branch, meeting] = CONTEXT;
    name.starts_with(branch) || name.contains(meeting)
}
