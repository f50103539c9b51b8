//! The detector on a thread of its own, so that the link lives on while it works.

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

use super::source::{Sighting, Source};

/// Pause before an image that cannot be read is read again: it may still be on its way.
const RETRY: Duration = Duration::from_millis(200);

/// One detection to do.
#[derive(Debug)]
pub(super) struct Job {
    /// Tells jobs from each other; exposures may share a number.
    pub(super) id: u64,
    /// What was there before the exposure; none where the newest image is wanted.
    pub(super) before: Option<Sighting>,
    /// After this an image is of no use.
    pub(super) deadline: Instant,
    /// Set where an image is of no use any more.
    pub(super) overtaken: Arc<AtomicBool>,
}

impl Job {
    /// Whether there is no use in waiting on.
    pub(super) fn is_over(&self) -> bool {
        self.overtaken.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }
}

/// A detection that is done.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) id: u64,
    pub(super) outcome: Result<Report, Reason>,
}

/// How images are to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) spacing_mm: [f64; 2],
    pub(super) invert: bool,
}

/// The two ends of the detector's thread.
pub(super) struct Worker {
    pub(super) jobs: Sender<Job>,
    pub(super) done: Receiver<Done>,
}

impl Worker {
    /// Starts the thread. It ends with the ends.
    pub(super) fn start(mut detector: Detector, source: Source, reading: Reading) -> Self {
        let (jobs, to_do) = channel::<Job>();
        let (finished, done) = channel();
        thread::spawn(move || {
            for job in to_do {
                // A fault of the engine costs this detection, not the link.
                let run = AssertUnwindSafe(|| run(&mut detector, &source, reading, &job));
                let outcome = catch_unwind(run).unwrap_or(Err(Reason::Failed));
                if finished.send(Done { id: job.id, outcome }).is_err() {
                    break;
                }
            }
        });
        Self { jobs, done }
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
                log::error!("cannot look for images, {source}: {error}; check the folder");
                return Err(Reason::NoImage);
            }
        };
        let image = Radiograph::open_as(&path, &detector.reading(Some(reading.spacing_mm)));
        let image = image.map(|i| if reading.invert { i.inverted() } else { i });
        match image.and_then(|image| detector.detect(&image)) {
            Ok(report) => return Ok(report),
            Err(e) if e.kind() == ErrorKind::Unreadable && !job.is_over() => {
                log::debug!("{e}; reading it again, it may still be on its way");
                thread::sleep(RETRY);
            }
            Err(error) => return Err(reason(&error)),
        }
    }
}

fn reason(error: &Error) -> Reason {
    log::error!("{error}");
    match error.kind() {
        // Implausible as an error is an image without size or contrast.
        ErrorKind::Unreadable | ErrorKind::Implausible => Reason::Unreadable,
        _ => Reason::Failed,
    }
}
