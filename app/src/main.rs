//! Starts the command line or the window.

use clap::Parser;
use exemplar::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(command) => command.run(),
        None => exemplar::window::run(cli.files),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // An error of the engine is a whole sentence, which includes its cause.
            match error.downcast_ref::<exemplar_engine::Error>() {
                Some(sentence) => eprintln!("{sentence}"),
                None => eprintln!("{error:#}"),
            }
            ExitCode::FAILURE
        }
    }
}
