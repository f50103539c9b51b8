//! `fiducia serve`: runs a DICOM node until it is stopped.

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

use super::{service::Service, terminal::notice};

pub(super) const HELP: &str = "\
Images arrive by C-STORE or in a watched folder. An image that matches a rule is processed, and structured reports
and presentation states are sent to the destinations. Acknowledged images survive crashes; results are sent at
least once, under stable UIDs. The configuration is described in docs/serve.md.

SIGTERM and SIGINT stop the node: no new associations; the current image is finished; waiting images stay on the
disk. Events are logged without patient data (RUST_LOG=info).

Examples:
  fiducia serve --config /etc/fiducia/serve.toml --check
  fiducia serve --config /etc/fiducia/serve.toml

Exit codes, only at the start:
  2  wrong usage or configuration, the queue cannot be written, an address is in use
  3  a model, certificate, key or the configuration cannot be read
  5  a GPU was requested and none can be used
  6  a model is not signed by the required maker";

/// Interval between checks of the stop flag and the node's health.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Interval between status lines for the service manager.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Args)]
pub(super) struct ServeArguments {
    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Check the configuration with its models, certificates and keys, and exit.
    #[arg(long)]
    check: bool,
}

/// Runs the command until a signal stops it.
pub(super) fn serve(arguments: &ServeArguments) -> Result<(), Error> {
    let config = Config::open(&arguments.config)?;
    if arguments.check {
        check(&config)?;
        notice(&format!("{}: the configuration is valid", arguments.config.display()));
        return Ok(());
    }
    let stop_requested = signals::stop_requested();
    let node = Node::start(config)?;
    notice(&format!("listening on {}", node.address()));
    if let Some(address) = node.http_address() {
        notice(&format!("status page: http://{address}/"));
    }
    let mut service = Service::new();
    service.ready();
    supervise(&node, &mut service, &stop_requested);
    service.stopping();
    log::info!("event=stopping");
    node.stop();
    Ok(())
}

/// Reports the node's health and status to the service manager until a stop is requested.
fn supervise(node: &Node, service: &mut Service, stop_requested: &AtomicBool) {
    let mut reported = None::<Instant>;
    while !stop_requested.load(Ordering::Relaxed) {
        match node.health_problem() {
            None => service.alive(),
            Some(why) => service.unhealthy(&why),
        }
        if reported.is_none_or(|at| at.elapsed() > STATUS_INTERVAL) {
            service.status(&node.status());
            reported = Some(Instant::now());
        }
        thread::sleep(POLL_INTERVAL);
    }
}

#[cfg(unix)]
mod signals {
    use super::{Arc, AtomicBool};

    use signal_hook::consts::{SIGINT, SIGTERM};

    /// A flag that a signal sets; a second signal ends the program at once.
    pub(super) fn stop_requested() -> Arc<AtomicBool> {
        let requested = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // Acts only if the flag is set already, so it is registered before the handler that sets it.
            let second =
                signal_hook::flag::register_conditional_shutdown(signal, 1, requested.clone());
            let first = second.and_then(|_| signal_hook::flag::register(signal, requested.clone()));
            if let Err(error) = first {
                log::warn!("cannot handle signal {signal}: {error}");
            }
        }
        requested
    }
}

#[cfg(not(unix))]
mod signals {
    use super::{Arc, AtomicBool};

    pub(super) fn stop_requested() -> Arc<AtomicBool> {
        Arc::new(AtomicBool::new(false))
    }
}
