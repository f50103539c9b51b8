//! What the threads of the node share. It lies below all of them.

use std::{
    fs::{self, File, TryLockError},
    io,
    sync::{Mutex, OnceLock, PoisonError, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use super::{
    budget::Budget, config::Config, metrics::Metrics, recent::Recent, spool::Spool, tls::Tls,
};
use fiducia::{Error, ErrorKind};

/// A detection that takes longer hangs, in a driver or a file system.
const DETECTION_LIMIT: Duration = Duration::from_secs(120);

/// State shared by all threads of the node.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) tls: Tls,
    pub(super) metrics: Metrics,
    pub(super) spool: Spool,
    pub(super) budget: Budget,
    /// Held by the association whose image is being decoded.
    pub(super) decoding: Mutex<()>,
    pub(super) open: Open,
    pub(super) busy: Busy,
    /// The error that made the device unusable; `None` while it works.
    pub(super) device_error: Mutex<Option<String>>,
    pub(super) recent: Recent,
    pub(super) started: Instant,
    pub(super) stopping: OnceLock<Instant>,
    /// Locked while the node runs, so that no second node uses the same queue.
    _lock: File,
}

/// Since when an image is being processed.
#[derive(Debug, Default)]
pub(super) struct Busy(Mutex<Option<Instant>>);

/// Connections and associations that are open.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) connections: AtomicUsize,
    pub(super) associations: AtomicUsize,
}

impl Busy {
    pub(super) fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(super) fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Opens and locks the queue.
    ///
    /// # Errors
    /// [`ErrorKind::Unwritable`] if the queue cannot be written or another node uses it.
    pub(super) fn open(config: Config, tls: Tls) -> Result<Self, Error> {
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
        Ok(Self {
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
        })
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get().is_some()
    }

    /// How long the node has been stopping; `None` while it runs.
    pub(super) fn stopping_for(&self) -> Option<Duration> {
        self.stopping.get().map(Instant::elapsed)
    }

    /// Records why there is no device; `None` when there is one.
    pub(super) fn set_device_error(&self, error: Option<String>) {
        *self.device_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    /// A problem that a restart may solve.
    pub(super) fn health_problem(&self) -> Option<String> {
        let hangs = self.busy.since().is_some_and(|since| since.elapsed() > DETECTION_LIMIT);
        let limit_s = DETECTION_LIMIT.as_secs();
        let hangs = hangs.then(|| format!("a detection has not finished within {limit_s} s"));
        hangs.or_else(|| self.device_error.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Why no image can be accepted.
    pub(super) fn readiness_problem(&self) -> Option<String> {
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
