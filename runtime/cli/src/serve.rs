//! `fiducia serve`: a DICOM node until it is told to end.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use fiducia::Error;
use fiducia_node::{Config, Service as Node, check};

use super::{complain, service::Service};

pub(super) const HELP: &str = "\
Images come by C-STORE, or into a watched folder; what a rule finds a model for is looked at, and structured
reports and presentation states go to the destinations. An image that was answered with success is on the disk
and gets its results, whatever ends the program in between. The configuration is described in docs/serve.md.

SIGTERM and SIGINT end it: no new association, the image that is being looked at comes to its end, what waits
stays on the disk. What happens is logged, without names of patients: RUST_LOG=info.

Examples:
  fiducia serve --config /etc/fiducia/serve.toml --check
  fiducia serve --config /etc/fiducia/serve.toml

Exit codes, at the start only:
  2  wrong usage or configuration, a queue that cannot be written, an address that is taken
  3  a pack, a certificate, a key or the configuration cannot be read
  5  no GPU although asked for
  6  a pack is not signed by the maker asked for";

/// How often the loop turns.
const TURN: Duration = Duration::from_millis(100);
/// How often the service manager is told what goes on.
const STATUS: Duration = Duration::from_secs(10);

#[derive(Args)]
pub(super) struct ServeArguments {
    /// Configuration, TOML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Check the configuration, and the packs and certificates that it names, and end.
    #[arg(long)]
    check: bool,
}

/// Runs the command until a signal comes.
pub(super) fn serve(arguments: &ServeArguments) -> Result<(), Error> {
    let config = Config::open(&arguments.config)?;
    if arguments.check {
        check(&config)?;
        complain(&format!("{} is sound", arguments.config.display()));
        return Ok(());
    }
    let told_to_end = signals::told_to_end();
    let node = Node::start(config)?;
    complain(&format!("listening at {}", node.address()));
    if let Some(address) = node.http_address() {
        complain(&format!("status page at http://{address}/"));
    }
    let mut service = Service::new();
    service.ready();
    attend(&node, &mut service, &told_to_end);
    service.stopping();
    log::info!("event=stopping");
    node.stop();
    Ok(())
}

/// Shows life as long as there is some.
fn attend(node: &Node, service: &mut Service, told_to_end: &AtomicBool) {
    let mut told = None::<Instant>;
    while !told_to_end.load(Ordering::Relaxed) {
        match node.trouble() {
            None => service.alive(),
            Some(why) => service.fall_silent(&why),
        }
        if told.is_none_or(|told| told.elapsed() > STATUS) {
            service.status(&node.status());
            told = Some(Instant::now());
        }
        thread::sleep(TURN);
    }
}

#[cfg(unix)]
mod signals {
    use super::{Arc, AtomicBool};

    use signal_hook::consts::{SIGINT, SIGTERM};

    /// Set when a signal says so; a second signal ends the program at once.
    pub(super) fn told_to_end() -> Arc<AtomicBool> {
        let told = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            let now = signal_hook::flag::register_conditional_shutdown(signal, 1, told.clone());
            let then = now.and_then(|_| signal_hook::flag::register(signal, told.clone()));
            if let Err(error) = then {
                log::warn!("signal {signal} is not heard: {error}");
            }
        }
        told
    }
}

#[cfg(not(unix))]
mod signals {
    use super::{Arc, AtomicBool};

    pub(super) fn told_to_end() -> Arc<AtomicBool> {
        Arc::new(AtomicBool::new(false))
    }
}
