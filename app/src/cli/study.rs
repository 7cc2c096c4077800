//! `exemplar study`: tables and plots of the accuracy of methods on a data set; continues an interrupted study.

use super::StudyArgs;
use super::print::{self, note, out};
use anyhow::Result;
use imaging::io::replace::check_folder;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use learning::evaluation::{Config, DEFAULTS, Progress, Study};
use network::Device;

/// Runs the command.
pub fn run(args: &StudyArgs) -> Result<()> {
    let (Some(path), Some(folder)) = (&args.config, &args.output) else {
        return print::to_stdout(format_args!("{DEFAULTS}"));
    };
    let config = Config::open(path)?;
    check_folder(folder)?;
    let device = Device::choose(args.device.into())?;
    device.notes.iter().for_each(|note| note!("{note}"));
    let study = Study::open(&config, folder, &device)?;
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len}, {eta} left");
    bar.set_style(style.expect("the template is well-formed"));
    study.run(&mut |progress| {
        match progress {
            Progress::Step { done, total } => {
                bar.set_length(total);
                bar.set_position(done);
            }
            Progress::Said(message) => bar.suspend(|| note!("{message}")),
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    out!("{}", folder.join("results.md").display())
}
