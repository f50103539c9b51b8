//! The command line: arguments, commands, and what they read and write.

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

pub(crate) use arguments::Arguments;
use arguments::Command;

use std::io::{self, Write};

use fiducia::{Error, ErrorKind};

/// Why a command did not succeed.
pub(crate) struct Failure {
    pub(crate) exit_code: u8,
    pub(crate) message: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { exit_code: error.kind().exit_code(), message: error.to_string() }
    }
}

/// Runs the command that was asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
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
pub(crate) fn complain(message: &str) {
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
