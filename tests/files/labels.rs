//! What is taken for a label map, and what is said of the rest.

use crate::odd;
use exemplar_tests::fixture;
use glam::DAffine3;
use imaging::io::{Header, Scan, write_image, write_labels, write_series};
use imaging::{Grid, LabelMap, Volume};
use std::path::{Path, PathBuf};

fn grid(shape: [usize; 3]) -> Grid {
    Grid { shape, world_from_voxel: DAffine3::IDENTITY }
}

/// Writes what `value` says of each voxel and opens the file.
fn written(shape: [usize; 3], value: impl Fn([usize; 3]) -> f32) -> Scan {
    let grid = grid(shape);
    let [nx, ny, _] = shape;
    let voxels = (0..grid.len()).map(|i| value([i % nx, i / nx % ny, i / (nx * ny)])).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.nii");
    write_image(&path, &Volume { grid, voxels }, &Header::for_grid(&grid)).unwrap();
    Scan::open(&path, 0).unwrap()
}

fn hippocampus(part: &str) -> impl Iterator<Item = PathBuf> {
    fixture(&format!("hippocampus_msd/{part}")).read_dir().unwrap().map(|entry| entry.unwrap().path())
}

#[test]
fn real_images_of_whole_numbers_are_told_from_real_label_maps() {
    let odd = |name: &str| odd::fixture(&format!("generated/{name}.nii.gz"));
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo");
    // A parcellation of 131 structures at 2 mm, parts of a hippocampus, five structures of a head.
    let maps = ["ok_label", "label_other_shape", "label_float_exact"].map(odd);
    let maps = maps.into_iter().chain(hippocampus("labels")).chain([assets.join("example_label.nii.gz")]);
    for path in maps {
        let scan = Scan::open(&path, 0).unwrap();
        assert!(scan.labels().is_ok() && scan.facts.label_values.is_some(), "{}", path.display());
    }
    let images = ["ok_image", "thick_slices", "single_slice", "same_as_LPI"].map(odd);
    let images = images.into_iter().chain(hippocampus("images")).chain([assets.join("example.nii.gz")]);
    for path in images {
        let scan = Scan::open(&path, 0).unwrap();
        let sentence = scan.labels().unwrap_err().to_string();
        assert!(sentence.contains("are image and label swapped"), "{sentence}");
        assert_eq!(scan.facts.label_values, None, "{}", path.display());
    }
}

#[test]
fn many_or_sparse_or_thin_structures_are_still_labels() {
    // 512 blocks of four voxels along each side, more than a FreeSurfer parcellation has.
    let blocks = written([32, 32, 32], |[x, y, z]| (1 + x / 4 + 8 * (y / 4) + 64 * (z / 4)) as f32);
    assert_eq!(blocks.labels().unwrap().counts().len(), 512);
    // Single voxels of a hundred values that do not touch.
    let sparse = written([40, 40, 40], |v| {
        let apart = v.iter().all(|i| i % 8 == 0);
        if apart { (1 + v[0] / 8 + 5 * (v[1] / 8) + 25 * (v[2] / 8)) as f32 } else { 0.0 }
    });
    assert_eq!(sparse.labels().unwrap().counts().len(), 125);
    // Few values are labels however they lie.
    let checked = written([16, 16, 16], |[x, y, z]| ((x + y + z) % 7) as f32);
    assert_eq!(checked.labels().unwrap().counts().len(), 6);
}

#[test]
fn values_that_read_as_background_are_counted() {
    let scan = written([8, 8, 8], |[x, y, _]| match (x, y) {
        (0, 0) => -1.0,
        (1, 0) => f32::NAN,
        _ => (x / 4) as f32,
    });
    let warnings = scan.facts.warnings.join(" ");
    assert!(warnings.contains("8 voxels are negative (down to -1)"), "{warnings}");
    assert!(warnings.contains("8 voxels were not finite"), "{warnings}");
    assert_eq!(scan.labels().unwrap().counts(), [(1, 256)]);
    let image = written([8, 8, 8], |[x, y, z]| (x * 97 + y * 31 + z * 11) as f32 % 101.0 - 50.0);
    assert_eq!(image.facts.warnings, [""; 0], "an image may have negative values");
}

#[test]
fn a_series_is_no_label_map_and_is_called_what_it_seems_to_be() {
    let grid = grid([6, 5, 4]);
    let folder = tempfile::tempdir().unwrap();
    for (value, words) in [(1.0, "one-hot"), (0.3, "probabilities"), (7.0, "not known")] {
        // A file of its own for each, since one that was opened is never written over.
        let path = folder.path().join(format!("{words}.nii.gz"));
        let volume = |n| {
            let voxels = (0..grid.len()).map(|i| if i % 3 == n { value } else { 0.0 }).collect();
            Volume { grid, voxels }
        };
        write_series(&path, &[volume(0), volume(1), volume(2)], &Header::for_grid(&grid)).unwrap();
        let sentence = Scan::open(&path, 1).unwrap().labels().unwrap_err().to_string();
        assert!(sentence.contains("holds 3 volumes") && sentence.contains(words), "{sentence}");
    }
    let one = LabelMap { grid, voxels: vec![1; grid.len()] };
    let path = folder.path().join("one.nii.gz");
    write_labels(&path, &one, &Header::for_grid(&grid)).unwrap();
    assert!(Scan::open(&path, 0).unwrap().labels().is_ok());
}
