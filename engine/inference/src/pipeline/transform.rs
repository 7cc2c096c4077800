//! Transformation: the examples' labels are images.

use super::fuse::InverseResampler;
use super::labelled::must_lie_on;
use super::scene::Scene;
use super::{Cache, Example, Findings, NamedImage, Run, Transformation};
use crate::preprocess::Reorientation;
use imaging::{Cube, Error, Result, Volume};
use std::collections::BTreeSet;

/// Transforms the target with the aligned pipeline.
pub fn transform(
    (mut run, mut findings): (Run, Findings),
    cache: &Cache,
    target: &NamedImage,
    examples: &[Example<Volume>],
) -> Result<Transformation> {
    for Example { image, label } in examples {
        must_lie_on(&image.name, &image.volume.grid, &label.grid)?;
    }
    let Scene { target, registered } = Scene::set(&mut run, &mut findings, cache, (target, examples), false)?;
    let mut results = Vec::new();
    for (registered, Example { image, label }) in registered.iter().zip(examples) {
        let result = Reorientation::of(&label.grid).image_to_ras(label)?;
        let working = registered.working_grid();
        let range = working.intensity_range(&result)?;
        let name = &image.name;
        if range[0] >= range[1] {
            return Err(Error::Request(format!(
                "The result image of example {name} has one intensity ({}) nearly everywhere, so there is nothing to \
                 transform to; if it is a label map, segment instead.",
                range[0]
            )));
        }
        if let Some(few) = few_values(&result) {
            findings.warnings.push(format!(
                "The result image of example {name} has {few} different intensities only, as a label map has; to find \
                 structures, segment instead."
            ));
        }
        results.push((working.image(&result, range)?, range));
        run.check()?;
    }
    let trusted = findings.trusted();
    findings.placements.iter_mut().zip(&trusted).for_each(|(placement, &trusted)| placement.used = trusted);
    let context: Vec<_> = registered
        .iter()
        .zip(&results)
        .zip(trusted)
        .filter_map(|(c, trusted)| trusted.then_some(c))
        .collect();
    let pairs: Vec<(&Cube, &Cube)> =
        context.iter().map(|(image, (result, _))| (image.cube(), result)).collect();
    let pass = run.next_label();
    let mut output = run.output_on(&target, &pairs, pass)?;
    run.restoring()?;
    let mean = |i: usize| context.iter().map(|(_, (_, range))| range[i]).sum::<f32>() / context.len() as f32;
    let (low, high) = (mean(0), mean(1));
    for value in &mut output.voxels {
        *value = low + *value * (high - low);
    }
    let ras = InverseResampler::new(target.working_grid()).volume(&output, low)?;
    let voxels = target.content.orientation.from_ras(&ras)?;
    let image = Volume { grid: target.image().volume.grid, voxels };
    Ok(Transformation { image, report: findings.report(&run, None) })
}

/// The number of distinct intensities of an image, if they are fewer than the 16 of a 4-bit image.
fn few_values(image: &Volume) -> Option<usize> {
    let mut values = BTreeSet::new();
    let few = |value: &f32| {
        values.insert(value.to_bits());
        values.len() < 16
    };
    image.voxels.iter().all(few).then_some(values.len())
}
