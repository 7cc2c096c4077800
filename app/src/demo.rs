//! The built-in case: one labelled scan as the example, another to segment, and its labels to judge the result by.

use imaging::io::Scan;
use imaging::labels::Names;
use imaging::{LabelMap, Result};
use std::sync::Arc;

/// The case, opened.
pub struct DemoCase {
    /// The scan to segment.
    pub target: Arc<Scan>,
    /// What predictions for it are judged by, on its grid.
    pub truth: Arc<LabelMap>,
    /// The example's image.
    pub example: Arc<Scan>,
    /// The example's labels, on its image's grid.
    pub label: Arc<LabelMap>,
    /// Names of the labels.
    pub names: Names,
}

macro_rules! file {
    ($name:literal) => {
        Scan::from_bytes($name, include_bytes!(concat!("../../assets/demo/", $name)))
    };
}

impl DemoCase {
    /// Opens the files that are part of the program.
    pub fn open() -> Result<Self> {
        Ok(Self {
            target: Arc::new(file!("target.nii.gz")?),
            truth: Arc::new(file!("target_label.nii.gz")?.labels()?),
            example: Arc::new(file!("example.nii.gz")?),
            label: Arc::new(file!("example_label.nii.gz")?.labels()?),
            names: Names::parse(include_str!("../../assets/demo/labels.tsv")),
        })
    }
}
