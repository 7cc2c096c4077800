//! What a user meets when memory or the graphics card fails: a sentence or the next rung of the ladder, and a next run.

mod card;
mod memory;

use glam::{DAffine3, DVec3};
use imaging::conform::{GeometryChoice, reconcile};
use imaging::io::{Header, Scan, write_image, write_labels};
use imaging::{Grid, LabelMap, Result, Volume};
use inference::pipeline::{Example, NamedImage};
use network::weights;
use network::weights::{Precision, formula};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One test at a time: both the allocator and the card that is pretended serve the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Files of a small case: a target, and an image with labels that lie one voxel aside.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    /// Images of `voxels`³, and weights with so large a working grid.
    fn new(voxels: usize, working: usize) -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        for (name, middle) in [("target", 0.5), ("image", 0.45)] {
            let grid = grid(voxels, 0.0);
            let values = (0..grid.len()).map(|at| 10.0 + 100.0 * inside(voxels, at, middle)).collect();
            let volume = Volume { grid, voxels: values };
            write_image(&files.path(name), &volume, &Header::for_grid(&grid)).unwrap();
        }
        let grid = grid(voxels, 1.0);
        let values = (0..grid.len()).map(|at| u16::from(inside(voxels, at, 0.45) > 0.5)).collect();
        let labels = LabelMap { grid, voxels: values };
        write_labels(&files.path("label"), &labels, &Header::for_grid(&grid)).unwrap();
        let mut weights = formula::weights("faults:", &[2, 4, 8], 1.4);
        weights.metadata.insert("grid".into(), working.to_string());
        weights::write(&files.model(), &weights, Precision::F32).unwrap();
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.nii.gz"))
    }

    fn model(&self) -> PathBuf {
        self.folder.path().join("weights.safetensors")
    }

    fn target(&self) -> Result<Arc<Scan>> {
        Ok(Arc::new(Scan::open(&self.path("target"), 0)?))
    }

    /// The example, as often as wanted.
    fn examples(&self, times: usize) -> Result<Vec<Example<LabelMap>>> {
        let image = NamedImage::from(&Scan::open(&self.path("image"), 0)?);
        let label = Scan::open(&self.path("label"), 0)?.labels()?;
        let label = Arc::new(reconcile(&image.volume.grid, label, GeometryChoice::Resample)?);
        let image = NamedImage { name: "example".into(), ..image };
        Ok(vec![Example { image, label }; times])
    }

    fn image(&self) -> Result<Arc<Volume>> {
        Ok(Scan::open(&self.path("image"), 0)?.volume)
    }

    fn write(&self, mask: &LabelMap, like: &Scan) -> Result<()> {
        write_labels(&self.path("mask"), mask, &like.header)
    }
}

fn grid(voxels: usize, aside: f64) -> Grid {
    let translation = DVec3::splat(aside);
    Grid { shape: [voxels; 3], world_from_voxel: DAffine3::from_translation(translation) }
}

/// 1 within a ball around the middle, less outside.
fn inside(voxels: usize, at: usize, middle: f64) -> f32 {
    let voxel = [at % voxels, at / voxels % voxels, at / voxels / voxels].map(|v| v as f64 / voxels as f64);
    let distance = (DVec3::from_array(voxel) - middle).length();
    (1.3 - distance / 0.3).clamp(0.0, 1.0) as f32
}
