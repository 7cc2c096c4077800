//! What each lane can be asked, and what it answers.

use super::analysis::{Analysed, AnalysisKey};
use crate::document::{Bricks, FoundLabel};
use glam::DAffine3;
use imaging::conform::GeometryChoice;
use imaging::io::{Header, Scan};
use imaging::{Error, Grid, LabelMap};
use inference::pipeline::{Example, NamedImage, Options, Report};
use network::{DeviceChoice, ModelInfo};
use std::path::PathBuf;
use std::sync::Arc;

/// Names a job in the event that ends it.
pub type JobId = u64;

/// Lane `read`: finds, probes and opens files.
pub enum Read {
    /// Find the files below folders, other paths as they are; ends in [`Event::Listed`].
    List(Vec<PathBuf>),
    /// Look at a file without keeping its voxels; ends in [`Event::Probed`].
    Probe {
        /// The file.
        path: PathBuf,
        /// Whether to read the voxels for the label values among them, which takes as long as opening the file.
        values: bool,
    },
    /// Open an image; ends in [`Event::Opened`].
    Open(ImageFile),
    /// Read a file as labels on the grid of an image; ends in [`Event::Conformed`].
    ConformLabels {
        /// The labels.
        labels: ImageFile,
        /// The image that they are for.
        image: ImageSource,
        /// What to do where they do not lie on the image.
        geometry: GeometryChoice,
    },
}

/// A 3D volume of a file.
#[derive(Clone, Debug)]
pub struct ImageFile {
    /// The file.
    pub path: PathBuf,
    /// Which 3D volume of a series, from 0.
    pub frame: usize,
}

/// An image, open already or still to be opened.
pub enum ImageSource {
    /// Open.
    Scan(Arc<Scan>),
    /// A file.
    File(ImageFile),
}

/// What is known of a file without its voxels.
#[derive(Clone, Debug)]
pub struct Probe {
    /// File name without folder and image extension.
    pub name: String,
    /// Where its voxels lie.
    pub grid: Grid,
    /// Number of 3D volumes.
    pub frames: usize,
    /// Label values above 0 where they were asked for: none where the voxels are no labels.
    pub values: Option<Vec<u16>>,
    /// Sentences about what is odd.
    pub warnings: Vec<String>,
}

/// Labels on the grid of their image.
#[derive(Clone, Debug)]
pub struct ConformedLabels {
    /// Their image.
    pub image: Arc<Scan>,
    /// The labels.
    pub map: Arc<LabelMap>,
    /// Label values that occur, ascending, with names from the table beside the file.
    pub found: Vec<FoundLabel>,
    /// Sentences about what is odd about the image or the labels.
    pub warnings: Vec<String>,
}

/// Lane `save`: writes a mask; ends in [`Event::Saved`].
pub struct Save {
    /// Where to.
    pub path: PathBuf,
    /// The voxels.
    pub mask: Bricks,
    /// Where they lie.
    pub world_from_voxel: DAffine3,
    /// Header of the target.
    pub like: Header,
}

/// Lane `compute`: the network at work.
pub enum Compute {
    /// Choose a device and load weights (None: the bundled ones); ends in [`Event::Ready`].
    LoadModel {
        /// What to compute on.
        device: DeviceChoice,
        /// Checkpoint.
        model: Option<PathBuf>,
    },
    /// Segment; ends in [`Event::Segmented`].
    Segment {
        /// The scan.
        target: NamedImage,
        /// The examples.
        examples: Vec<Example<LabelMap>>,
        /// How.
        options: Options,
    },
}

/// The one event that ends a job.
pub enum Event {
    /// Files in the order of their names.
    Listed(JobId, Outcome<Vec<PathBuf>>),
    /// What is known of a file.
    Probed(JobId, Outcome<Probe>),
    /// An image.
    Opened(JobId, Outcome<Arc<Scan>>),
    /// Labels on the grid of their image.
    Conformed(JobId, Outcome<ConformedLabels>),
    /// The file that was written.
    Saved(JobId, Outcome<PathBuf>),
    /// What was derived from volumes.
    Analysed(AnalysisKey, Outcome<Analysed>),
    /// Device and model.
    Ready(JobId, Outcome<Box<DeviceSummary>>),
    /// A mask.
    Segmented(JobId, Outcome<Box<Prediction>>),
}

/// A mask that the network made.
pub struct Prediction {
    /// Its voxels, on the target's grid.
    pub voxels: Bricks,
    /// How it was made.
    pub report: Report,
}

/// How a job ended.
pub type Outcome<T> = Result<T, Failure>;

/// Why a job has no result.
#[derive(Debug)]
pub enum Failure {
    /// It was cancelled.
    Cancelled,
    /// The engine could not do it.
    Engine(Error),
    /// The program met a fault of its own.
    Panic,
}

/// What the window says of device and model.
#[derive(Clone, Debug)]
pub struct DeviceSummary {
    /// Such as `CPU · 2 threads`.
    pub device: String,
    /// How the choice came about.
    pub notes: Vec<String>,
    /// The weights.
    pub model: ModelInfo,
    /// Side of the working grid.
    pub grid: usize,
    /// Memory that the program can hold in all while it runs, or that the card has; 0 where it is unknown.
    pub memory_bytes: u64,
    /// Whether this is a card's, so that a run's volumes do not count.
    pub card: bool,
    /// Most pairs that are worth reading at once.
    pub most_at_once: usize,
    /// Predicted peak bytes of this memory, besides the run's volumes, for 1, 2, … 16 pairs (more take no more), and each
    /// for mini-contexts of 1, 2, … 8.
    pub predicted_bytes: Vec<Vec<usize>>,
}
