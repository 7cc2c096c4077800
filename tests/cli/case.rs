//! A case of our own making of any size, and the arguments that segment it.

use exemplar_tests::fixture;
use glam::DAffine3;
use imaging::io::{Header, write_image, write_labels};
use imaging::{Grid, LabelMap, Volume};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A target of `side`³ voxels, and a small image with `labels` labels in blocks, written into a folder.
pub struct Case {
    folder: PathBuf,
    files: [PathBuf; 3],
}

impl Case {
    /// Writes the files.
    pub fn new(folder: &Path, side: usize, labels: u16) -> Self {
        let files = ["target", "image", "label"].map(|name| folder.join(format!("{name}.nii")));
        for (path, side) in files.iter().zip([side, 24, 24]) {
            let grid = Grid { shape: [side; 3], world_from_voxel: DAffine3::IDENTITY };
            let header = Header::for_grid(&grid);
            if path.ends_with("label.nii") {
                // Blocks of 4³ voxels: labels lie together.
                let block =
                    |at: usize| at % side / 4 + 6 * (at / side % side / 4 + 6 * (at / side.pow(2) / 4));
                let voxels = (0..grid.len()).map(|at| block(at) as u16 % (labels + 1)).collect();
                write_labels(path, &LabelMap { grid, voxels }, &header).unwrap();
            } else {
                let voxels = (0..grid.len()).map(|at| (at % 97) as f32).collect();
                write_image(path, &Volume { grid, voxels }, &header).unwrap();
            }
        }
        Self { folder: folder.into(), files }
    }

    /// Arguments that segment the target on the processor with small weights, and write the mask and the probabilities
    /// of all labels into `out`, a folder below that of the case.
    pub fn segment(&self, out: &str) -> Vec<OsString> {
        let out = self.folder.join(out);
        let [target, image, label] = self.files.clone();
        let options = ["segment", "--device", "cpu", "--model"].map(OsString::from);
        let mut arguments = Vec::from(options);
        arguments.push(fixture("golden/tiny_trained.ckpt").into());
        arguments.extend(["-t".into(), target.into(), "-c".into(), image.into(), label.into()]);
        arguments.extend(["-o".into(), out.join("mask.nii.gz").into()]);
        arguments.extend(["--probabilities".into(), out.join("p.nii.gz").into()]);
        arguments
    }
}
