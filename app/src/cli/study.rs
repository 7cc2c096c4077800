//! `exemplar study`: tables and plots of how good methods are on a data set; goes on where it was ended.

use super::StudyArgs;
use anyhow::Result;
use exemplar_engine::network::Device;
use exemplar_engine::study::{Config, DEFAULTS, Study, Told};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Runs the command.
pub fn run(args: &StudyArgs) -> Result<()> {
    let (Some(path), Some(folder)) = (&args.config, &args.output) else {
        print!("{DEFAULTS}");
        return Ok(());
    };
    let config = Config::open(path)?;
    let device = Device::choose(args.device.into(), args.threads.map(usize::from))?;
    device.notes.iter().for_each(|note| eprintln!("{note}"));
    let study = Study::open(&config, folder, &device)?;
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len}, {eta} left");
    bar.set_style(style.expect("the template is well-formed"));
    study.run(&mut |told| {
        match told {
            Told::Step { done, total } => {
                bar.set_length(total);
                bar.set_position(done);
            }
            Told::Said(sentence) => bar.suspend(|| eprintln!("{sentence}")),
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    println!("{}", folder.join("results.md").display());
    Ok(())
}
