//! Handles the peer's messages: announced exposures, the running detection, reports to repeat.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fiducia_link::{Exposure, Message, ModelId, Phase, Reason, Refusal, Request, State};

use super::{
    reports,
    source::{Snapshot, Source},
    worker::{Finished, Job},
};

/// Announced exposures that are remembered.
const MAX_EXPOSURES: usize = 8;
/// A detection that runs for so long after its deadline hangs, in a driver or a file system; others take seconds at
/// most.
const OVERDUE: Duration = Duration::from_secs(60);

/// State of the exposures and of the detection.
pub(super) struct Handler {
    source: Source,
    model: ModelId,
    /// How long to wait for an image if the request does not say.
    timeout: Duration,
    announced: VecDeque<Announced>,
    running: Option<Running>,
    last_id: u64,
}

/// An announced exposure.
struct Announced {
    exposure: u32,
    /// The images that were in the folder before it.
    before: Snapshot,
    /// Its reports, after the detection.
    reports: Option<Vec<Message>>,
}

/// The running detection; there is at most one.
struct Running {
    id: u64,
    exposure: u32,
    requested: Instant,
    /// After this the result is of no use.
    deadline: Instant,
    cancelled: Arc<AtomicBool>,
}

/// What to do after a message.
#[derive(Debug)]
pub(super) enum Action {
    /// Nothing.
    Nothing,
    /// Send these messages.
    Send(Vec<Message>),
    /// Start this detection.
    Start(Job),
}

impl Handler {
    pub(super) fn new(source: Source, model: ModelId, timeout: Duration) -> Self {
        let announced = VecDeque::with_capacity(MAX_EXPOSURES);
        Self { source, model, timeout, announced, running: None, last_id: 0 }
    }

    /// The state that heartbeats report.
    pub(super) fn state(&self) -> State {
        if self.running.is_some() { State::Busy } else { State::Ready }
    }

    /// Handles the announcement of an exposure. A start replaces an earlier exposure with the same number.
    pub(super) fn announce(&mut self, exposure: &Exposure) {
        let Exposure { exposure, phase, time_us } = *exposure;
        log::info!("exposure {exposure}: {phase:?} at peer time {time_us} µs");
        if phase == Phase::End {
            return;
        }
        // New images belong to this exposure from now on, so the wait for an older one's image ends.
        if let Some(running) = &self.running {
            running.cancelled.store(true, Ordering::Relaxed);
        }
        self.announced.retain(|a| a.exposure != exposure);
        self.running.take_if(|running| running.exposure == exposure);
        // Without a snapshot an older image could be mistaken for that of this exposure.
        match self.source.snapshot() {
            Err(error) => {
                log::error!(
                    "exposure {exposure} is ignored: {}: {error}; check the folder",
                    self.source
                );
            }
            Ok(before) => {
                self.announced.truncate(MAX_EXPOSURES - 1);
                self.announced.push_front(Announced { exposure, before, reports: None });
            }
        }
    }

    /// Handles a request for landmarks.
    pub(super) fn request(&mut self, request: &Request) -> Action {
        let Request { exposure, timeout_ms } = *request;
        match &self.running {
            Some(running) if running.exposure == exposure => return Action::Nothing,
            Some(_) => return refuse(exposure, Reason::Busy),
            None => {}
        }
        let announced = self.announced.iter().find(|a| a.exposure == exposure);
        let before = match announced {
            _ if exposure == 0 => None,
            None => return refuse(exposure, Reason::UnknownExposure),
            Some(Announced { reports: Some(reports), .. }) => return Action::Send(reports.clone()),
            Some(Announced { before, .. }) => Some(before.clone()),
        };
        let timeout = match timeout_ms {
            0 => self.timeout,
            ms => Duration::from_millis(ms.into()),
        };
        log::info!("exposure {exposure}: landmarks requested within {} ms", timeout.as_millis());
        let requested = Instant::now();
        let (id, deadline) = (self.last_id + 1, requested + timeout);
        let cancelled = Arc::new(AtomicBool::new(false));
        self.last_id = id;
        self.running =
            Some(Running { id, exposure, requested, deadline, cancelled: Arc::clone(&cancelled) });
        Action::Start(Job { id, before, deadline, cancelled })
    }

    /// The exposure whose detection hangs at the time `now`.
    pub(super) fn overdue(&self, now: Instant) -> Option<u32> {
        self.running.as_ref().filter(|r| now > r.deadline + OVERDUE).map(|r| r.exposure)
    }

    /// Handles a finished detection. It is discarded if its exposure was announced again meanwhile.
    pub(super) fn finish(&mut self, finished: Finished) -> Action {
        let running = self.running.take_if(|r| r.id == finished.id);
        let Some(Running { exposure, requested, .. }) = running else {
            return Action::Nothing;
        };
        let taken_ms = requested.elapsed().as_millis();
        let reports = finished.outcome.and_then(|report| {
            let plausible = if report.plausible { "" } else { "not " };
            log::info!(
                "exposure {exposure}: {} is {plausible}plausible, {taken_ms} ms",
                report.image
            );
            reports::messages(&report, exposure, self.model, taken_ms).ok_or(Reason::Failed)
        });
        let reports = match reports {
            Ok(reports) => reports,
            Err(reason) => return refuse(exposure, reason),
        };
        if let Some(announced) = self.announced.iter_mut().find(|a| a.exposure == exposure) {
            announced.reports = Some(reports.clone());
        }
        Action::Send(reports)
    }
}

fn refuse(exposure: u32, reason: Reason) -> Action {
    log::warn!("exposure {exposure}: no report: {reason:?}");
    Action::Send(vec![Message::Refusal(Refusal { exposure, reason })])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detection_is_overdue_a_minute_after_its_deadline() {
        let timeout = Duration::from_secs(5);
        let source = Source::File("image.png".into());
        let mut handler = Handler::new(source, ModelId::default(), timeout);
        let far = Duration::from_secs(1_000_000);
        assert_eq!(handler.overdue(Instant::now() + far), None);
        let Action::Start(job) = handler.request(&Request { exposure: 0, timeout_ms: 0 }) else {
            panic!("the newest image needs no announcement");
        };
        assert_eq!(handler.overdue(job.deadline + OVERDUE), None);
        assert_eq!(handler.overdue(job.deadline + OVERDUE + Duration::from_millis(1)), Some(0));
        handler.finish(Finished { id: job.id, outcome: Err(Reason::NoImage) });
        assert_eq!(handler.overdue(Instant::now() + far), None);
    }
}
