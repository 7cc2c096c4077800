//! The pipeline of the published script, for parity and papers: every volume resampled to 128³ by nearest neighbour
//! without regard to orientation and spacing, intensities scaled by minimum and maximum, threshold > 0.5 per class,
//! later classes over earlier ones.
//!
//! The script also runs background as a class. It is the first class and writes 0, so it changes nothing and is omitted
//! here. One deliberate difference: labels are written as integers on the target's own header (the script's are read
//! back as 1.00001526).

use super::fuse::probability;
use super::labelled::must_agree;
use super::{
    Example, Findings, NamedImage, Placement, PreprocessingRecord, Run, Segmentation, Transformation,
};
use crate::preprocess::working_grid::cube_index;
use imaging::Cube;
use imaging::{LabelMap, Result, Volume, memory};

/// Side of the script's grid.
pub const SIDE: usize = 128;

/// Segments the target with one binary task per label.
pub fn segment(
    (mut run, mut findings): (Run, Findings),
    target: &NamedImage,
    examples: &[Example<LabelMap>],
    labels: &[u16],
) -> Result<Segmentation> {
    let (image, contexts) = prepare((&mut run, &mut findings), target, examples, |example| {
        must_agree(&example.image.name, &example.image.volume.grid, &example.label.grid)
    })?;
    findings.placements.iter_mut().for_each(|placement| placement.used = true);
    let encoded = run.encode(&image)?;
    let grid = target.volume.grid;
    let mut mask = LabelMap::empty(grid)?;
    let mut probabilities = Vec::new();
    for &label in labels {
        let is = |e: &Example<LabelMap>| {
            stretch(e.label.grid.shape, |i| if e.label.voxels[i] == label { 1.0 } else { 0.0 })
        };
        let tasks: Vec<Cube> = examples.iter().map(is).collect::<Result<_>>()?;
        if tasks.iter().all(|task| task.voxels.iter().all(|&part| part == 0.0)) {
            let rest = "between the voxels of this pipeline's grid in all examples.";
            findings.warn_of(&[label], ["falls"; 2], rest);
        }
        let pairs: Vec<_> = contexts.iter().zip(&tasks).collect();
        let pass = run.next_label();
        let output = run.output(&encoded, &pairs, pass)?;
        unstretch(grid.shape, &output, |i, y| {
            if y > 0.5 {
                mask.voxels[i] = label;
            }
        });
        if findings.options.probabilities {
            probabilities.push(volume(target, &probability(output))?);
        }
    }
    run.restoring()?;
    Ok(Segmentation { report: findings.report(&run, Some((&mask, labels))), mask, probabilities })
}

/// Transforms the target; the result keeps the network's units, in which 0 and 1 are the examples' extremes.
pub fn transform(
    (mut run, mut findings): (Run, Findings),
    target: &NamedImage,
    examples: &[Example<Volume>],
) -> Result<Transformation> {
    let (image, contexts) = prepare((&mut run, &mut findings), target, examples, |example| {
        must_agree(&example.image.name, &example.image.volume.grid, &example.label.grid)
    })?;
    let results: Vec<_> = examples.iter().map(|e| Ok(unit(&e.label)?.0)).collect::<Result<_>>()?;
    let pairs: Vec<_> = contexts.iter().zip(&results).collect();
    findings.placements.iter_mut().for_each(|placement| placement.used = true);
    let encoded = run.encode(&image)?;
    let pass = run.next_label();
    let output = run.output(&encoded, &pairs, pass)?;
    run.restoring()?;
    findings.warnings.push(
        "The reference pipeline writes the network's own units: 0 and 1 are the examples' smallest and largest intensity."
            .into(),
    );
    Ok(Transformation { image: volume(target, &output)?, report: findings.report(&run, None) })
}

/// Resamples target and examples to the script's grid, each image once.
fn prepare<L>(
    (run, findings): (&mut Run, &mut Findings),
    target: &NamedImage,
    examples: &[Example<L>],
    check: impl Fn(&Example<L>) -> Result<()>,
) -> Result<(Cube, Vec<Cube>)> {
    let stretched = |findings: &mut Findings, image: &NamedImage| -> Result<Cube> {
        let NamedImage { name, volume, warnings } = image;
        let grid = volume.grid;
        let (cube, intensity) = unit(volume)?;
        let spacing = grid.spacing_mm();
        findings.warnings.extend(warnings.iter().map(|warning| format!("{name}: {warning}")));
        findings.records.push(PreprocessingRecord {
            name: name.clone(),
            orientation: grid.orientation(),
            box_voxels: [[0; 3], grid.shape],
            working_voxel_mm: std::array::from_fn(|a| spacing[a] * grid.shape[a] as f64 / SIDE as f64),
            intensity,
            mean_displacement_mm: None,
        });
        Ok(cube)
    };
    let image = stretched(findings, target)?;
    let mut contexts = Vec::new();
    run.prepared(1)?;
    for (n, example) in examples.iter().enumerate() {
        check(example)?;
        contexts.push(stretched(findings, &example.image)?);
        findings.placements.push(Placement::unaligned(&example.image.name));
        run.prepared(n + 2)?;
    }
    Ok((image, contexts))
}

/// An image resampled to the script's grid and scaled to [0, 1] by its minimum and maximum there, which are returned
/// too.
fn unit(image: &Volume) -> Result<(Cube, [f32; 2])> {
    let mut cube = stretch(image.grid.shape, |i| image.voxels[i])?;
    let low = cube.voxels.iter().copied().fold(f32::INFINITY, f32::min);
    let high = cube.voxels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for value in &mut cube.voxels {
        *value = if high > low { (*value - low) / (high - low) } else { 0.0 };
    }
    Ok((cube, [low, high]))
}

/// PyTorch's nearest-neighbour interpolation: output voxel j takes input voxel ⌊j · from / to⌋, the ratio in single
/// precision.
fn nearest(from: usize, to: usize) -> Vec<usize> {
    let ratio = from as f32 / to as f32;
    (0..to).map(|j| ((j as f32 * ratio) as usize).min(from - 1)).collect()
}

/// The array that `read` returns by flat index (x fastest), on the script's grid.
fn stretch(shape: [usize; 3], read: impl Fn(usize) -> f32) -> Result<Cube> {
    let [xs, ys, zs] = shape.map(|n| nearest(n, SIDE));
    let mut voxels = memory::zeros(SIDE.pow(3))?;
    for (x, i) in xs.iter().enumerate() {
        for (y, j) in ys.iter().enumerate() {
            for (z, k) in zs.iter().enumerate() {
                voxels[cube_index(SIDE, [x, y, z])] = read(i + shape[0] * (j + shape[1] * k));
            }
        }
    }
    Ok(Cube { side: SIDE, voxels })
}

/// Calls `put` with the flat index of each voxel of an array of `shape` and its value on the script's grid.
fn unstretch(shape: [usize; 3], cube: &Cube, mut put: impl FnMut(usize, f32)) {
    let [xs, ys, zs] = shape.map(|n| nearest(SIDE, n));
    let mut at = 0;
    for &z in &zs {
        for &y in &ys {
            for &x in &xs {
                put(at, cube.voxels[cube_index(SIDE, [x, y, z])]);
                at += 1;
            }
        }
    }
}

fn volume(target: &NamedImage, cube: &Cube) -> Result<Volume> {
    let grid = target.volume.grid;
    let mut voxels = memory::zeros(grid.len())?;
    unstretch(grid.shape, cube, |i, value| voxels[i] = value);
    Ok(Volume { grid, voxels })
}
