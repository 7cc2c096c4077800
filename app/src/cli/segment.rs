//! `exemplar segment` and `exemplar transform`.

use super::print::{note, out};
use super::report::{self, Files, Pair};
use super::{GeometryArg, RunArgs, conflict, examples, outputs, progress};
use anyhow::Result;
use imaging::conform::GeometryChoice;
use imaging::io::{Scan, write_image, write_labels, write_series};
use imaging::labels::Names;
use imaging::{Error, Image, Voxel};
use inference::pipeline::{Example, NamedImage, Options, Report};
use inference::runner::Runner;
use std::sync::Arc;
use std::time::Instant;

/// Runs `segment`.
pub fn segment(args: &RunArgs) -> Result<()> {
    run(
        args,
        |scan| scan.labels(),
        |job| {
            let (target, examples) = (NamedImage::from(&job.target), job.examples.clone());
            let result = job.runner.segment(target, examples, &job.options, &mut progress::bar())?;
            let header = &job.target.header;
            let mut files: Vec<Output> = vec![Box::new(|| write_labels(&args.output, &result.mask, header))];
            if let Some(path) = &args.probabilities {
                files.push(Box::new(|| write_series(path, &result.probabilities, header)));
            }
            finish(args, job, files, result.report.clone())
        },
    )
}

/// Runs `transform`.
pub fn transform(args: &RunArgs) -> Result<()> {
    if args.probabilities.is_some() || !args.labels.is_empty() {
        return Err(conflict("a transformation has no labels; leave out --labels and --probabilities"));
    }
    run(
        args,
        |scan| Ok(Arc::unwrap_or_clone(scan.volume)),
        |job| {
            let (target, examples) = (NamedImage::from(&job.target), job.examples.clone());
            let result = job.runner.transform(target, examples, &job.options, &mut progress::bar())?;
            let header = &job.target.header;
            finish(
                args,
                job,
                vec![Box::new(|| write_image(&args.output, &result.image, header))],
                result.report.clone(),
            )
        },
    )
}

type Output<'a> = Box<dyn Fn() -> imaging::Result<()> + 'a>;

/// The loaded inputs of a run.
struct Job<L> {
    runner: Runner,
    target: Scan,
    examples: Vec<Example<L>>,
    options: Options,
    /// Warnings that were printed on stderr already and belong in the report too.
    notes: Vec<String>,
    files: Files,
    started: Instant,
    load_seconds: f64,
}

fn run<T: Voxel>(
    args: &RunArgs,
    read: impl Fn(Scan) -> Result<Image<T>, Error>,
    work: impl FnOnce(&mut Job<Image<T>>) -> Result<()>,
) -> Result<()> {
    let started = Instant::now();
    let examples::Found { pairs, mut notes } = examples::find(args)?;
    let inputs = pairs.iter().flat_map(|(image, label)| [image, label]);
    let images =
        [&args.output].into_iter().chain(&args.probabilities).map(|path| (path.as_path(), outputs::IMAGE));
    let all = images.chain(args.report.iter().map(|path| (path.as_path(), outputs::JSON)));
    outputs::check(inputs.chain([&args.target]).chain(&args.model), all, args.force)?;
    let how = match args.geometry {
        None => GeometryChoice::Strict,
        Some(GeometryArg::Resample) => GeometryChoice::Resample,
        Some(GeometryArg::Copy) => GeometryChoice::Copy,
    };
    let target = Scan::open(&args.target, args.volume as usize - 1)?;
    let mut names = Names::default();
    let mut examples = Vec::new();
    for (image, label) in &pairs {
        names.merge(Names::beside(label));
        examples.push(examples::load(image, label, &read, how, &mut notes)?);
    }
    let runner = args.compute.runner(args.model.clone())?;
    let options = Options {
        pipeline: args.pipeline.into(),
        mini_context: args.compute.mini_context.0,
        labels: args.labels.clone(),
        refinement: args.looks.into(),
        probabilities: args.probabilities.is_some(),
        names,
    };
    let load_seconds = started.elapsed().as_secs_f64();
    let files = Files {
        target: args.target.clone(),
        examples: pairs.into_iter().map(|(image, label)| Pair { image, label }).collect(),
        model: args.model.clone(),
    };
    work(&mut Job { runner, target, examples, options, notes, files, started, load_seconds })
}

/// Writes the files and the report, and prints the labels and warnings.
fn finish<L>(args: &RunArgs, job: &Job<L>, files: Vec<Output>, mut report: Report) -> Result<()> {
    let started = Instant::now();
    for write in &files {
        write()?;
    }
    report.seconds.load = job.load_seconds;
    report.seconds.write += started.elapsed().as_secs_f64();
    report.seconds.total = job.started.elapsed().as_secs_f64();
    report.warnings.splice(0..0, job.notes.iter().cloned());
    if let Some(path) = &args.report {
        report::write(path, &report, Some(&job.files))?;
    }
    for label in &report.labels {
        out!("{:>5}  {:<32} {:>9.3} ml  {} voxels", label.value, label.name, label.ml, label.voxels)?;
    }
    report.warnings.iter().skip(job.notes.len()).for_each(|warning| note!("{warning}"));
    Ok(())
}
