//! Images as the engine takes them: from a file, a scanner's software or a test.

use imaging::Volume;
use imaging::io::Scan;
use std::sync::Arc;

/// An image with its name. Cheap to clone: voxels are shared.
#[derive(Clone, Debug)]
pub struct NamedImage {
    /// Named in progress, report and warnings.
    pub name: String,
    /// Finite intensities in any unit, x fastest, on a grid whose world is RAS+ in millimetres.
    pub volume: Arc<Volume>,
    /// What a reader of the file noticed; repeated in the report.
    pub warnings: Vec<String>,
}

impl NamedImage {
    /// An image that nothing is odd about.
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

/// An image and what somebody made of it.
#[derive(Clone, Debug)]
pub struct Example<L> {
    /// The image.
    pub image: NamedImage,
    /// Its label map (segmentation) or result image (transformation), at the same places in the world.
    pub label: Arc<L>,
}
