//! The thread that looks at images, one after another.

use std::{
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::SyncSender,
    time::{Duration, Instant, SystemTime},
};

use super::{
    Shared,
    config::{KindName, Rule},
    metrics::{Counter, Span},
    packs::Packs,
    recent::{Look, ModelState},
    spool::{Job, Made, Record, milliseconds},
};
use fiducia::{
    Error, ErrorKind, Radiograph, Report,
    radiograph::dicom::header::{self, Header},
    results::{self, Kind, Object, Source},
};

/// How long an empty queue is waited at before something else is looked after.
const WAIT: Duration = Duration::from_millis(500);
/// How long a disk that took no results, or a device that is gone, is given.
const PAUSE: Duration = Duration::from_secs(5);

/// What became of an image.
struct Seen {
    outcome: Outcome,
    objects: Vec<Object>,
    /// Where an image was looked at.
    looked_at: Option<(Radiograph, Report)>,
    /// Decoding and detection, what `fiducia detect` does for an image.
    detection: Duration,
}

/// Why there is no result.
#[derive(Debug)]
enum Failure {
    /// The disk does not take it.
    Room(Error),
    /// The device was lost and cannot be opened anew.
    Device(Error),
    /// Nothing can be made of the image.
    Image(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Image(error)
    }
}

/// As the metrics and the records call it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Measured,
    /// The model was not made for it.
    Refused,
    NoRule,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Refused => "refused",
            Self::NoRule => "no_rule",
        }
    }
}

/// Looks at images until the node is ended; the one that is being looked at comes to its end.
pub(super) fn run(shared: &Shared, mut packs: Packs, painter: Option<&SyncSender<Look>>) {
    tell_models(shared, &packs);
    while !shared.is_stopping() {
        if packs.refresh(&shared.metrics) {
            tell_models(shared, &packs);
        }
        let Some(job) = shared.spool.to_do.pop(WAIT) else { continue };
        shared.busy.begin();
        if let Err(error) = shared.spool.begin(&job.key) {
            log::warn!("image={} event=not_noted error=\"{error}\"", job.key.short());
        }
        let done = catch_unwind(AssertUnwindSafe(|| handle(shared, &mut packs, &job, painter)));
        match done {
            Ok(Ok(())) => shared.device_is(None),
            Ok(Err(Failure::Room(error))) => wait(shared, job, "not_kept", &error),
            Ok(Err(Failure::Device(error))) => {
                shared.device_is(Some(error.to_string()));
                wait(shared, job, "no_device", &error);
            }
            Ok(Err(Failure::Image(error))) => give_up(shared, &job, &error.to_string()),
            Err(_) => give_up(shared, &job, "a fault while it was looked at"),
        }
        shared.busy.end();
    }
}

fn tell_models(shared: &Shared, packs: &Packs) {
    let state = packs.all().iter().map(|pack| ModelState {
        name: pack.name.clone(),
        sha256: pack.sha256.clone(),
        device: device(pack.detector.backend()),
    });
    shared.recent.models(state.collect());
}

fn device(backend: &fiducia::BackendInfo) -> String {
    format!("{}: {}", backend.kind, backend.device)
}

/// It was not the image's fault: it waits, behind the others.
fn wait(shared: &Shared, job: Job, what: &'static str, error: &Error) {
    shared.metrics.count(Counter::Results, what);
    log::error!("event={what} image={} why=\"{error}\"", job.key.short());
    shared.spool.not_begun(&job.key);
    shared.spool.to_do.push(job);
    let end = Instant::now() + PAUSE;
    while Instant::now() < end && !shared.is_stopping() {
        std::thread::sleep(WAIT.min(PAUSE));
    }
}

/// Puts aside what nothing can be made of.
fn give_up(shared: &Shared, job: &Job, why: &str) {
    shared.metrics.count(Counter::Results, "failed");
    log::error!("event=failed image={} why=\"{why}\"", job.key.short());
    shared.recent.failed(job);
    if let Err(error) = shared.spool.fail(&job.key) {
        log::error!("event=not_put_aside image={} error=\"{error}\"", job.key.short());
    }
}

fn handle(
    shared: &Shared,
    packs: &mut Packs,
    job: &Job,
    painter: Option<&SyncSender<Look>>,
) -> Result<(), Failure> {
    let started = Instant::now();
    let image = job.key.short();
    let path = shared.spool.received(&job.key);
    let file = fs::read(path).map_err(|e| unreadable(format!("image {image}: {e}")))?;
    let parts = header::parts(&file).map_err(unreadable)?;
    let header = Header::read(parts.data, &parts.syntax).map_err(unreadable)?;
    let rule = shared.config.rules.iter().find(|rule| rule.fits(&header));
    let seen = match rule {
        Some(rule) => look(shared, packs, rule, &image, &file)?,
        None => Seen {
            outcome: Outcome::NoRule,
            objects: Vec::new(),
            looked_at: None,
            detection: Duration::ZERO,
        },
    };
    let record = record(shared, job, &seen);
    shared.spool.made(job, &record, &seen.objects).map_err(|e| {
        let what = format!("the results of {image} cannot be kept: {e}");
        Failure::Room(Error::new(ErrorKind::Unwritable, what))
    })?;
    shared.metrics.count(Counter::Results, seen.outcome.name());
    if seen.looked_at.is_some() {
        shared.metrics.took(Span::Detection, seen.detection);
    }
    let took = job.received.elapsed().unwrap_or_default();
    shared.metrics.took(Span::Result, took);
    log::info!(
        "event=result image={image} outcome={} objects={} detection_us={} took_ms={} since_received_ms={}",
        seen.outcome.name(),
        seen.objects.len(),
        seen.detection.as_micros(),
        started.elapsed().as_millis(),
        took.as_millis()
    );
    shared.recent.add(job, &record, took);
    if let (Some(painter), Some((radiograph, report))) = (painter, seen.looked_at) {
        // A picture less on the status page is no reason to let an image wait.
        let _ = painter.try_send(Look { image, radiograph, report });
    }
    Ok(())
}

/// Runs the detector.
fn look(
    shared: &Shared,
    packs: &mut Packs,
    rule: &Rule,
    image: &str,
    file: &[u8],
) -> Result<Seen, Failure> {
    let source = Source::read(file)?;
    let mut started = Instant::now();
    let attempt = |packs: &mut Packs| {
        started = Instant::now();
        detect(packs, rule, image, file)
    };
    let reopen = |packs: &mut Packs, error: &Error| {
        log::error!("event=device_lost image={image} why=\"{error}\"");
        let reopened = packs.reopen(rule);
        let outcome = if reopened.is_ok() { "opened" } else { "failed" };
        shared.metrics.count(Counter::DeviceReopened, outcome);
        reopened
    };
    let (radiograph, report) = twice_at_most(packs, attempt, reopen)?;
    let detection = started.elapsed();
    let kinds: Vec<Kind> = shared.config.kinds().into_iter().map(kind).collect();
    let objects = results::results(&source, &radiograph, &report, SystemTime::now(), &kinds)?;
    let outcome = if report.plausible { Outcome::Measured } else { Outcome::Refused };
    Ok(Seen { outcome, objects, looked_at: Some((radiograph, report)), detection })
}

/// Tries once more, on a device that is opened anew, where the first try failed and the image was not to blame.
fn twice_at_most<P, T>(
    packs: &mut P,
    mut attempt: impl FnMut(&mut P) -> Result<T, Error>,
    reopen: impl FnOnce(&mut P, &Error) -> Result<(), Error>,
) -> Result<T, Failure> {
    match attempt(packs) {
        Err(error) if is_of_the_device(&error) => {
            reopen(packs, &error).map_err(Failure::Device)?;
            Ok(attempt(packs)?)
        }
        other => Ok(other?),
    }
}

fn detect(
    packs: &mut Packs,
    rule: &Rule,
    image: &str,
    file: &[u8],
) -> Result<(Radiograph, Report), Error> {
    let loaded = packs.of(rule).ok_or_else(|| {
        Error::new(ErrorKind::Engine, format!("no pack {} is open", rule.pack.display()))
    })?;
    let reading = loaded.detector.reading(None);
    let radiograph = Radiograph::decode_as(image.to_owned(), file, &reading)?;
    let report = match loaded.detector.detect(&radiograph) {
        // Without size or contrast: refused like any other, with a report that says so.
        Err(e) if e.kind() == ErrorKind::Implausible => {
            loaded.detector.not_looked_at(&radiograph, &e)
        }
        other => other?,
    };
    Ok((radiograph, report))
}

/// Whether another try on a new device may end otherwise: errors that do not lie with the image.
fn is_of_the_device(error: &Error) -> bool {
    use ErrorKind as Kind;
    !matches!(error.kind(), Kind::Unreadable | Kind::Implausible | Kind::Usage)
}

fn unreadable(what: String) -> Error {
    Error::new(ErrorKind::Unreadable, what)
}

fn record(shared: &Shared, job: &Job, seen: &Seen) -> Record {
    let report = seen.looked_at.as_ref().map(|(_, report)| report);
    let mut owed = BTreeMap::new();
    for destination in &shared.config.destinations {
        let wants = |object: &Object| destination.kinds.iter().any(|k| kind(*k) == object.kind);
        let objects = seen.objects.iter().enumerate().filter(|(_, object)| wants(object));
        let objects: Vec<usize> = objects.map(|(number, _)| number).collect();
        if !objects.is_empty() {
            owed.insert(destination.name.clone(), objects);
        }
    }
    let made = |object: &Object| Made {
        sop_class: object.sop_class.to_owned(),
        sop_instance: object.sop_instance.clone(),
    };
    Record {
        image: job.key.short(),
        received_ms: milliseconds(job.received),
        outcome: seen.outcome.name().to_owned(),
        model: report.map(|r| r.model.name.clone()),
        model_sha256: report.map(|r| r.model.sha256.clone()),
        device: report.map(|r| device(&r.backend)),
        objects: seen.objects.iter().map(made).collect(),
        owed,
    }
}

fn kind(name: KindName) -> Kind {
    match name {
        KindName::Report3d => Kind::Report3d,
        KindName::Report => Kind::Report,
        KindName::Presentation => Kind::Presentation,
        KindName::Capture => Kind::Capture,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outcome, tries and openings where the tries fail with these kinds and the opening with that.
    fn run(tries: &[ErrorKind], opening: Option<ErrorKind>) -> (Result<(), Failure>, [usize; 2]) {
        let fail = |kind: ErrorKind| Err(Error::new(kind, "it fails"));
        let mut counts = [0, 0];
        let outcome = twice_at_most(
            &mut counts,
            |counts| {
                counts[0] += 1;
                tries.get(counts[0] - 1).map_or(Ok(()), |&kind| fail(kind))
            },
            |counts, _| {
                counts[1] += 1;
                opening.map_or(Ok(()), fail)
            },
        );
        (outcome, counts)
    }

    #[test]
    fn a_lost_device_is_opened_once_and_an_image_is_not_tried_for_ever() {
        use ErrorKind::{GpuLost, Implausible, NoGpu, Unreadable};
        assert!(matches!(run(&[], None), (Ok(()), [1, 0])));
        assert!(matches!(run(&[GpuLost], None), (Ok(()), [2, 1])));
        assert!(matches!(run(&[GpuLost; 2], None), (Err(Failure::Image(_)), [2, 1])));
        assert!(matches!(run(&[GpuLost], Some(NoGpu)), (Err(Failure::Device(_)), [1, 1])));
        for kind in [Unreadable, Implausible] {
            assert!(matches!(run(&[kind], None), (Err(Failure::Image(_)), [1, 0])));
        }
    }

    #[test]
    #[cfg(feature = "gpu")]
    fn an_image_on_a_gpu_that_is_lost_is_measured_on_it_anew() {
        use crate::config::Config;
        use std::path::Path;
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
        let spool = tempfile::tempdir().unwrap();
        let text = format!(
            "spool = '{}'\n[device]\nbackend = 'gpu'\nadapter = ''\n\
             [[rule]]\npack = 'head.fid'\n\
             [[destination]]\nname = 'archive'\nae = 'A'\naddress = 'localhost:104'\n",
            spool.path().display()
        );
        let config = Config::parse(&text, Path::new(models)).unwrap();
        let packs = Packs::open(&config);
        let is_unusable = |e: &Error| e.kind() != ErrorKind::NoGpu;
        if let Some(error) = packs.as_ref().err().filter(|e| is_unusable(e)) {
            panic!("{error}");
        }
        let mut packs = fiducia_test_support::gpu_or_skip!(packs);
        let rule = &config.rules[0];
        let film = std::fs::read(Path::new(models).join("demo.png")).unwrap();
        let mut lost = Vec::new();
        let mut look = |packs: &mut Packs| {
            let reopen = |packs: &mut Packs, error: &Error| {
                lost.push(error.kind());
                packs.reopen(rule)
            };
            let (_, report) =
                twice_at_most(packs, |packs| detect(packs, rule, "demo.png", &film), reopen)
                    .unwrap();
            report.landmarks
        };
        let before = look(&mut packs);
        packs.of(rule).unwrap().detector.lose_gpu();
        assert_eq!(look(&mut packs), before);
        assert_eq!(look(&mut packs), before);
        assert_eq!(lost, [ErrorKind::GpuLost]);
    }
}
