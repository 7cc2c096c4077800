//! The report of a run, `report.json`.

use super::{Pipeline, Placement};
use network::ModelInfo;
use serde::Serialize;

/// The preprocessing of one image.
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
    /// Intensities that became 0 and 1, in the units of the file.
    pub intensity: [f32; 2],
    /// Mean displacement of an example, weighted by the target's intensity, in millimetres; `None` if it was not
    /// deformed.
    pub mean_displacement_mm: Option<f64>,
}

/// Volume of one label in the result.
#[derive(Clone, Debug, Serialize)]
pub struct LabelVolume {
    /// Label value.
    pub value: u16,
    /// Its name, or a text such as `Label 7` if none is known.
    pub name: String,
    /// Voxels on the target's grid.
    pub voxels: usize,
    /// Volume in millilitres.
    pub ml: f64,
}

/// Wall-clock seconds by stage.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Seconds {
    /// Opening files and weights.
    pub load: f64,
    /// Preparation, registration and deformation of images.
    pub prepare: f64,
    /// Passes of the network.
    pub network: f64,
    /// Resampling the result to the target's grid, and writing files.
    pub write: f64,
    /// The whole run.
    pub total: f64,
}

/// The report of a run; its fields are the keys of `report.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Name of the device.
    pub device: String,
    /// Threads of the CPU.
    pub threads: usize,
    /// Properties of the weights.
    pub model: ModelInfo,
    /// The pipeline that was run.
    pub pipeline: Pipeline,
    /// Pairs read at once, ℓ.
    pub mini_context: usize,
    /// Number of examples.
    pub contexts: usize,
    /// Seconds by stage.
    pub seconds: Seconds,
    /// Floating-point operations of the network: two for each multiplication of a convolution carried out by its
    /// definition.
    pub flops: f64,
    /// `flops` divided by the network's seconds.
    pub flops_per_second: f64,
    /// Peak memory of the process in bytes, as predicted before the run.
    pub predicted_memory_bytes: usize,
    /// Measured peak memory of the process, in bytes.
    pub peak_memory_bytes: u64,
    /// Peak memory on the graphics card in bytes; `None` if the network ran on the CPU.
    pub card_memory_bytes: Option<u64>,
    /// Labels of the result; empty for a transformation.
    pub labels: Vec<LabelVolume>,
    /// The placement of each example on the target.
    pub examples: Vec<Placement>,
    /// The preprocessing of each image, the target first.
    pub records: Vec<PreprocessingRecord>,
    /// Warnings, in the order in which they arose.
    pub warnings: Vec<String>,
}
