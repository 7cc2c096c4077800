//! A progress bar on stderr, if that is a terminal.

use imaging::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use inference::pipeline::{Progress, Stage};

/// Resolution of the bar.
const STEPS: u64 = 1000;

/// An observer that shows each stage; the bar disappears when it is dropped.
pub fn bar() -> impl FnMut(Progress) -> Result<()> {
    let bar = Shown(ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr()));
    let style = ProgressStyle::with_template("{wide_bar} {percent:>3} % {msg}");
    bar.0.set_style(style.expect("the template is well-formed"));
    move |Progress { stage, fraction }| {
        bar.0.set_position((fraction * STEPS as f32) as u64);
        bar.0.set_message(match stage {
            Stage::Preparing { done, total } => format!("preparing image {done} of {total}"),
            Stage::Registering { done, total } => format!("registering example {done} of {total}"),
            Stage::Reading { label, labels, pass, pair, pairs, flops_per_second } => {
                let speed = flops_per_second / 1e9;
                format!(
                    "label {label} of {labels}, pass {pass}, example {pair} of {pairs}, {speed:.0} GFLOP/s"
                )
            }
            Stage::Restoring => "bringing the result to the target's grid".into(),
        });
        Ok(())
    }
}

struct Shown(ProgressBar);

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
