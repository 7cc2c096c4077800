//! The default pipeline: foreground box, isotropic working grid, examples aligned to the target and bent onto it, soft
//! labels, calibrated probabilities.

use super::fuse::{InverseResampler, LabelFusion, probability};
use super::refine::{ContextExample, refine};
use super::run::{Run, Task, must_agree};
use super::{
    Example, Pipeline, Placement, PreprocessingRecord, Refinement, Segmentation, Stage, Transformation,
};
use crate::preprocess::displacement_field::DisplacementField;
use crate::preprocess::partial_volume::{PartialVolume, partial_volumes};
use crate::preprocess::scale_shift::{Fixed, aligned};
use crate::preprocess::{Reorientation, Visible, WorkingGrid, working_grid};
use imaging::Cube;
use imaging::io::Scan;
use imaging::{Error, Grid, LabelMap, Result, Volume, memory};
use std::collections::{BTreeMap, BTreeSet};

/// An image as the network sees it.
pub struct Seen {
    pub order: Reorientation,
    pub frame: WorkingGrid,
    /// What became 0 and 1.
    pub intensity: [f32; 2],
    pub visible: Visible,
    /// That of the image in the body's order.
    grid: Grid,
    cube: Cube,
}

impl Seen {
    /// The target by its own foreground; an example, moreover, so that it shows what the `target` shows.
    fn new(run: &mut Run, name: &str, scan: &Scan, target: Option<&Self>) -> Result<Self> {
        let order = Reorientation::of(&scan.volume.grid);
        let mut body = order.image_to_ras(&scan.volume)?;
        let visible = Visible::of(&body)?;
        visible.apply(&mut body);
        run.warnings.extend(visible.notes().map(|note| format!("{name}: {note}")));
        let mut frame = WorkingGrid::around_foreground(&body, Pipeline::Aligned.side(run.model))?;
        let intensity = frame.intensity_range(&body)?;
        if let Some(target) = target {
            let fixed = Fixed { frame: &target.frame, cube: &target.cube };
            let found = aligned(&frame, &body, intensity, &fixed)?;
            frame = found.frame.clone();
            let placed = Placement::new(name, (&frame, &body.grid), (&target.frame, &target.grid), found);
            run.placements.push(placed);
        }
        if intensity[0] >= intensity[1] {
            run.warnings.push(format!("{name}: the image is constant, so there is nothing to see in it."));
        }
        run.warnings.extend(scan.facts.warnings.iter().map(|warning| format!("{name}: {warning}")));
        run.records.push(PreprocessingRecord {
            name: name.into(),
            orientation: scan.volume.grid.orientation(),
            box_voxels: [frame.within.each_ref().map(|e| e.start), frame.within.each_ref().map(|e| e.end)],
            working_voxel_mm: frame.voxel_mm,
            intensity,
            mean_displacement_mm: None,
        });
        let cube = frame.image(&body, intensity)?;
        Ok(Self { order, frame, intensity, visible, grid: body.grid, cube })
    }

    /// What the network sees of this image, whose scan is `scan`, in a frame.
    pub fn in_frame(&self, scan: &Scan, frame: &WorkingGrid) -> Result<Cube> {
        let voxel = self.order.ras_view(&scan.volume.voxels);
        frame.image_of(|at| self.visible.value(voxel(at)), self.intensity)
    }

    /// The part of a structure of so many voxels of an example that lies where this image shows anything, by its working grid.
    fn shows(&self, example: &WorkingGrid, soft: &PartialVolume, voxels: usize) -> f64 {
        let inside = |at: [usize; 3]| {
            (0..3).all(|axis| self.frame.lies_in(&self.visible.extent[axis], axis, at[axis] as f64))
        };
        let shown: f64 =
            soft.patch.places().filter(|(at, _)| inside(*at)).map(|(_, part)| f64::from(part)).sum();
        shown / (voxels as f64 * example.working_per_voxel())
    }
}

/// Segments: one binary task for each label.
pub fn segment(mut run: Run, target: &Scan, examples: &[Example<LabelMap>]) -> Result<Segmentation> {
    let held: Vec<BTreeMap<u16, usize>> =
        examples.iter().map(|e| e.label.counts().into_iter().collect()).collect();
    let labels = run.wanted(held.iter().flat_map(|held| held.keys().copied()))?;
    let closer = match run.options.looks {
        Refinement::AsTrained => run.model.info.closer,
        Refinement::One => false,
        Refinement::Closer => true,
    };
    run.plan(labels.len(), closer, true)?;
    let (seen, contexts) = prepare(&mut run, target, examples, |run, seen, example| {
        let image = &example.image.volume.grid;
        let maps = Reorientation::of(&example.label.grid).labels_to_ras(&example.label)?;
        must_agree(&example.name, &seen.order.grid(image), &maps.grid)?;
        let mut soft = partial_volumes(&maps, &seen.frame.taps())?;
        soft.retain(|label, _| labels.contains(label));
        let small: Vec<u16> =
            soft.iter().filter(|(_, soft)| soft.below_resolution).map(|(&label, _)| label).collect();
        if !small.is_empty() {
            let (name, small) = (&example.name, run.name_all(&small));
            run.warnings.push(format!("{name}: too small for the working grid, kept as one voxel: {small}."));
        }
        Ok(soft)
    })?;
    outside(&mut run, &labels, (examples, &held), &contexts)?;
    not_shown(&mut run, &labels, &seen, (&held, &contexts));
    let trusted = run.trusted();
    let total = contexts.len();
    let bending = |done: usize| Stage::Bending { done, total };
    let bent = run.bend(&contexts, bending, |(example, _)| {
        let bend = DisplacementField::onto(&seen.cube, &example.cube)?;
        let image = bend.image(&example.cube)?;
        Ok((bend, image))
    })?;
    for (record, (bend, _)) in run.records.iter_mut().skip(1).zip(&bent) {
        record.mean_displacement_mm = Some(bend.mean(&seen.cube) * seen.frame.voxel_mm[0]);
    }
    let encoded = run.encode(&seen.cube)?;
    let mut contest = LabelFusion::new(&seen.frame)?;
    let mut probabilities = Vec::new();
    for (number, &label) in labels.iter().enumerate() {
        let task = Task { label: number + 1, labels: labels.len(), look: 1 };
        run.begin(task);
        let mut holders = Vec::new();
        for (n, ((example, (seen, soft)), (bend, image))) in
            examples.iter().zip(&contexts).zip(&bent).enumerate()
        {
            let Some(soft) = soft.get(&label).filter(|_| trusted[n]) else { continue };
            let mask = bend.label(&working_grid::cube(seen.frame.side, &soft.patch)?)?;
            // What is bent off the working grid says nothing.
            if mask.voxels.iter().all(|&part| part == 0.0) {
                continue;
            }
            let (scan, labels) = (&*example.image, &*example.label);
            holders.push(ContextExample { scan, labels, value: label, seen, soft, bent: (image, mask) });
            run.placements[n].used = true;
        }
        let (n, all) = (holders.len(), trusted.iter().filter(|&&trusted| trusted).count());
        if (1..all).contains(&n) {
            let label = run.name_all(&[label]);
            run.warnings.push(format!("Only {n} of {all} examples show {label} where the network looks."));
        }
        let pairs: Vec<_> = holders.iter().map(|holder| (holder.bent.0, &holder.bent.1)).collect();
        let (coarse, fine) = if holders.is_empty() {
            let nothing = memory::zeros(seen.cube.voxels.len())?;
            (Cube { side: seen.frame.side, voxels: nothing }, None)
        } else {
            let coarse = probability(run.predict(&encoded, &pairs, task)?);
            let fine =
                if closer { refine(&mut run, (target, &seen), &coarse, &holders, task)? } else { None };
            (coarse, fine)
        };
        let found = contest.enter(label, &coarse, fine.as_ref(), run.options.probabilities)?;
        if let Some(found) = found {
            probabilities.push(Volume { grid: target.volume.grid, voxels: seen.order.from_ras(&found)? });
        }
    }
    run.restoring()?;
    let mask = LabelMap { grid: target.volume.grid, voxels: seen.order.from_ras(&contest.winner())? };
    Ok(Segmentation { report: run.report(Some((&mask, &labels))), mask, probabilities })
}

/// An example's image, and those of its structures that are asked for and lie on its working grid.
type Context = (Seen, BTreeMap<u16, PartialVolume>);

/// Voxels of each label of an example.
type Held = BTreeMap<u16, usize>;

/// Warns of structures that examples hold where the network does not look.
///
/// # Errors
/// [`Error::Request`] where none of them lies where it looks.
fn outside(
    run: &mut Run,
    labels: &[u16],
    (examples, held): (&[Example<LabelMap>], &[Held]),
    contexts: &[Context],
) -> Result<()> {
    for ((example, held), (_, soft)) in examples.iter().zip(held).zip(contexts) {
        let is_outside = |label: &u16| held.contains_key(label) && !soft.contains_key(label);
        let outside: Vec<u16> = labels.iter().copied().filter(is_outside).collect();
        let rest = format!("outside the part of example {} that the network sees.", example.name);
        run.warn_of(&outside, ["lies", "lie"], &rest);
    }
    if contexts.iter().all(|(_, soft)| soft.is_empty()) {
        return Err(Error::Request(format!(
            "Nothing can be looked for, since all of these lie outside the parts of the examples that the network sees: \
             {}. It sees what looks like the target; check that the examples show the same part of the body.",
            run.name_all(labels)
        )));
    }
    Ok(())
}

/// Warns of structures more than half of which lies beyond what the target shows, to judge by the examples that show them
/// and whose place is known.
fn not_shown(run: &mut Run, labels: &[u16], target: &Seen, (held, contexts): (&[Held], &[Context])) {
    let is_beyond = |label: &u16| {
        let of = |(held, (seen, soft)): (&Held, &Context)| {
            Some(target.shows(&seen.frame, soft.get(label)?, *held.get(label)?))
        };
        let placed = held.iter().zip(contexts).zip(&run.placements);
        let placed = placed.filter(|(_, placement)| !placement.flagged);
        let parts: Vec<f64> = placed.filter_map(|(example, _)| of(example)).collect();
        parts.iter().sum::<f64>() < 0.5 * parts.len() as f64
    };
    let beyond: Vec<u16> = labels.iter().copied().filter(is_beyond).collect();
    let rest = "beyond what the target shows, to judge by the examples; do not trust what is found there.";
    run.warn_of(&beyond, ["lies", "lie"], rest);
}

/// Transforms: the examples' labels are images.
pub fn transform(mut run: Run, target: &Scan, examples: &[Example<Volume>]) -> Result<Transformation> {
    run.plan(1, false, false)?;
    let (seen, contexts) = prepare(&mut run, target, examples, |run, seen, example| {
        let image = &example.image.volume.grid;
        let result = Reorientation::of(&example.label.grid).image_to_ras(&example.label)?;
        must_agree(&example.name, &seen.order.grid(image), &result.grid)?;
        let range = seen.frame.intensity_range(&result)?;
        let name = &example.name;
        if range[0] >= range[1] {
            return Err(Error::Request(format!(
                "The result image of example {name} has one intensity ({}) nearly everywhere, so there is nothing to \
                 transform to; if it is a label map, segment instead.",
                range[0]
            )));
        }
        if let Some(few) = few_values(&result) {
            run.warnings.push(format!(
                "The result image of example {name} has {few} different intensities only, as a label map has; to find \
                 structures, segment instead."
            ));
        }
        Ok((seen.frame.image(&result, range)?, range))
    })?;
    let trusted = run.trusted();
    run.placements.iter_mut().zip(&trusted).for_each(|(placement, &trusted)| placement.used = trusted);
    let contexts: Vec<_> =
        contexts.into_iter().zip(trusted).filter_map(|(c, trusted)| trusted.then_some(c)).collect();
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
    let voxels = seen.order.from_ras(&InverseResampler::new(&seen.frame).volume(&output, low)?)?;
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
    run.prepared(1)?;
    let mut contexts = Vec::new();
    for (n, example) in examples.iter().enumerate() {
        let image = Seen::new(run, &example.name, &example.image, Some(&seen))?;
        let label = read(run, &image, example)?;
        contexts.push((image, label));
        run.prepared(n + 2)?;
    }
    Ok((seen, contexts))
}

/// The number of different intensities of an image, if they are fewer than an image of 4 bits can have.
fn few_values(image: &Volume) -> Option<usize> {
    let mut values = BTreeSet::new();
    let few = |value: &f32| {
        values.insert(value.to_bits());
        values.len() < 16
    };
    image.voxels.iter().all(few).then_some(values.len())
}
