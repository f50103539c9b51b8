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
mod session;
mod intake;
mod spool;
mod listener;
mod watch;
mod packs;
mod worker;
mod sender;
mod metrics;
mod recent;
mod page;
mod http;

pub use config::{
    Config, Destination, DestinationTls, Device, Http, KindName, Limits, Node, NodeTls, Pattern,
    Rule, Watch,
};

use std::{
    fs::{self, File, TryLockError},
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use fiducia::{Error, ErrorKind};
use intake::Budget;
use listener::Open;
use metrics::Metrics;
use packs::Packs;
use recent::Recent;
use spool::Spool;
use tls::Tls;

/// A detection that takes longer hangs, in a driver or a file system.
const DETECTION_LIMIT: Duration = Duration::from_secs(120);

/// State shared by all threads of the node.
#[derive(Debug)]
struct Shared {
    config: Config,
    tls: Tls,
    metrics: Metrics,
    spool: Spool,
    budget: Budget,
    /// Held by the association whose image is being decoded.
    decoding: Mutex<()>,
    open: Open,
    busy: Busy,
    /// Why the device was lost, while there is none.
    device_error: Mutex<Option<String>>,
    recent: Recent,
    started: Instant,
    stopping: OnceLock<Instant>,
    /// Locked while the node runs, so that no second node uses the same queue.
    _lock: File,
}

/// Since when an image is being processed.
#[derive(Debug, Default)]
struct Busy(Mutex<Option<Instant>>);

/// A running node.
#[derive(Debug)]
pub struct Service {
    shared: Arc<Shared>,
    address: SocketAddr,
    http: Option<SocketAddr>,
    threads: Vec<JoinHandle<()>>,
}

impl Busy {
    fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn is_stopping(&self) -> bool {
        self.stopping.get().is_some()
    }

    /// How long the node has been stopping; `None` while it runs.
    fn stopping_for(&self) -> Option<Duration> {
        self.stopping.get().map(Instant::elapsed)
    }

    /// Records why there is no device; `None` when there is one.
    fn set_device_error(&self, error: Option<String>) {
        *self.device_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    /// A problem that a restart may solve.
    fn health_problem(&self) -> Option<String> {
        let hangs = self.busy.since().is_some_and(|since| since.elapsed() > DETECTION_LIMIT);
        let limit_s = DETECTION_LIMIT.as_secs();
        let hangs = hangs.then(|| format!("a detection has not finished within {limit_s} s"));
        hangs.or_else(|| self.device_error.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Why no image can be accepted.
    fn readiness_problem(&self) -> Option<String> {
        if self.is_stopping() {
            return Some("the node is stopping".to_owned());
        }
        if self.spool.pending.len() >= self.config.limits.queue {
            return Some("too many images are waiting".to_owned());
        }
        let probe = self.config.spool.join("incoming/probe");
        let written = fs::write(&probe, "").and_then(|()| fs::remove_file(&probe));
        written.err().map(|error| format!("cannot write to the folder of the queue: {error}"))
    }
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
        let queue = |e: io::Error| {
            let what = format!("cannot use the queue {}: {e}", config.spool.display());
            Error::new(ErrorKind::Unwritable, what)
        };
        fs::create_dir_all(&config.spool).map_err(queue)?;
        let lock = File::create(config.spool.join("lock")).map_err(queue)?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => queue(io::Error::other("another node uses it")),
            TryLockError::Error(e) => queue(e),
        })?;
        let names: Vec<&str> = config.destinations.iter().map(|d| d.name.as_str()).collect();
        let spool = Spool::open(&config.spool, &names, config.limits.remembered).map_err(queue)?;
        let shared = Arc::new(Shared {
            tls,
            metrics: Metrics::default(),
            spool,
            budget: Budget::new(config.limits.memory_bytes()),
            decoding: Mutex::default(),
            open: Open::default(),
            busy: Busy::default(),
            device_error: Mutex::default(),
            recent: Recent::default(),
            started: Instant::now(),
            stopping: OnceLock::new(),
            _lock: lock,
            config,
        });
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
