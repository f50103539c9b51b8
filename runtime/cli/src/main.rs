//! The program `fiducia`: parses the arguments, runs one command, maps its result to an exit code.

mod failure;
mod terminal;
mod options;
mod arguments;
mod images;
mod model;
#[cfg(feature = "results")]
mod dicom;
mod outputs;
mod device;
mod prefetch;
mod detect;
mod devices;
mod board;
#[cfg(feature = "gpu")]
mod profile;
mod bench;
mod inspect;
mod patch;
mod service;
mod link;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "view")]
mod view;
#[cfg(test)]
mod manual;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use failure::Failure;
use terminal::notice;

fn main() -> ExitCode {
    let filter = env_logger::Env::default().default_filter_or("warn");
    env_logger::Builder::from_env(filter).init();
    log_panics();
    let arguments = Arguments::parse();
    match std::panic::catch_unwind(|| run(&arguments)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            notice(&failure.message);
            ExitCode::from(failure.exit_code)
        }
        Err(_) => {
            notice("internal fault; run again with RUST_LOG=debug and report the output");
            ExitCode::from(1)
        }
    }
}

/// Sends panic messages to the log. A panic in an image or graph decoder is caught and reported as a damaged file; the
/// user sees that one message only.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| log::debug!("{panic}")));
}

/// Runs the requested command.
fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Detect(arguments) => detect::detect(arguments),
        Command::Bench(arguments) => Ok(bench::bench(arguments)?),
        Command::Devices(arguments) => Ok(devices::devices(arguments)?),
        Command::Inspect(arguments) => Ok(inspect::inspect(arguments)?),
        Command::Patch(arguments) => Ok(patch::patch(arguments)?),
        Command::Link(arguments) => Ok(link::link(arguments)?),
        #[cfg(feature = "serve")]
        Command::Serve(arguments) => Ok(serve::serve(arguments)?),
        #[cfg(feature = "view")]
        Command::View(arguments) => Ok(view::view(arguments)?),
    }
}
