//! The DICOM node: receives images, sends results.
//!
//! ```text
//! connection ─wire→ PDUs ─session→ image ─intake→ spool: received ─worker→ spool: results ─sender→ destinations
//!                                 folder ─watch↗                     └recent→ status page
//! ```
//!
//! C-STORE is answered with success when the image is on the disk. From then on the image has exactly one outcome:
//! results at every destination, a record that no rule matched, or an entry in the folder `failed`. After a crash the
//! next start continues from the state on the disk (`spool`). Results of an image have the same UIDs every time, so
//! that sending one twice creates no duplicate.
//!
//! [`Config`] is the configuration file, [`Service`] a running node:
//!
//! ```
//! # use std::error::Error;
//! use fiducia_node::{Config, Service};
//!
//! # fn main() -> Result<(), Box<dyn Error>> {
//! # let folder = tempfile::tempdir()?;
//! # std::fs::write(folder.path().join("toy.fid"), fiducia_test_support::toy::pack())?;
//! let text = r#"
//!     spool = "queue"
//!     [dicom]
//!     port = 0                      # a free port
//!     [device]
//!     backend = "cpu"
//!     [[rule]]
//!     pack = "toy.fid"
//!     [[destination]]
//!     name = "archive"
//!     ae = "ARCHIVE"
//!     address = "localhost:104"
//! "#;
//! let config = Config::parse(text, folder.path())?;
//! fiducia_node::check(&config)?;
//! let node = Service::start(config)?;
//! assert_ne!(node.address().port(), 0);
//! assert_eq!(node.health_problem(), None);
//! node.stop();
//! # Ok(())
//! # }
//! ```

mod config;
mod uid;
mod queue;
mod tls;
mod stream;
mod wire;
mod command;
mod negotiate;
mod metrics;
mod spool;
mod recent;
mod budget;
mod shared;
mod intake;
mod session;
mod listener;
mod watch;
mod packs;
mod worker;
mod sender;
mod page;
mod http;

pub use config::{
    Config, Destination, DestinationTls, Device, Http, KindName, Limits, Node, NodeTls, Pattern,
    Rule, Watch,
};

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use fiducia::{Error, ErrorKind};
use packs::Packs;
use shared::Shared;
use tls::Tls;

/// A running node.
#[derive(Debug)]
pub struct Service {
    shared: Arc<Shared>,
    address: SocketAddr,
    http: Option<SocketAddr>,
    threads: Vec<JoinHandle<()>>,
}

/// Checks that all model files, certificates and keys of a configuration can be opened. Starts nothing.
///
/// # Errors
/// As [`fiducia::Pack::open`] and [`fiducia::Pack::verify`]; [`ErrorKind::Unreadable`] for a certificate or key.
pub fn check(config: &Config) -> Result<(), Error> {
    Tls::open(config)?;
    for rule in &config.rules {
        let pack = fiducia::Pack::open(&rule.pack)?;
        if let Some(key) = &rule.require_signed {
            let key = fiducia::PublicKey::open(key)?;
            pack.verify(&key).map_err(|e| e.at(rule.pack.display()))?;
        }
    }
    Ok(())
}

impl Service {
    /// Opens the model files and the queue, then listens.
    ///
    /// # Errors
    /// As [`check`] and [`fiducia::Detector::on`] for model files and certificates; [`ErrorKind::Unwritable`] if the
    /// queue cannot be written or another node uses it; [`ErrorKind::Usage`] if an address cannot be listened on.
    pub fn start(config: Config) -> Result<Self, Error> {
        let tls = Tls::open(&config)?;
        let packs = Packs::open(&config)?;
        let shared = Arc::new(Shared::open(config, tls)?);
        Self::listen(shared, packs)
    }

    fn listen(shared: Arc<Shared>, packs: Packs) -> Result<Self, Error> {
        let node = &shared.config.dicom;
        let not_listening = |what: &str, e: &dyn std::fmt::Display| {
            let message = format!("cannot listen on {what}: {e}; does another program use it?");
            Error::new(ErrorKind::Usage, message)
        };
        let place = format!("{}:{}", node.address, node.port);
        let listener = listener::bind(&shared).map_err(|e| not_listening(&place, &e))?;
        let address = listener.local_addr().map_err(|e| not_listening(&place, &e))?;
        let pages = match &shared.config.http {
            Some(pages) => {
                let listener = TcpListener::bind(&pages.address);
                Some(listener.map_err(|e| not_listening(&pages.address, &e))?)
            }
            None => None,
        };
        let http = pages.as_ref().and_then(|pages| pages.local_addr().ok());
        let mut service = Self { shared, address, http, threads: Vec::new() };
        let pictures = service.shared.config.http.as_ref().is_some_and(|http| http.pictures);
        let (thumbnails, jobs) = pictures.then(recent::thumbnail_queue).unzip();
        if let Some(jobs) = jobs {
            service.spawn("thumbnails", move |shared| recent::draw(&jobs, &shared.recent))?;
        }
        service.spawn("worker", move |shared| worker::run(shared, packs, thumbnails.as_ref()))?;
        for place in 0..service.shared.config.destinations.len() {
            service.spawn("sender", move |shared| {
                let tls = shared.tls.destinations[place].as_ref();
                sender::run(shared, &shared.config.destinations[place], tls);
            })?;
        }
        if let Some(folder) = service.shared.config.watch.as_ref().map(|w| w.folder.clone()) {
            service.spawn("watch", move |shared| watch::run(shared, &folder))?;
        }
        if let Some(pages) = pages {
            service.spawn("http", move |shared| http::listen(&pages, shared))?;
        }
        service.spawn("listener", move |shared| listener::listen(&listener, shared))?;
        Ok(service)
    }

    fn spawn(
        &mut self,
        name: &str,
        run: impl FnOnce(&Arc<Shared>) + Send + 'static,
    ) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || run(&shared));
        let thread = thread
            .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot spawn thread: {e}")))?;
        self.threads.push(thread);
        Ok(())
    }

    /// The address on which it listens for associations.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of its HTTP server; `None` without one.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// A problem that a restart may solve: a detection that does not finish, a lost device, a thread that has ended.
    pub fn health_problem(&self) -> Option<String> {
        let ended = self.threads.iter().find(|thread| thread.is_finished());
        let ended = ended.map(|thread| thread.thread().name().unwrap_or("unnamed").to_owned());
        let problem = self.shared.health_problem();
        problem.or_else(|| ended.map(|name| format!("the thread {name} has ended")))
    }

    /// Its status as one line of text.
    pub fn status(&self) -> String {
        let received = self.shared.metrics.total(metrics::Counter::Received);
        let waiting = self.shared.spool.pending.len();
        let outgoing: usize = self.shared.spool.outgoing.values().map(queue::Queue::len).sum();
        format!("{received} images received, {waiting} waiting, results of {outgoing} to be sent")
    }

    /// Stops the node: no new associations; the current image is finished; waiting images stay on the disk.
    pub fn stop(self) {
        let _ = self.shared.stopping.set(Instant::now());
        listener::wake(self.address);
        self.http.into_iter().for_each(listener::wake);
        for thread in self.threads {
            let _ = thread.join();
        }
        // Associations notice within a fraction of a second that they have to end.
        let end = Instant::now() + Duration::from_secs(15);
        let connections = &self.shared.open.connections;
        while connections.load(std::sync::atomic::Ordering::SeqCst) > 0 && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
    }
}
