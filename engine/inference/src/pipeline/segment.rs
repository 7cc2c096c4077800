//! The default pipeline: each step once per image, example or label, as one run.

use super::fuse::{LabelFusion, Threshold, probability_volume};
use super::labelled::{Labelled, must_lie_on};
use super::predict::predict;
use super::scene::Scene;
use super::{Cache, Example, Findings, NamedImage, Probabilities, Run, Segmentation};
use imaging::{Error, LabelMap, Result};
use std::collections::BTreeMap;

/// Number of voxels of each label in an example, by label value.
pub type VoxelCounts = BTreeMap<u16, usize>;

/// Segments the target with one binary task per label.
pub fn segment(
    (mut run, mut findings): (Run, Findings),
    cache: &Cache,
    target: &NamedImage,
    (examples, voxel_counts): (&[Example<LabelMap>], &[VoxelCounts]),
    labels: &[u16],
    refined: bool,
) -> Result<Segmentation> {
    for Example { image, label } in examples {
        must_lie_on(&image.name, &image.volume.grid, &label.grid)?;
    }
    let Scene { target, registered } = Scene::set(&mut run, &mut findings, cache, (target, examples), true)?;
    let mut labelled = Vec::new();
    for (registered, example) in registered.into_iter().zip(examples) {
        let example = Labelled::new(registered, example.label.clone(), labels)?;
        let small: Vec<u16> = example.below_resolution().collect();
        if !small.is_empty() {
            let (name, small) =
                (&example.registered().example().image().name, findings.options.name_all(&small));
            findings
                .warnings
                .push(format!("{name}: too small for the working grid, kept as one voxel: {small}."));
        }
        labelled.push(example);
        run.check()?;
    }
    must_be_reached(&mut findings, labels, voxel_counts, &labelled)?;
    warn_of_those_beyond(&mut findings, labels, voxel_counts, &labelled, |example, value, voxels| {
        let structure = example.structures.get(&value)?;
        Some(target.shows(example.registered().working_grid(), structure, voxels))
    });
    let trusted = findings.trusted();
    let numbers: Vec<usize> = (0..examples.len()).filter(|&n| trusted[n]).collect();
    let context: Vec<&Labelled> = numbers.iter().map(|&n| &labelled[n]).collect();
    let mut fusion = LabelFusion::new(&target, Threshold::default())?;
    let mut volumes = Vec::new();
    for &label in labels {
        let probabilities = predict(&mut run, &target, &context, label, refined)?;
        let Probabilities { read, .. } = &probabilities;
        let readers = || numbers.iter().zip(read).filter(|(_, read)| **read);
        readers().for_each(|(&n, _)| findings.placements[n].used = true);
        let (n, all) = (readers().count(), numbers.len());
        if (1..all).contains(&n) {
            let label = findings.options.name_all(&[label]);
            findings
                .warnings
                .push(format!("Only {n} of {all} examples show {label} where the network looks."));
        }
        fusion.add(&probabilities);
        if findings.options.probabilities {
            volumes.push(probability_volume(&target, &probabilities)?);
        }
    }
    run.restoring()?;
    let mask = fusion.labels()?;
    Ok(Segmentation { report: findings.report(&run, Some((&mask, labels))), mask, probabilities: volumes })
}

/// Warns of structures that lie outside the working grids of their examples.
///
/// # Errors
/// [`Error::Request`] if no structure lies inside.
fn must_be_reached(
    findings: &mut Findings,
    labels: &[u16],
    voxel_counts: &[VoxelCounts],
    examples: &[Labelled],
) -> Result<()> {
    for (counts, example) in voxel_counts.iter().zip(examples) {
        let is_outside = |label: &u16| counts.contains_key(label) && !example.structures.contains_key(label);
        let outside: Vec<u16> = labels.iter().copied().filter(is_outside).collect();
        let name = &example.registered().example().image().name;
        let rest = format!("outside the part of example {name} that the network sees.");
        findings.warn_of(&outside, ["lies", "lie"], &rest);
    }
    if examples.iter().all(|example| example.structures.is_empty()) {
        return Err(Error::Request(format!(
            "Nothing can be looked for, since all of these lie outside the parts of the examples that the network sees: \
             {}. It sees what looks like the target; check that the examples show the same part of the body.",
            findings.options.name_all(labels)
        )));
    }
    Ok(())
}

/// Warns of structures of which more than half lies beyond what the target shows, according to the examples that hold
/// them and are not flagged. `shown` returns the fraction of an example's structure that the target shows, given the
/// label value and its number of voxels.
fn warn_of_those_beyond(
    findings: &mut Findings,
    labels: &[u16],
    voxel_counts: &[VoxelCounts],
    examples: &[Labelled],
    shown: impl Fn(&Labelled, u16, usize) -> Option<f64>,
) {
    let is_beyond = |label: &u16| {
        let placed = voxel_counts.iter().zip(examples);
        let placed = placed.filter(|(_, example)| example.registered().flag().is_none());
        let parts: Vec<f64> =
            placed.filter_map(|(counts, example)| shown(example, *label, *counts.get(label)?)).collect();
        parts.iter().sum::<f64>() < 0.5 * parts.len() as f64
    };
    let beyond: Vec<u16> = labels.iter().copied().filter(is_beyond).collect();
    let rest = "beyond what the target shows, according to the examples; do not trust what is found there.";
    findings.warn_of(&beyond, ["lies", "lie"], rest);
}
