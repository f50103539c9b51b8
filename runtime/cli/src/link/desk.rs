//! What the runtime owes its peer: announced exposures, the detection that runs, reports to repeat.

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
    source::{Sighting, Source},
    worker::{Done, Job},
};

/// Exposures that are remembered.
const REMEMBERED: usize = 8;
/// A detection that runs for so long after its image was of use hangs, in a driver or a file system; one that
/// does not takes seconds at most.
const HANGS: Duration = Duration::from_secs(60);

/// The desk at which requests arrive.
pub(super) struct Desk {
    source: Source,
    model: ModelId,
    /// Where the request does not say how long its answer is of use.
    patience: Duration,
    announced: VecDeque<Announced>,
    running: Option<Running>,
    last_id: u64,
}

/// An exposure that was announced.
struct Announced {
    exposure: u32,
    /// The images that were there before it.
    before: Sighting,
    /// Its reports, once it has been looked at.
    reports: Option<Vec<Message>>,
}

/// The one detection that runs.
struct Running {
    id: u64,
    exposure: u32,
    asked: Instant,
    /// After this its image is of no use.
    deadline: Instant,
    overtaken: Arc<AtomicBool>,
}

/// What a message leads to.
#[derive(Debug)]
pub(super) enum Answer {
    /// Nothing, for now.
    Nothing,
    /// These messages, now.
    Say(Vec<Message>),
    /// A detection.
    Start(Job),
}

impl Desk {
    pub(super) fn new(source: Source, model: ModelId, patience: Duration) -> Self {
        let announced = VecDeque::with_capacity(REMEMBERED);
        Self { source, model, patience, announced, running: None, last_id: 0 }
    }

    /// What the runtime does, as heartbeats say it.
    pub(super) fn state(&self) -> State {
        if self.running.is_some() { State::Busy } else { State::Ready }
    }

    /// A start is a new exposure, whatever was known under its number.
    pub(super) fn expose(&mut self, exposure: &Exposure) {
        let Exposure { exposure, phase, time_us } = *exposure;
        log::info!("exposure {exposure}: {phase:?} at {time_us} µs of the peer");
        if phase == Phase::End {
            return;
        }
        // What comes now belongs to this exposure, so there is no waiting on for an older one's image.
        if let Some(running) = &self.running {
            running.overtaken.store(true, Ordering::Relaxed);
        }
        self.announced.retain(|a| a.exposure != exposure);
        self.running.take_if(|running| running.exposure == exposure);
        // Without knowing what was there before, an older image could be taken for this exposure's.
        match self.source.look() {
            Err(error) => {
                log::error!(
                    "exposure {exposure} is lost: {}: {error}; check the folder",
                    self.source
                );
            }
            Ok(before) => {
                self.announced.truncate(REMEMBERED - 1);
                self.announced.push_front(Announced { exposure, before, reports: None });
            }
        }
    }

    pub(super) fn ask(&mut self, request: &Request) -> Answer {
        let Request { exposure, patience_ms } = *request;
        match &self.running {
            Some(running) if running.exposure == exposure => return Answer::Nothing,
            Some(_) => return refuse(exposure, Reason::Busy),
            None => {}
        }
        let announced = self.announced.iter().find(|a| a.exposure == exposure);
        let before = match announced {
            _ if exposure == 0 => None,
            None => return refuse(exposure, Reason::UnknownExposure),
            Some(Announced { reports: Some(reports), .. }) => return Answer::Say(reports.clone()),
            Some(Announced { before, .. }) => Some(before.clone()),
        };
        let patience = match patience_ms {
            0 => self.patience,
            ms => Duration::from_millis(ms.into()),
        };
        log::info!(
            "exposure {exposure}: landmarks are asked for, within {} ms",
            patience.as_millis()
        );
        let asked = Instant::now();
        let (id, deadline) = (self.last_id + 1, asked + patience);
        let overtaken = Arc::new(AtomicBool::new(false));
        self.last_id = id;
        self.running =
            Some(Running { id, exposure, asked, deadline, overtaken: Arc::clone(&overtaken) });
        Answer::Start(Job { id, before, deadline, overtaken })
    }

    /// The exposure whose detection hangs, as seen at `now`.
    pub(super) fn overdue(&self, now: Instant) -> Option<u32> {
        self.running.as_ref().filter(|r| now > r.deadline + HANGS).map(|r| r.exposure)
    }

    /// A detection is done. One whose exposure was announced anew meanwhile is of no use to anybody.
    pub(super) fn finish(&mut self, done: Done) -> Answer {
        let Some(Running { exposure, asked, .. }) = self.running.take_if(|r| r.id == done.id)
        else {
            return Answer::Nothing;
        };
        let taken_ms = asked.elapsed().as_millis();
        let said = done.outcome.and_then(|report| {
            let plausible = if report.plausible { "" } else { "not " };
            log::info!(
                "exposure {exposure}: {} is {plausible}plausible, {taken_ms} ms",
                report.image
            );
            reports::messages(&report, exposure, self.model, taken_ms).ok_or(Reason::Failed)
        });
        let reports = match said {
            Ok(reports) => reports,
            Err(reason) => return refuse(exposure, reason),
        };
        if let Some(announced) = self.announced.iter_mut().find(|a| a.exposure == exposure) {
            announced.reports = Some(reports.clone());
        }
        Answer::Say(reports)
    }
}

fn refuse(exposure: u32, reason: Reason) -> Answer {
    log::warn!("exposure {exposure}: no report, {reason:?}");
    Answer::Say(vec![Message::Refusal(Refusal { exposure, reason })])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detection_hangs_a_minute_after_its_image_was_of_use() {
        let patience = Duration::from_secs(5);
        let mut desk = Desk::new(Source::File("film.png".into()), ModelId::default(), patience);
        let far = Duration::from_secs(1_000_000);
        assert_eq!(desk.overdue(Instant::now() + far), None);
        let Answer::Start(job) = desk.ask(&Request { exposure: 0, patience_ms: 0 }) else {
            panic!("the newest image needs no announcement");
        };
        assert_eq!(desk.overdue(job.deadline + HANGS), None);
        assert_eq!(desk.overdue(job.deadline + HANGS + Duration::from_millis(1)), Some(0));
        desk.finish(Done { id: job.id, outcome: Err(Reason::NoImage) });
        assert_eq!(desk.overdue(Instant::now() + far), None);
    }
}
