//! `exemplar demo`: the built-in case from start to end, without a window.

use super::segment::write_report;
use super::{DemoArgs, preview, progress};
use crate::demo::DemoCase;
use anyhow::{Context, Result};
use exemplar_engine::metrics::compare;
use exemplar_engine::nifti::write_labels;
use exemplar_engine::pipeline::{Example, Options};
use std::time::Instant;

/// Runs the command.
pub fn run(args: &DemoArgs) -> Result<()> {
    let started = Instant::now();
    let DemoCase { target, truth, example, label, names } = DemoCase::open()?;
    let example = Example { name: example.name.clone(), image: example, label };
    let mut session = args.compute.session(None)?;
    let options = Options { mini_context: args.compute.mini_context.0, names, ..Options::default() };
    let load = started.elapsed().as_secs_f64();
    let result = session.segment(target.clone(), vec![example], &options, &mut progress::bar())?;

    let writing = Instant::now();
    let folder = &args.output;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} cannot be made; choose another folder with -o", folder.display()))?;
    write_labels(&folder.join("mask.nii.gz"), &result.mask, &target.header)?;
    let agreements = compare(&result.mask, &truth)?;
    let dice = |value| agreements.iter().find(|a| a.label == value).map_or(1.0, |a| a.dice);
    let mut report = result.report;
    let scores: Vec<_> = report.labels.iter().map(|label| (label.value, dice(label.value))).collect();
    preview::write(&folder.join("preview.png"), &target.volume, &result.mask, &truth, &scores)?;
    report.seconds.load = load;
    report.seconds.write += writing.elapsed().as_secs_f64();
    report.seconds.total = started.elapsed().as_secs_f64();
    write_report(&folder.join("report.json"), &report)?;

    for label in &report.labels {
        println!("{:<12} {:>8.3} ml  Dice {:.3}", label.name, label.ml, dice(label.value));
    }
    report.warnings.iter().for_each(|warning| eprintln!("{warning}"));
    let (name, seconds) = (folder.display(), report.seconds.total);
    println!("{name}: mask.nii.gz, preview.png, report.json in {seconds:.1} s on {}", report.device);
    Ok(())
}
