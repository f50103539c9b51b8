//! The `fiducia` command: reads its arguments, runs one command, turns its outcome into an exit code.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let filter = env_logger::Env::default().default_filter_or("warn");
    env_logger::Builder::from_env(filter).init();
    quiet_panics();
    let arguments = cli::Arguments::parse();
    match std::panic::catch_unwind(|| cli::run(&arguments)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            cli::complain(&failure.message);
            ExitCode::from(failure.exit_code)
        }
        Err(_) => {
            cli::complain("internal fault; run again with RUST_LOG=debug and report what it says");
            ExitCode::from(1)
        }
    }
}

/// A fault inside an image or graph decoder is caught and reported as a damaged file; what the
/// decoder says about it goes to the log, so that the user reads one sentence.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| log::debug!("{panic}")));
}
