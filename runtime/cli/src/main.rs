//! The `fiducia` command: reads its arguments, runs one command, turns its outcome into an exit code.

mod arguments;
mod images;
mod model;
#[cfg(feature = "results")]
mod dicom;
mod outputs;
mod device;
mod ahead;
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

use arguments::{Arguments, Command};

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use fiducia::{Error, ErrorKind};

fn main() -> ExitCode {
    let filter = env_logger::Env::default().default_filter_or("warn");
    env_logger::Builder::from_env(filter).init();
    quiet_panics();
    let arguments = Arguments::parse();
    match std::panic::catch_unwind(|| run(&arguments)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            complain(&failure.message);
            ExitCode::from(failure.exit_code)
        }
        Err(_) => {
            complain("internal fault; run again with RUST_LOG=debug and report what it says");
            ExitCode::from(1)
        }
    }
}

/// A fault inside an image or graph decoder is caught and reported as a damaged file; what the
/// decoder says about it goes to the log, so that the user reads one sentence.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| log::debug!("{panic}")));
}

/// Why a command did not succeed.
struct Failure {
    exit_code: u8,
    message: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { exit_code: error.kind().exit_code(), message: error.to_string() }
    }
}

/// Runs the command that was asked for.
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

/// One line on standard error; there is nobody left to tell where that fails.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "fiducia: {message}");
}

/// Writes a result to standard output. A reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Error::new(
            ErrorKind::Unwritable,
            format!("cannot write to standard output: {e}; check the free space"),
        )),
        _ => Ok(()),
    }
}
