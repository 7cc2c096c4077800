//! `exemplar demo`: the built-in case from start to finish, without a window.

use super::print::{note, out};
use super::{DemoArgs, outputs, preview, progress, report};
use crate::demo::DemoCase;
use anyhow::{Context, Result};
use imaging::io::replace::check_folder;
use imaging::io::write_labels;
use imaging::metrics::compare;
use inference::pipeline::{Example, Options};
use std::time::Instant;

/// Runs the command.
pub fn run(args: &DemoArgs) -> Result<()> {
    let started = Instant::now();
    let folder = &args.output;
    check_folder(folder)?;
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let files =
        [("mask.nii.gz", outputs::IMAGE), ("preview.png", outputs::PICTURE), ("report.json", outputs::JSON)];
    let files = files.map(|(name, endings)| (folder.join(name), endings));
    outputs::check([], files.iter().map(|(path, endings)| (path.as_path(), *endings)), args.force)?;
    let [mask, picture, report_file] = files.map(|(path, _)| path);
    let DemoCase { target, truth, example, label, names } = DemoCase::open()?;
    let example = Example { image: (&*example).into(), label };
    let mut runner = args.compute.runner(None)?;
    let options = Options { mini_context: args.compute.mini_context.0, names, ..Options::default() };
    let load = started.elapsed().as_secs_f64();
    let result = runner.segment((&*target).into(), vec![example], &options, &mut progress::bar())?;

    let writing = Instant::now();
    write_labels(&mask, &result.mask, &target.header)?;
    let agreements = compare(&result.mask, &truth)?;
    let dice = |value| agreements.iter().find(|a| a.label == value).map_or(1.0, |a| a.dice);
    let mut report = result.report;
    let scores: Vec<_> = report.labels.iter().map(|label| (label.value, dice(label.value))).collect();
    preview::write(&picture, &target.volume, &result.mask, &truth, &scores)?;
    report.seconds.load = load;
    report.seconds.write += writing.elapsed().as_secs_f64();
    report.seconds.total = started.elapsed().as_secs_f64();
    report::write(&report_file, &report, None)?;

    for label in &report.labels {
        out!("{:<12} {:>8.3} ml  Dice {:.3}", label.name, label.ml, dice(label.value))?;
    }
    report.warnings.iter().for_each(|warning| note!("{warning}"));
    let (name, seconds) = (folder.display(), report.seconds.total);
    out!("{name}: mask.nii.gz, preview.png, report.json in {seconds:.1} s on {}", report.device)
}
