//! What is told about a run: `report.json`.

use super::{Pipeline, Placement};
use network::ModelInfo;
use serde::Serialize;

/// What was done to one image on its way to the working grid.
#[derive(Clone, Debug, Serialize)]
pub struct PreprocessingRecord {
    /// Name of the image.
    pub name: String,
    /// Stored orientation, such as `LIA`.
    pub orientation: String,
    /// First voxel of the box and one past its last, along R, A and S (reference pipeline: along the stored axes).
    pub box_voxels: [[usize; 3]; 2],
    /// Millimetres along the sides of a working voxel, along the same axes.
    pub working_voxel_mm: [f64; 3],
    /// Intensities that became 0 and 1.
    pub intensity: [f32; 2],
    /// How far an example was deformed onto the target, in millimetres, at the mean of what the target shows; none where
    /// nothing was deformed.
    pub mean_displacement_mm: Option<f64>,
}

/// Volume of one label in the result.
#[derive(Clone, Debug, Serialize)]
pub struct LabelVolume {
    /// Label value.
    pub value: u16,
    /// Its name, `Label 7` where none is known.
    pub name: String,
    /// Voxels on the target's grid.
    pub voxels: usize,
    /// Millilitres.
    pub ml: f64,
}

/// Seconds by stage.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Seconds {
    /// Opening files and weights.
    pub load: f64,
    /// Bringing images to the working grid.
    pub prepare: f64,
    /// The network.
    pub network: f64,
    /// Restoring and writing.
    pub write: f64,
    /// All of it.
    pub total: f64,
}

/// `report.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name of the device.
    pub device: String,
    /// Threads of the CPU.
    pub threads: usize,
    /// The weights.
    pub model: ModelInfo,
    /// The pipeline.
    pub pipeline: Pipeline,
    /// Pairs read at once.
    pub mini_context: usize,
    /// Number of examples.
    pub contexts: usize,
    /// Seconds by stage.
    pub seconds: Seconds,
    /// Floating-point operations of the network: two for each multiplication of a convolution carried out by its
    /// definition.
    pub flops: f64,
    /// These by the network's seconds.
    pub flops_per_second: f64,
    /// Memory of the process at its peak as predicted before the run.
    pub predicted_memory_bytes: usize,
    /// Peak memory of the process.
    pub peak_memory_bytes: u64,
    /// Peak memory of the graphics card, where the network was there.
    pub card_memory_bytes: Option<u64>,
    /// Labels of the result.
    pub labels: Vec<LabelVolume>,
    /// How each example lies on the target.
    pub examples: Vec<Placement>,
    /// What was done to each image, the target first.
    pub records: Vec<PreprocessingRecord>,
    /// Sentences about what is odd.
    pub warnings: Vec<String>,
}
