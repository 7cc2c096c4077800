//! `exemplar train`: trains by a configuration and continues an interrupted run.

use super::TrainArgs;
use super::print::{self, note, out};
use anyhow::Result;
use imaging::io::replace::check_folder;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use learning::training::{Config, DEFAULTS, Point, Trainer};
use network::Device;
use std::time::Instant;

/// Runs the command.
pub fn run(args: &TrainArgs) -> Result<()> {
    let (Some(path), Some(folder)) = (&args.config, &args.output) else {
        return print::to_stdout(format_args!("{DEFAULTS}"));
    };
    let config = Config::open(path)?;
    check_folder(folder)?;
    let mut trainer = Trainer::open(config, folder, Device::cpu())?;
    let (begun, steps) = trainer.steps();
    if begun > 0 {
        note!("going on after step {begun} of {steps}");
    }
    let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}, {eta} left");
    bar.set_style(style.expect("the template is well-formed"));
    bar.set_position(begun);
    bar.reset_eta();
    // A time beyond the clock's range means no limit.
    let end = args.minutes.and_then(|time| Instant::now().checked_add(time));
    let mut shown = trainer.curve().len();
    let mut mean = None;
    while trainer.steps().0 < steps && end.is_none_or(|end| Instant::now() < end) {
        let loss = trainer.step()?;
        let smooth = mean.map_or(loss, |mean: f64| mean + 0.02 * (loss - mean));
        mean = Some(smooth);
        bar.set_position(trainer.steps().0);
        bar.set_message(format!("loss {smooth:.4}"));
        for point in &trainer.curve()[shown..] {
            bar.suspend(|| out!("{}", line(point, trainer.curve())))?;
        }
        shown = trainer.curve().len();
    }
    bar.finish_and_clear();
    let done = trainer.steps().0;
    // The trainer saves after the last step of a run itself.
    if done < steps {
        trainer.save()?;
    }
    let weights = folder.join("weights.safetensors");
    out!("{done} of {steps} steps; use the weights with --model {}", weights.display())
}

/// A line with a point of the learning curve and a sparkline of the validation loss so far.
fn line(point: &Point, curve: &[Point]) -> String {
    let Point { step, loss, rate, validation, dice } = point;
    let dice = dice.map_or(String::new(), |dice| format!("  Dice {dice:.3}"));
    let losses: Vec<f32> = curve.iter().map(|point| point.validation).collect();
    format!(
        "step {step:>7}  loss {loss:.4}  validation {validation:.4}{dice}  rate {rate:.1e}  {}",
        spark(&losses)
    )
}

/// A sparkline of at most 24 marks, each the mean of a part of the values.
fn spark(values: &[f32]) -> String {
    const MARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const MOST: usize = 24;
    let parts = values.chunks(values.len().div_ceil(MOST).max(1));
    let means: Vec<f32> = parts.map(|part| part.iter().sum::<f32>() / part.len() as f32).collect();
    let low = means.iter().copied().fold(f32::INFINITY, f32::min);
    let high = means.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let range = (high - low).max(f32::MIN_POSITIVE);
    means.iter().map(|mean| MARKS[((mean - low) / range * 7.0).round() as usize]).collect()
}
