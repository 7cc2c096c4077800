//! What can be asked of the background threads, and what they answer.

use imaging::conform::GeometryChoice;
use imaging::io::{Header, Scan};
use imaging::labels::Names;
use imaging::metrics::LabelScore;
use imaging::{Grid, LabelMap, Volume};
use inference::pipeline::{Example, Options, Segmentation, Stage, Transformation};
use network::{DeviceChoice, ModelInfo};
use std::path::PathBuf;
use std::sync::Arc;

/// Names a request in the events that answer it.
pub type JobId = u64;

/// What can be asked.
pub enum Request {
    /// Find the files below folders, other paths as they are; answered by [`Event::Listed`].
    List {
        /// Files and folders.
        paths: Vec<PathBuf>,
    },
    /// Look at a file without keeping its voxels; answered by [`Event::Probed`].
    Probe {
        /// The file.
        path: PathBuf,
        /// Whether to read the voxels for the label values among them, which takes as long as opening the file.
        values: bool,
    },
    /// Read a file as labels on the grid of an image; answered by [`Event::Fitted`].
    Fit {
        /// The file of the labels.
        label: PathBuf,
        /// Which 3D volume of a series.
        frame: usize,
        /// The image that they are for.
        image: Image,
        /// What to do where they do not lie on the image.
        geometry: GeometryChoice,
    },
    /// Compare two maps; answered by [`Event::Compared`].
    Compare {
        /// What is judged.
        prediction: Arc<LabelMap>,
        /// What it is judged by.
        truth: Arc<LabelMap>,
    },
    /// Write a file; answered by [`Event::Saved`].
    Save {
        /// Where to.
        path: PathBuf,
        /// What.
        what: Payload,
        /// Header of the target.
        like: Header,
    },
    /// Carry out a computation of the window's own; answered by [`Event::Computed`].
    Compute(Box<dyn Fn() + Send>),
    /// Choose a device and load weights (None: the bundled ones); answered by [`Event::Ready`].
    Prepare {
        /// What to compute on.
        device: DeviceChoice,
        /// Checkpoint.
        model: Option<PathBuf>,
    },
    /// Segment; answered by [`Event::Segmented`].
    Segment {
        /// The scan.
        target: Arc<Scan>,
        /// The examples.
        examples: Vec<Example<LabelMap>>,
        /// How.
        options: Options,
    },
    /// Transform; answered by [`Event::Transformed`].
    Transform {
        /// The scan.
        target: Arc<Scan>,
        /// The examples.
        examples: Vec<Example<Volume>>,
        /// How.
        options: Options,
    },
}

/// An image, open already or still to be opened.
pub enum Image {
    /// Open.
    Scan(Arc<Scan>),
    /// A file, and which 3D volume of it.
    File(PathBuf, usize),
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

/// What to save.
pub enum Payload {
    /// A mask.
    Labels(Arc<LabelMap>),
    /// An image.
    Image(Arc<Volume>),
}

/// What is answered. All but [`Event::Progress`] are terminal for their ticket.
pub enum Event {
    /// A job moved on; `fraction` of it is done.
    Progress(JobId, Stage, f32),
    /// A file was looked at.
    Probed(JobId, Probe),
    /// A computation of the window's own is done.
    Computed(JobId),
    /// Files below folders, in the order of their names.
    Listed(JobId, Vec<PathBuf>),
    /// Labels were brought to the grid of their image.
    Fitted(JobId, Fitted),
    /// Two maps were compared.
    Compared(JobId, Vec<LabelScore>),
    /// A file was written.
    Saved(JobId, PathBuf),
    /// The device and the model are ready.
    Ready(JobId, DeviceSummary),
    /// A segmentation is done.
    Segmented(JobId, Box<Segmentation>),
    /// A transformation is done.
    Transformed(JobId, Box<Transformation>),
    /// The request failed; one sentence.
    Failed(JobId, String),
    /// The request was cancelled.
    Cancelled(JobId),
}

/// Labels on the grid of their image.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// Their image.
    pub image: Arc<Scan>,
    /// The labels.
    pub map: Arc<LabelMap>,
    /// Voxels by label value above 0, ascending.
    pub counts: Vec<(u16, usize)>,
    /// Names from the table beside the file.
    pub names: Names,
    /// Sentences about what is odd about the image or the labels.
    pub warnings: Vec<String>,
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
    /// Memory that the program can hold in all while it runs, or that the card has; 0 where nobody knows.
    pub memory_bytes: u64,
    /// Whether this is a card's, so that a run's volumes do not count.
    pub card: bool,
    /// Most pairs that are worth reading at once.
    pub most_at_once: usize,
    /// Predicted peak bytes of this memory, besides the run's volumes, for 1, 2, … 16 pairs (more take no more), and each
    /// for mini-contexts of 1, 2, … 8.
    pub predicted_bytes: Vec<Vec<usize>>,
}
