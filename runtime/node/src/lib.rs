//! The DICOM node: images come in, results go out.
//!
//! ```text
//! connection ─wire→ units ─session→ image ─intake→ spool: received ─worker→ spool: results ─sender→ destinations
//!                                   folder ─watch↗                    └recent→ status page
//! ```
//!
//! An image is answered with success when it is on the disk, and from then on it has exactly one outcome: results at
//! every destination, a record that no rule is for it, or a place among what somebody has to look at. Whatever ends
//! the process, the next start goes on from what the disk says (`spool`). Results have the same UIDs every time,
//! so that one that is sent twice doubles nothing.

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

/// A detection that takes so long hangs, in a driver or a file system.
const HANGS: Duration = Duration::from_secs(120);

/// What all threads of the node share.
#[derive(Debug)]
struct Shared {
    config: Config,
    tls: Tls,
    metrics: Metrics,
    spool: Spool,
    budget: Budget,
    /// Held by the association whose image is being decoded.
    reading: Mutex<()>,
    open: Open,
    busy: Busy,
    /// Why there is no device, where it was lost.
    lost: Mutex<Option<String>>,
    recent: Recent,
    started: Instant,
    stopping: OnceLock<Instant>,
    /// Kept locked, so that no second node works on the same queue.
    _lock: File,
}

/// Since when an image is being looked at.
#[derive(Debug, Default)]
struct Busy(Mutex<Option<Instant>>);

/// A node that runs.
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

    /// How long the node has been ending; `None` while it runs.
    fn stopping_for(&self) -> Option<Duration> {
        self.stopping.get().map(Instant::elapsed)
    }

    /// Notes why there is no device, or that there is one.
    fn device_is(&self, lost: Option<String>) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = lost;
    }

    /// What a new start may mend.
    fn trouble(&self) -> Option<String> {
        let hangs = self.busy.since().is_some_and(|since| since.elapsed() > HANGS);
        let hangs =
            hangs.then(|| format!("a detection has not ended within {} s", HANGS.as_secs()));
        hangs.or_else(|| self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Why no image can be taken.
    fn unready(&self) -> Option<String> {
        if self.is_stopping() {
            return Some("the node is being ended".to_owned());
        }
        if self.spool.to_do.len() >= self.config.limits.queue {
            return Some("too many images wait".to_owned());
        }
        let probe = self.config.spool.join("incoming/probe");
        let written = fs::write(&probe, "").and_then(|()| fs::remove_file(&probe));
        written.err().map(|error| format!("the queue's folder cannot be written: {error}"))
    }
}

/// Checks what only the file system can tell: that all packs, certificates and keys can be opened. Starts nothing.
///
/// # Errors
/// As [`fiducia::Pack::open`] and [`fiducia::Pack::verify`]; [`ErrorKind::Unreadable`] for a certificate or a key.
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
    /// Opens the packs and the queue, then listens.
    ///
    /// # Errors
    /// As [`check`] and [`fiducia::Detector::on`] for packs and certificates; [`ErrorKind::Unwritable`] for the queue,
    /// which another node may have; [`ErrorKind::Usage`] for an address that cannot be listened at.
    pub fn start(config: Config) -> Result<Self, Error> {
        let tls = Tls::open(&config)?;
        let packs = Packs::open(&config)?;
        let queue = |e: io::Error| {
            let what = format!("the queue {} cannot be used: {e}", config.spool.display());
            Error::new(ErrorKind::Unwritable, what)
        };
        fs::create_dir_all(&config.spool).map_err(queue)?;
        let lock = File::create(config.spool.join("lock")).map_err(queue)?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => queue(io::Error::other("another node has it")),
            TryLockError::Error(e) => queue(e),
        })?;
        let names: Vec<&str> = config.destinations.iter().map(|d| d.name.as_str()).collect();
        let spool = Spool::open(&config.spool, &names, config.limits.remembered).map_err(queue)?;
        let shared = Arc::new(Shared {
            tls,
            metrics: Metrics::default(),
            spool,
            budget: Budget::new(config.limits.memory_bytes()),
            reading: Mutex::default(),
            open: Open::default(),
            busy: Busy::default(),
            lost: Mutex::default(),
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
        let deaf = |what: &str, e: &dyn std::fmt::Display| {
            let message = format!("cannot listen at {what}: {e}; is another program there?");
            Error::new(ErrorKind::Usage, message)
        };
        let place = format!("{}:{}", node.address, node.port);
        let listener = listener::bind(&shared).map_err(|e| deaf(&place, &e))?;
        let address = listener.local_addr().map_err(|e| deaf(&place, &e))?;
        let pages = match &shared.config.http {
            Some(pages) => {
                let listener = TcpListener::bind(&pages.address);
                Some(listener.map_err(|e| deaf(&pages.address, &e))?)
            }
            None => None,
        };
        let http = pages.as_ref().and_then(|pages| pages.local_addr().ok());
        let mut service = Self { shared, address, http, threads: Vec::new() };
        let pictures = service.shared.config.http.as_ref().is_some_and(|http| http.pictures);
        let painter = pictures.then(recent::painter);
        let (ask, looks) = painter.unzip();
        if let Some(looks) = looks {
            service.spawn("painter", move |shared| recent::paint(&looks, &shared.recent))?;
        }
        service.spawn("worker", move |shared| worker::run(shared, packs, ask.as_ref()))?;
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
            .map_err(|e| Error::new(ErrorKind::Engine, format!("no thread can be had: {e}")))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Where it listens for associations.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it answers HTTP.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// What a new start may mend: a detection that does not end, a device that is gone, a thread that has ended.
    pub fn trouble(&self) -> Option<String> {
        let ended = self.threads.iter().find(|thread| thread.is_finished());
        let ended = ended.map(|thread| thread.thread().name().unwrap_or("one").to_owned());
        self.shared.trouble().or_else(|| ended.map(|name| format!("the thread {name} has ended")))
    }

    /// What it does, in a line.
    pub fn status(&self) -> String {
        let received = self.shared.metrics.total(metrics::Counter::Received);
        let waiting = self.shared.spool.to_do.len();
        let to_send: usize = self.shared.spool.to_send.values().map(queue::Queue::len).sum();
        format!("{received} images received, {waiting} waiting, results of {to_send} to be sent")
    }

    /// Ends the node: no new association, the image that is being looked at comes to its end, and what waits stays
    /// on the disk.
    pub fn stop(self) {
        let _ = self.shared.stopping.set(Instant::now());
        listener::wake(self.address);
        self.http.into_iter().for_each(listener::wake);
        for thread in self.threads {
            let _ = thread.join();
        }
        // Associations see within a moment that they have to end.
        let end = Instant::now() + Duration::from_secs(15);
        let connections = &self.shared.open.connections;
        while connections.load(std::sync::atomic::Ordering::SeqCst) > 0 && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
    }
}
