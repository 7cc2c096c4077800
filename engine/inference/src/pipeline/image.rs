//! Input images of the pipeline: from a file, from another program or from a test.

use imaging::Volume;
use imaging::io::Scan;
use std::sync::Arc;

/// An image with its name. Cheap to clone: voxels are shared.
#[derive(Clone, Debug)]
pub struct NamedImage {
    /// Name for progress, report and warnings.
    pub name: String,
    /// Finite intensities in any unit, x fastest, on a grid whose world is RAS+ in millimetres.
    pub volume: Arc<Volume>,
    /// Warnings of the reader of the file; the report repeats them.
    pub warnings: Vec<String>,
}

impl NamedImage {
    /// An image without warnings.
    pub fn new(name: impl Into<String>, volume: impl Into<Arc<Volume>>) -> Self {
        Self { name: name.into(), volume: volume.into(), warnings: Vec::new() }
    }
}

impl From<&Scan> for NamedImage {
    fn from(scan: &Scan) -> Self {
        let Scan { name, volume, facts, .. } = scan;
        Self { name: name.clone(), volume: volume.clone(), warnings: facts.warnings.clone() }
    }
}

/// A context example: an image and its label.
#[derive(Clone, Debug)]
pub struct Example<L> {
    /// The image that the label belongs to.
    pub image: NamedImage,
    /// Its label map (segmentation) or result image (transformation), on the same grid up to the order of the axes.
    pub label: Arc<L>,
}
