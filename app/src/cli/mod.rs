//! The command line, a stable interface for scripts. Each command has a file of its own.
//!
//! Exit codes: 0 for success, 2 for wrong arguments, 1 for any other error, with one message on stderr; 141, as in a
//! shell, if the reader of stdout has closed it.

mod bench;
mod convert;
mod demo;
pub mod errors;
mod evaluate;
mod examples;
mod info;
mod outputs;
mod preview;
pub mod print;
mod progress;
mod report;
mod segment;
mod study;
mod train;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use inference::pipeline::{Pipeline, Refinement};
use inference::runner::{Runner, Setup};
use network::DeviceChoice;
use print::note;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

/// Segment and transform brain images by example.
#[derive(Debug, Parser)]
#[command(name = "exemplar", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Without a command: files and folders to open in the window, as if dropped on it.
    pub files: Vec<PathBuf>,
    /// What to do without a window.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What can be done without a window.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Segment the built-in case from start to finish.
    Demo(DemoArgs),
    /// Segment a scan by example.
    Segment(RunArgs),
    /// Transform a scan by example: the examples' labels are images.
    Transform(RunArgs),
    /// Compare a segmentation with the truth, label by label.
    Evaluate(EvaluateArgs),
    /// Describe an image file and list its oddities.
    Info(InfoArgs),
    /// Convert a checkpoint to safetensors.
    Convert(ConvertArgs),
    /// Measure seconds and peak memory with random weights.
    Bench(BenchArgs),
    /// Train weights on labelled scans; without a configuration, print the defaults.
    Train(TrainArgs),
    /// Evaluate weights on labelled scans; without a configuration, print the defaults.
    Study(StudyArgs),
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder for mask.nii.gz, preview.png and report.json.
    #[arg(short, long, default_value = "exemplar-demo")]
    pub output: PathBuf,
    /// Replace write-protected files too.
    #[arg(long)]
    pub force: bool,
    /// What to compute on.
    #[command(flatten)]
    pub compute: ComputeArgs,
}

/// Device, threads and mini-context of a command.
#[derive(Debug, Args)]
pub struct ComputeArgs {
    /// auto takes a real GPU that passes its self-test, else the CPU.
    #[arg(long, value_enum, default_value_t = DeviceArg::Auto)]
    pub device: DeviceArg,
    /// Threads of the CPU; all cores by default.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Pairs that the network reads at once (ℓ): a number or auto. Affects memory and time, not the result.
    #[arg(long, default_value = "auto", value_parser = mini_context)]
    pub mini_context: MiniContext,
}

impl ComputeArgs {
    /// Loads the network on the requested device and reports on stderr how the device was chosen.
    fn runner(&self, model: Option<PathBuf>) -> Result<Runner> {
        let setup = Setup { device: self.device.into(), model, ..Setup::default() };
        let mut runner = Runner::new(setup);
        let notes = runner.read(&mut |_| Ok(()), |model| model.device().notes.clone())?;
        notes.iter().for_each(|note| note!("{note}"));
        Ok(runner)
    }
}

/// The mini-context ℓ on the command line; `None` stands for `auto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MiniContext(pub Option<usize>);

fn mini_context(text: &str) -> Result<MiniContext, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(MiniContext(None)),
        (_, Ok(n)) if n > 0 => Ok(MiniContext(Some(n))),
        _ => Err("give a whole number above 0, or auto".into()),
    }
}

fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: Option<f64> = text.parse().ok().filter(|&minutes| minutes > 0.0);
    let time = minutes.and_then(|minutes| Duration::try_from_secs_f64(60.0 * minutes).ok());
    time.ok_or_else(|| "give a number of minutes above 0".into())
}

/// An error for contradictory arguments, with exit code 2.
fn conflict(problem: impl Display) -> anyhow::Error {
    Cli::command().error(ErrorKind::ArgumentConflict, problem).into()
}

/// Arguments of `segment` and `transform`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The scan to work on.
    #[arg(short, long)]
    pub target: PathBuf,
    /// Which volume of a 4D target, from 1.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub volume: u32,
    /// An example: an image and its label file. May be repeated.
    #[arg(short, long, num_args = 2, value_names = ["IMAGE", "LABEL"], required_unless_present = "context_dir")]
    pub context: Vec<PathBuf>,
    /// Examples by folder: images/ + labels/, imagesTr/ + labelsTr/ (nnU-Net names), BIDS derivatives, or names such as
    /// case.nii.gz + case_seg.nii.gz. The pairs are printed. The target's own pair is left out.
    #[arg(long)]
    pub context_dir: Option<PathBuf>,
    /// Where to write the result (.nii.gz or .nii).
    #[arg(short, long)]
    pub output: PathBuf,
    /// Label values to segment; by default every value above 0 in the example labels.
    #[arg(long, value_delimiter = ',')]
    pub labels: Vec<u16>,
    /// Weights: .ckpt (official) or .safetensors; by default the bundled ones.
    #[arg(long)]
    pub model: Option<PathBuf>,
    /// What to compute on.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// How scans are brought to the network's input.
    #[arg(long, value_enum, default_value_t = PipelineArg::Aligned)]
    pub pipeline: PipelineArg,
    /// Whether to refine each structure in a box around it.
    #[arg(long, value_enum, default_value_t = LooksArg::AsTrained)]
    pub looks: LooksArg,
    /// What to do if an example's label does not lie on its image: resample trusts both headers,
    /// copy gives the label the image's header. Without this option such a pair is an error.
    #[arg(long, value_enum)]
    pub geometry: Option<GeometryArg>,
    /// Also write probabilities: 4D, one volume per label.
    #[arg(long)]
    pub probabilities: Option<PathBuf>,
    /// Also write a report (.json).
    #[arg(long)]
    pub report: Option<PathBuf>,
    /// Replace write-protected files too.
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// The segmentation to evaluate.
    pub prediction: PathBuf,
    /// The reference segmentation.
    pub truth: PathBuf,
    /// Machine-readable output.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// The image.
    pub file: PathBuf,
    /// Machine-readable output.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// Checkpoint to read (.ckpt or .safetensors).
    pub input: PathBuf,
    /// File to write (.safetensors).
    pub output: PathBuf,
    /// Replace a write-protected file too.
    #[arg(long)]
    pub force: bool,
    /// Type of the numbers.
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    pub precision: Precision,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Channels of the five stages.
    #[arg(long, value_delimiter = ',', default_value = "8,16,32,64,128")]
    pub channels: Vec<usize>,
    /// Side of the working grid, a multiple of 16.
    #[arg(long, default_value_t = 64)]
    pub size: usize,
    /// Number of example pairs.
    #[arg(long, default_value_t = 1)]
    pub contexts: usize,
    /// What to compute on.
    #[command(flatten)]
    pub compute: ComputeArgs,
    /// Number of runs; the median is reported.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub runs: u16,
    /// Measure a step of training instead, on the CPU: loss, gradients and optimiser.
    #[arg(long, conflicts_with = "layers")]
    pub train: bool,
    /// Also print the cost of each kind of layer in the last run.
    #[arg(long)]
    pub layers: bool,
    /// Machine-readable output.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Configuration: data and training parameters (TOML).
    #[arg(requires = "output")]
    pub config: Option<PathBuf>,
    /// Folder of the run: checkpoint.safetensors, weights.safetensors and curve.jsonl. An existing run is continued.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
    /// Stop after this many minutes; the same command continues later.
    #[arg(long, allow_negative_numbers = true, value_parser = minutes)]
    pub minutes: Option<Duration>,
    /// Threads of the CPU; all cores by default.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// Arguments of `study`.
#[derive(Debug, Args)]
pub struct StudyArgs {
    /// Configuration: methods and data (TOML).
    #[arg(requires = "output")]
    pub config: Option<PathBuf>,
    /// Folder for results.md, results.csv and plots. An existing study is continued.
    #[arg(short, long)]
    pub output: Option<PathBuf>,
    /// auto takes a real GPU that passes its self-test, else the CPU.
    #[arg(long, value_enum, default_value_t = DeviceArg::Auto)]
    pub device: DeviceArg,
    /// Threads of the CPU; all cores by default.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// Device on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum DeviceArg {
    /// A real GPU that passes its self-test, else the CPU.
    Auto,
    /// A real GPU or an error.
    Gpu,
    /// A real GPU that stores feature maps as f16: half the memory for them.
    #[value(name = "gpu-f16")]
    GpuHalf,
    /// The CPU.
    Cpu,
}

impl From<DeviceArg> for DeviceChoice {
    fn from(arg: DeviceArg) -> Self {
        match arg {
            DeviceArg::Auto => Self::Auto,
            DeviceArg::Gpu => Self::Gpu,
            DeviceArg::GpuHalf => Self::GpuHalf,
            DeviceArg::Cpu => Self::Cpu,
        }
    }
}

/// Pipeline on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PipelineArg {
    /// Foreground box, isotropic working grid, calibrated probabilities.
    Aligned,
    /// The published script, for parity and papers.
    Reference,
}

impl From<PipelineArg> for Pipeline {
    fn from(arg: PipelineArg) -> Self {
        match arg {
            PipelineArg::Aligned => Self::Aligned,
            PipelineArg::Reference => Self::Reference,
        }
    }
}

/// Refinement on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LooksArg {
    /// Refine if the weights were trained for it.
    AsTrained,
    /// A single pass over the whole field of view.
    One,
    /// The whole field of view, then a box around the structure.
    Closer,
}

impl From<LooksArg> for Refinement {
    fn from(arg: LooksArg) -> Self {
        match arg {
            LooksArg::AsTrained => Self::AsTrained,
            LooksArg::One => Self::One,
            LooksArg::Closer => Self::Closer,
        }
    }
}

/// Geometry conflict resolution on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum GeometryArg {
    /// Trust both headers: resample the label to the image's grid through the world.
    Resample,
    /// Trust the voxel order: give the label the image's header (equal shapes only).
    Copy,
}

/// Type of the numbers in a converted checkpoint.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Precision {
    /// 32 bits, as published.
    F32,
    /// 16 bits, half the size.
    F16,
}

impl Command {
    /// The requested number of CPU threads; `None` if the command does not specify it.
    pub fn threads(&self) -> Option<usize> {
        let threads = match self {
            Self::Demo(args) => args.compute.threads,
            Self::Segment(args) | Self::Transform(args) => args.compute.threads,
            Self::Bench(args) => args.compute.threads,
            Self::Train(args) => args.threads,
            Self::Study(args) => args.threads,
            Self::Evaluate(_) | Self::Info(_) | Self::Convert(_) => None,
        };
        threads.map(usize::from)
    }

    /// Runs the command.
    pub fn run(self) -> Result<()> {
        match self {
            Self::Demo(args) => demo::run(&args),
            Self::Segment(args) => segment::segment(&args),
            Self::Transform(args) => segment::transform(&args),
            Self::Evaluate(args) => evaluate::run(&args),
            Self::Info(args) => info::run(&args),
            Self::Convert(args) => convert::run(&args),
            Self::Bench(args) => bench::run(&args),
            Self::Train(args) => train::run(&args),
            Self::Study(args) => study::run(&args),
        }
    }
}
