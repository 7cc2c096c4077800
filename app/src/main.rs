//! Starts the command line or the window, and ends the process.

use anyhow::Result;
use clap::Parser;
use exemplar::cli::{Cli, errors, print};

/// Exit code where whoever read stdout has gone.
const CLOSED: i32 = 141;

fn main() {
    #[cfg(unix)]
    tidy_up_when_interrupted();
    let code = run().err().map_or(0, |error| told(&error));
    if network::driver_started() {
        // Not through the driver's exit handlers. Stdout is flushed after each line.
        signal_hook::low_level::exit(code);
    }
    std::process::exit(code);
}

/// Lets Ctrl-C and a request to terminate end the process as they ever do, but for files that are being written: these go.
/// Elsewhere than on Unix they stay.
#[cfg(unix)]
fn tidy_up_when_interrupted() {
    use signal_hook::consts::{SIGINT, SIGTERM};
    // Where this fails, signals end the process by themselves.
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else { return };
    let wait = move || {
        for signal in signals.forever() {
            imaging::io::replace::abandon();
            signal_hook::low_level::emulate_default_handler(signal).ok();
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait).ok();
}

fn run() -> Result<()> {
    let cli = Cli::try_parse()?;
    exemplar::pool::start(cli.command.as_ref().and_then(|command| command.threads()))?;
    match cli.command {
        Some(command) => command.run(),
        #[cfg(feature = "window")]
        None => exemplar::window::run(cli.files),
        #[cfg(not(feature = "window"))]
        None => anyhow::bail!("This build has no window; name a command, such as `exemplar segment`."),
    }
}

/// Says what ended the program, and with which exit code it ends.
fn told(error: &anyhow::Error) -> i32 {
    if error.is::<print::Closed>() {
        return CLOSED;
    }
    if let Some(arguments) = error.downcast_ref::<clap::Error>() {
        // Help and version are such errors too; these go to stdout.
        return match arguments.print() {
            Err(error) if !arguments.use_stderr() => told(&print::failed(error)),
            _ => arguments.exit_code(),
        };
    }
    // The engine's errors tell their cause themselves.
    match error.downcast_ref::<imaging::Error>() {
        Some(error) => print::to_stderr(format_args!("{}\n", errors::in_words(error))),
        None => print::to_stderr(format_args!("{error:#}\n")),
    }
    1
}
