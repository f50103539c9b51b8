//! Runs the detector in its own thread, so that the link stays responsive.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use fiducia::{Detector, Error, ErrorKind, Radiograph, Report};
use fiducia_link::Reason;

use super::source::{Snapshot, Source};

/// Pause before an unreadable image is read again: it may be incomplete.
const RETRY: Duration = Duration::from_millis(200);

/// A requested detection.
#[derive(Debug)]
pub(super) struct Job {
    /// Identifies the job; several exposures may have the same number.
    pub(super) id: u64,
    /// The files before the exposure; `None` to use the newest image.
    pub(super) before: Option<Snapshot>,
    /// After this the result is of no use.
    pub(super) deadline: Instant,
    /// Set when the result is no longer needed.
    pub(super) cancelled: Arc<AtomicBool>,
}

impl Job {
    /// Whether to stop waiting for an image.
    pub(super) fn is_over(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }
}

/// A finished detection.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) id: u64,
    pub(super) outcome: Result<Report, Reason>,
}

/// How to read images.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) spacing_mm: [f64; 2],
    pub(super) invert: bool,
}

/// The channels of the detector's thread.
pub(super) struct Worker {
    pub(super) jobs: Sender<Job>,
    pub(super) finished: Receiver<Finished>,
}

impl Worker {
    /// Starts the thread. It ends when a channel is closed.
    pub(super) fn start(mut detector: Detector, source: Source, reading: Reading) -> Self {
        let (jobs, pending) = channel::<Job>();
        let (results, finished) = channel();
        thread::spawn(move || {
            for job in pending {
                // A panic in the engine ends this detection only.
                let run = AssertUnwindSafe(|| run(&mut detector, &source, reading, &job));
                let outcome = catch_unwind(run).unwrap_or(Err(Reason::Failed));
                if results.send(Finished { id: job.id, outcome }).is_err() {
                    break;
                }
            }
        });
        Self { jobs, finished }
    }
}

fn run(
    detector: &mut Detector,
    source: &Source,
    reading: Reading,
    job: &Job,
) -> Result<Report, Reason> {
    loop {
        let found = source.wait(job);
        let path = match found {
            Ok(Some(path)) => path,
            Ok(None) => return Err(Reason::NoImage),
            Err(error) => {
                log::error!("cannot read {source}: {error}; check the folder");
                return Err(Reason::NoImage);
            }
        };
        let image = Radiograph::open_as(&path, &detector.reading(Some(reading.spacing_mm)));
        let image = image.map(|i| if reading.invert { i.inverted() } else { i });
        match image.and_then(|image| detector.detect(&image)) {
            Ok(report) => return Ok(report),
            Err(e) if e.kind() == ErrorKind::Unreadable && !job.is_over() => {
                log::debug!("{e}; reading it again: it may be incomplete");
                thread::sleep(RETRY);
            }
            Err(error) => return Err(reason(&error)),
        }
    }
}

fn reason(error: &Error) -> Reason {
    log::error!("{error}");
    match error.kind() {
        // As an error, `Implausible` means an image that is too small or has no contrast.
        ErrorKind::Unreadable | ErrorKind::Implausible => Reason::Unreadable,
        _ => Reason::Failed,
    }
}
