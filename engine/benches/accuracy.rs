//! Dice of the bundled weights on real scans beside the label-copy floor, as a Markdown table:
//! `cargo bench -p exemplar-engine --bench accuracy -- DATA_DIR`, where DATA_DIR holds `hippocampus_msd` and `ixi_dlmuse`.
//!
//! Most of these cases were in the training of the bundled weights, so this checks the pipeline, not the quality.

use exemplar_engine::metrics::compare;
use exemplar_engine::network::{Device, Model};
use exemplar_engine::nifti::Scan;
use exemplar_engine::pipeline::{Example, Options, segment};
use exemplar_engine::preprocess::{Order, statistics::otsu};
use exemplar_engine::{LabelMap, Result, Volume};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A set of cases and how it is divided.
struct Set {
    name: &'static str,
    folder: &'static str,
    label_ending: &'static str,
    image_ending: &'static str,
    labels: &'static [u16],
    examples: usize,
    targets: usize,
}

const SETS: [Set; 2] = [
    Set {
        name: "hippocampus crops",
        folder: "hippocampus_msd",
        image_ending: ".nii.gz",
        label_ending: ".nii.gz",
        labels: &[1, 2],
        examples: 8,
        targets: 20,
    },
    Set {
        name: "IXI heads, 2 mm",
        folder: "ixi_dlmuse",
        image_ending: "_T1.nii.gz",
        label_ending: "_T1_DLMUSE.nii.gz",
        labels: &[47, 48, 59, 60, 51, 52, 57, 36, 35],
        examples: 8,
        targets: 10,
    },
];

fn main() -> Result<()> {
    let Some(data) = std::env::args().skip(1).find(|arg| !arg.starts_with('-')) else {
        println!("Give the folder of the development data: cargo bench --bench accuracy -- DATA_DIR");
        return Ok(());
    };
    let model = Model::bundled(&Device::cpu())?;
    println!("| set | label | Dice | label-copy floor |\n| --- | --- | --- | --- |");
    for set in SETS {
        let [examples, targets] = divide(&set, Path::new(&data))?;
        let mut ours = vec![0.0; set.labels.len()];
        let mut floor = vec![0.0; set.labels.len()];
        let options = Options { labels: set.labels.to_vec(), ..Options::default() };
        for (n, target) in targets.iter().enumerate() {
            let result = segment(&model, &target.image, &examples, &options, &mut |_| Ok(()))?;
            let truth = body_order(&target.image, &target.label).1;
            add(&mut ours, &set, &body_order(&target.image, &result.mask).1, &truth)?;
            add(&mut floor, &set, &copied(target, &examples, set.labels), &truth)?;
            let mean = |sums: &[f64]| sums.iter().sum::<f64>() / (sums.len() * (n + 1)) as f64;
            eprintln!(
                "{}: {} of {}, Dice so far {:.3}, floor {:.3}",
                set.name,
                n + 1,
                targets.len(),
                mean(&ours),
                mean(&floor)
            );
        }
        let n = targets.len() as f64;
        for (i, label) in set.labels.iter().enumerate() {
            println!("| {} | {label} | {:.3} | {:.3} |", set.name, ours[i] / n, floor[i] / n);
        }
        let mean = |sums: &[f64]| sums.iter().sum::<f64>() / n / sums.len() as f64;
        println!("| **{}** | **mean** | **{:.3}** | **{:.3}** |", set.name, mean(&ours), mean(&floor));
    }
    Ok(())
}

/// Examples and targets, both evenly spread over the sorted names.
fn divide(set: &Set, data: &Path) -> Result<[Vec<Example<LabelMap>>; 2]> {
    let folder = data.join(set.folder);
    let entries = std::fs::read_dir(folder.join("images"));
    let entries = entries.map_err(|source| exemplar_engine::Error::Io { path: folder.clone(), source })?;
    let mut images: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    images.sort();
    let open = |image: &PathBuf| {
        let file = image
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .replace(set.image_ending, set.label_ending);
        let label = Arc::new(Scan::open(&folder.join("labels").join(file), 0)?.labels()?);
        let image = Arc::new(Scan::open(image, 0)?);
        Ok(Example { name: image.name.clone(), image, label })
    };
    let spread = |images: &[PathBuf], n: usize| {
        (0..n).map(|i| images[i * images.len() / n].clone()).collect::<Vec<_>>()
    };
    let examples = spread(&images, set.examples);
    images.retain(|image| !examples.contains(image));
    let targets = spread(&images, set.targets);
    Ok([examples.iter().map(open).collect::<Result<_>>()?, targets.iter().map(open).collect::<Result<_>>()?])
}

const FITS: &str = "the test set fits into memory";

fn body_order(image: &Scan, labels: &LabelMap) -> (Volume, LabelMap) {
    let order = Order::of(&image.volume.grid);
    let (image, labels) = (order.apply_to_image(&image.volume), order.apply_to_labels(labels));
    (image.expect(FITS), labels.expect(FITS))
}

fn add(sums: &mut [f64], set: &Set, prediction: &LabelMap, truth: &LabelMap) -> Result<()> {
    let agreements = compare(prediction, truth)?;
    for (sum, label) in sums.iter_mut().zip(set.labels) {
        *sum += agreements.iter().find(|a| a.label == *label).map_or(1.0, |a| a.dice);
    }
    Ok(())
}

/// The floor: the examples' labels laid on the target by centre and spread of the bright voxels, majority vote.
fn copied(target: &Example<LabelMap>, examples: &[Example<LabelMap>], labels: &[u16]) -> LabelMap {
    let (image, _) = body_order(&target.image, &target.label);
    let (center, spread) = bright(&image);
    let ready = |example: &Example<LabelMap>| {
        let (image, labels) = body_order(&example.image, &example.label);
        (bright(&image), labels)
    };
    let ready: Vec<_> = examples.iter().map(ready).collect();
    let mut copy = LabelMap::empty(image.grid).expect(FITS);
    let [nx, ny, _] = image.grid.shape;
    for (at, out) in copy.voxels.iter_mut().enumerate() {
        let voxel = [at % nx, at / nx % ny, at / nx / ny];
        let mut votes = vec![0; labels.len()];
        for ((c, s), map) in &ready {
            let place: [f64; 3] =
                std::array::from_fn(|a| ((voxel[a] as f64 - center[a]) / spread[a] * s[a] + c[a]).round());
            if (0..3).all(|a| place[a] >= 0.0 && place[a] < map.grid.shape[a] as f64) {
                let value = map.voxels[map.grid.index(place.map(|p| p as usize))];
                if let Some(i) = labels.iter().position(|&label| label == value) {
                    votes[i] += 1;
                }
            }
        }
        let background = examples.len() - votes.iter().sum::<usize>();
        let most = (0..votes.len()).max_by_key(|&i| votes[i]).filter(|&i| votes[i] > background);
        *out = most.map_or(0, |i| labels[i]);
    }
    copy
}

/// Centre and standard deviation, in voxels, of the voxels above Otsu's threshold.
fn bright(image: &Volume) -> ([f64; 3], [f64; 3]) {
    let threshold = otsu(&[&image.voxels]).unwrap_or(f32::NEG_INFINITY);
    let [nx, ny, _] = image.grid.shape;
    let (mut n, mut sum, mut squares) = (0.0, [0.0; 3], [0.0; 3]);
    for (at, _) in image.voxels.iter().enumerate().filter(|(_, v)| **v > threshold) {
        n += 1.0;
        for (a, v) in [at % nx, at / nx % ny, at / nx / ny].into_iter().enumerate() {
            sum[a] += v as f64;
            squares[a] += (v * v) as f64;
        }
    }
    let center = sum.map(|s| s / n);
    (center, std::array::from_fn(|a| (squares[a] / n - center[a] * center[a]).sqrt().max(1e-6)))
}
