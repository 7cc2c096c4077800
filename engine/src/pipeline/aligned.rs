//! The default pipeline: foreground box, isotropic working grid, examples aligned to the target and bent onto it, soft
//! labels, calibrated probabilities.

use super::fine::{Holder, look};
use super::restore::{Contest, Restorer, probability};
use super::run::{Run, Task, must_agree};
use super::{Example, Looks, Pipeline, Record, Segmentation, Transformation};
use crate::network::Cube;
use crate::nifti::Scan;
use crate::preprocess::align::{Fixed, aligned};
use crate::preprocess::bend::Bend;
use crate::preprocess::soft::{SoftLabel, soft_labels};
use crate::preprocess::{Frame, Order, frame};
use crate::{LabelMap, Result, Volume};
use std::collections::BTreeMap;

/// An image as the network sees it.
pub struct Seen {
    pub order: Order,
    pub frame: Frame,
    /// What became 0 and 1.
    pub intensity: [f32; 2],
    cube: Cube,
}

impl Seen {
    /// The target by its own foreground; an example, moreover, so that it shows what the `target` shows.
    fn new(run: &mut Run, name: &str, scan: &Scan, target: Option<&Self>) -> Result<Self> {
        let order = Order::of(&scan.volume.grid);
        let body = order.apply_to_image(&scan.volume)?;
        let mut frame = Frame::around_foreground(&body, Pipeline::Aligned.side(run.model))?;
        let intensity = frame.intensity_range(&body)?;
        if let Some(target) = target {
            frame = aligned(&frame, &body, intensity, &Fixed { frame: &target.frame, cube: &target.cube })?;
        }
        if intensity[0] >= intensity[1] {
            run.warnings.push(format!("{name}: the image is constant, so there is nothing to see in it."));
        }
        run.warnings.extend(scan.facts.warnings.iter().map(|warning| format!("{name}: {warning}")));
        run.records.push(Record {
            name: name.into(),
            orientation: scan.volume.grid.orientation(),
            box_voxels: [frame.within.each_ref().map(|e| e.start), frame.within.each_ref().map(|e| e.end)],
            working_voxel_mm: frame.voxel_mm,
            intensity,
            bent_mm: None,
        });
        let cube = frame.image(&body, intensity)?;
        Ok(Self { order, frame, intensity, cube })
    }
}

/// Segments: one binary task for each label.
pub fn segment(mut run: Run, target: &Scan, examples: &[Example<LabelMap>]) -> Result<Segmentation> {
    let (seen, contexts) = prepare(&mut run, target, examples, |run, seen, example| {
        let image = &example.image.volume.grid;
        let labels = Order::of(&example.label.grid).apply_to_labels(&example.label)?;
        must_agree(&example.name, &seen.order.grid(image), &labels.grid)?;
        let soft = soft_labels(&labels, &seen.frame.taps())?;
        run.warnings.extend(rescued(run, &example.name, &soft));
        Ok(soft)
    })?;
    let labels = run.wanted(contexts.iter().flat_map(|(_, soft)| soft.keys().copied()))?;
    let closer = match run.options.looks {
        Looks::AsTrained => run.model.info.closer,
        Looks::One => false,
        Looks::Closer => true,
    };
    let bent = run.each(&contexts, |(example, _)| {
        let bend = Bend::onto(&seen.cube, &example.cube)?;
        let image = bend.image(&example.cube)?;
        Ok((bend, image))
    })?;
    for (record, (bend, _)) in run.records.iter_mut().skip(1).zip(&bent) {
        record.bent_mm = Some(bend.mean(&seen.cube) * seen.frame.voxel_mm[0]);
    }
    let encoded = run.encode(&seen.cube)?;
    let mut contest = Contest::new(&seen.frame)?;
    let mut probabilities = Vec::new();
    for (number, &label) in labels.iter().enumerate() {
        let mut holders = Vec::new();
        for ((example, (seen, soft)), (bend, image)) in examples.iter().zip(&contexts).zip(&bent) {
            let Some(soft) = soft.get(&label) else { continue };
            let mask = bend.label(&frame::cube(seen.frame.side, &soft.patch)?)?;
            let (scan, labels) = (&*example.image, &*example.label);
            holders.push(Holder { scan, labels, value: label, seen, soft, bent: (image, mask) });
        }
        if holders.len() < contexts.len() {
            let (name, n, all) = (run.options.names.name(label), holders.len(), contexts.len());
            run.warnings.push(format!("{name} is in {n} of {all} examples; only these were used for it."));
        }
        let task = Task { label: number + 1, labels: labels.len(), look: 1 };
        let pairs: Vec<_> = holders.iter().map(|holder| (holder.bent.0, &holder.bent.1)).collect();
        let coarse = probability(run.predict(&encoded, &pairs, task)?);
        let fine = if closer { look(&mut run, (target, &seen), &coarse, &holders, task)? } else { None };
        let found = contest.enter(label, &coarse, fine.as_ref(), run.options.probabilities)?;
        if let Some(found) = found {
            probabilities.push(Volume { grid: target.volume.grid, voxels: seen.order.restore(&found)? });
        }
    }
    run.restoring()?;
    let mask = LabelMap { grid: target.volume.grid, voxels: seen.order.restore(&contest.winner())? };
    Ok(Segmentation { report: run.report(Some((&mask, &labels))), mask, probabilities })
}

/// Transforms: the examples' labels are images.
pub fn transform(mut run: Run, target: &Scan, examples: &[Example<Volume>]) -> Result<Transformation> {
    let (seen, contexts) = prepare(&mut run, target, examples, |_, seen, example| {
        let image = &example.image.volume.grid;
        let result = Order::of(&example.label.grid).apply_to_image(&example.label)?;
        must_agree(&example.name, &seen.order.grid(image), &result.grid)?;
        let range = seen.frame.intensity_range(&result)?;
        Ok((seen.frame.image(&result, range)?, range))
    })?;
    let encoded = run.encode(&seen.cube)?;
    let pairs: Vec<_> = contexts.iter().map(|(image, (result, _))| (&image.cube, result)).collect();
    let mut output = run.predict(&encoded, &pairs, Task::ONLY)?;
    run.restoring()?;
    let mean =
        |i: usize| contexts.iter().map(|(_, (_, range))| range[i]).sum::<f32>() / contexts.len() as f32;
    let (low, high) = (mean(0), mean(1));
    for value in &mut output.voxels {
        *value = low + *value * (high - low);
    }
    let voxels = seen.order.restore(&Restorer::new(&seen.frame).volume(&output, low)?)?;
    let image = Volume { grid: target.volume.grid, voxels };
    Ok(Transformation { image, report: run.report(None) })
}

/// Brings target and examples to their working grids, each image once; `read` does so with an example's label.
fn prepare<L, S>(
    run: &mut Run,
    target: &Scan,
    examples: &[Example<L>],
    read: impl Fn(&mut Run, &Seen, &Example<L>) -> Result<S>,
) -> Result<(Seen, Vec<(Seen, S)>)> {
    let seen = Seen::new(run, &target.name, target, None)?;
    let mut contexts = Vec::new();
    for (n, example) in examples.iter().enumerate() {
        run.prepared(n + 1)?;
        let image = Seen::new(run, &example.name, &example.image, Some(&seen))?;
        let label = read(run, &image, example)?;
        contexts.push((image, label));
    }
    Ok((seen, contexts))
}

/// A sentence on structures that are too small for the working grid.
fn rescued(run: &Run, example: &str, soft: &BTreeMap<u16, SoftLabel>) -> Option<String> {
    let wanted = |label: &u16| run.options.labels.is_empty() || run.options.labels.contains(label);
    let small = soft.iter().filter(|(label, soft)| soft.rescued && wanted(label));
    let names: Vec<_> = small.map(|(&label, _)| run.options.names.name(label)).collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("{example}: too small for the working grid, kept as one voxel: {names}.")
    })
}
