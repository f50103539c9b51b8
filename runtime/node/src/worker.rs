//! The thread that processes images, one after another.

use std::{
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::SyncSender,
    time::{Duration, Instant, SystemTime},
};

use super::{
    config::{KindName, Rule},
    metrics::{Counter, Span},
    packs::Packs,
    recent::{ModelState, ThumbnailJob},
    shared::Shared,
    spool::{Job, ObjectInfo, Record, milliseconds},
};
use fiducia::{
    Error, ErrorKind, Radiograph, Report,
    radiograph::dicom::header::{self, Header},
    results::{self, Kind, Object, Source},
};

/// Longest wait for an image before model files and the stop flag are checked.
const WAIT: Duration = Duration::from_millis(500);
/// Pause after results could not be written or the device could not be opened.
const PAUSE: Duration = Duration::from_secs(5);

/// The result of processing an image.
struct Processed {
    outcome: Outcome,
    objects: Vec<Object>,
    /// `None` if no rule matched.
    detected: Option<(Radiograph, Report)>,
    /// Time of decoding and detection, as in `fiducia detect`.
    detection: Duration,
}

/// Why there is no result.
#[derive(Debug)]
enum Failure {
    /// The results cannot be written to the disk.
    Disk(Error),
    /// The device was lost and cannot be opened again.
    Device(Error),
    /// The image cannot be processed.
    Image(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Image(error)
    }
}

/// The outcome in metrics and records.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Measured,
    /// The model is not made for such an image.
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

/// Processes images until the node is stopped; the current image is finished.
pub(super) fn run(
    shared: &Shared,
    mut packs: Packs,
    thumbnails: Option<&SyncSender<ThumbnailJob>>,
) {
    publish_models(shared, &packs);
    while !shared.is_stopping() {
        if packs.refresh(&shared.metrics) {
            publish_models(shared, &packs);
        }
        let Some(job) = shared.spool.pending.pop(WAIT) else { continue };
        shared.busy.begin();
        if let Err(error) = shared.spool.count_attempt(&job.key) {
            log::warn!("image={} event=not_noted error=\"{error}\"", job.key.short());
        }
        let done = catch_unwind(AssertUnwindSafe(|| handle(shared, &mut packs, &job, thumbnails)));
        match done {
            Ok(Ok(())) => shared.set_device_error(None),
            Ok(Err(Failure::Disk(error))) => retry_later(shared, job, "not_kept", &error),
            Ok(Err(Failure::Device(error))) => {
                shared.set_device_error(Some(error.to_string()));
                retry_later(shared, job, "no_device", &error);
            }
            Ok(Err(Failure::Image(error))) => give_up(shared, &job, &error.to_string()),
            Err(_) => give_up(shared, &job, "internal fault"),
        }
        shared.busy.end();
    }
}

fn publish_models(shared: &Shared, packs: &Packs) {
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

/// Puts the image at the end of the queue: the failure was not caused by the image.
fn retry_later(shared: &Shared, job: Job, what: &'static str, error: &Error) {
    shared.metrics.count(Counter::Results, what);
    log::error!("event={what} image={} why=\"{error}\"", job.key.short());
    shared.spool.reset_attempts(&job.key);
    shared.spool.pending.push(job);
    let end = Instant::now() + PAUSE;
    while Instant::now() < end && !shared.is_stopping() {
        std::thread::sleep(WAIT.min(PAUSE));
    }
}

/// Moves an image that cannot be processed to the folder `failed`.
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
    thumbnails: Option<&SyncSender<ThumbnailJob>>,
) -> Result<(), Failure> {
    let started = Instant::now();
    let image = job.key.short();
    let path = shared.spool.received(&job.key);
    let file = fs::read(path).map_err(|e| unreadable(format!("image {image}: {e}")))?;
    let parts = header::parts(&file).map_err(unreadable)?;
    let header = Header::read(parts.data, &parts.syntax).map_err(unreadable)?;
    let rule = shared.config.rules.iter().find(|rule| rule.matches(&header));
    let processed = match rule {
        Some(rule) => process(shared, packs, rule, &image, &file)?,
        None => Processed {
            outcome: Outcome::NoRule,
            objects: Vec::new(),
            detected: None,
            detection: Duration::ZERO,
        },
    };
    let record = record(shared, job, &processed);
    shared.spool.store_results(job, &record, &processed.objects).map_err(|e| {
        let what = format!("cannot store the results of {image}: {e}");
        Failure::Disk(Error::new(ErrorKind::Unwritable, what))
    })?;
    shared.metrics.count(Counter::Results, processed.outcome.name());
    if processed.detected.is_some() {
        shared.metrics.observe(Span::Detection, processed.detection);
    }
    let took = job.received.elapsed().unwrap_or_default();
    shared.metrics.observe(Span::Result, took);
    log::info!(
        "event=result image={image} outcome={} objects={} detection_us={} took_ms={} since_received_ms={}",
        processed.outcome.name(),
        processed.objects.len(),
        processed.detection.as_micros(),
        started.elapsed().as_millis(),
        took.as_millis()
    );
    shared.recent.add(job, &record, took);
    if let (Some(thumbnails), Some((radiograph, report))) = (thumbnails, processed.detected) {
        // If the queue is full the thumbnail is skipped: images must not wait for it.
        let _ = thumbnails.try_send(ThumbnailJob { image, radiograph, report });
    }
    Ok(())
}

/// Runs the detector and makes the result objects.
fn process(
    shared: &Shared,
    packs: &mut Packs,
    rule: &Rule,
    image: &str,
    file: &[u8],
) -> Result<Processed, Failure> {
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
    let (radiograph, report) = retry_once(packs, attempt, reopen)?;
    let detection = started.elapsed();
    let kinds: Vec<Kind> = shared.config.kinds().into_iter().map(kind).collect();
    let objects = results::results(&source, &radiograph, &report, SystemTime::now(), &kinds)?;
    let outcome = if report.plausible { Outcome::Measured } else { Outcome::Refused };
    Ok(Processed { outcome, objects, detected: Some((radiograph, report)), detection })
}

/// Tries again once, after reopening the device, if the first attempt failed for a reason other than the image.
fn retry_once<P, T>(
    packs: &mut P,
    mut attempt: impl FnMut(&mut P) -> Result<T, Error>,
    reopen: impl FnOnce(&mut P, &Error) -> Result<(), Error>,
) -> Result<T, Failure> {
    match attempt(packs) {
        Err(error) if is_device_error(&error) => {
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
        Error::new(ErrorKind::Engine, format!("the model {} is not loaded", rule.pack.display()))
    })?;
    let reading = loaded.detector.reading(None);
    let radiograph = Radiograph::decode_as(image.to_owned(), file, &reading)?;
    let report = match loaded.detector.detect(&radiograph) {
        // Too small or without contrast: refused with a report that says so.
        Err(e) if e.kind() == ErrorKind::Implausible => {
            loaded.detector.failure_report(&radiograph, &e)
        }
        other => other?,
    };
    Ok((radiograph, report))
}

/// Whether a second attempt on a reopened device may succeed: the error is not caused by the image.
fn is_device_error(error: &Error) -> bool {
    use ErrorKind as Kind;
    !matches!(error.kind(), Kind::Unreadable | Kind::Implausible | Kind::Usage)
}

fn unreadable(what: String) -> Error {
    Error::new(ErrorKind::Unreadable, what)
}

fn record(shared: &Shared, job: &Job, processed: &Processed) -> Record {
    let report = processed.detected.as_ref().map(|(_, report)| report);
    let mut owed = BTreeMap::new();
    for destination in &shared.config.destinations {
        let wants = |object: &Object| destination.kinds.iter().any(|k| kind(*k) == object.kind);
        let objects = processed.objects.iter().enumerate().filter(|(_, object)| wants(object));
        let objects: Vec<usize> = objects.map(|(number, _)| number).collect();
        if !objects.is_empty() {
            owed.insert(destination.name.clone(), objects);
        }
    }
    let info = |object: &Object| ObjectInfo {
        sop_class: object.sop_class.to_owned(),
        sop_instance: object.sop_instance.clone(),
    };
    Record {
        image: job.key.short(),
        received_ms: milliseconds(job.received),
        outcome: processed.outcome.name().to_owned(),
        model: report.map(|r| r.model.name.clone()),
        model_sha256: report.map(|r| r.model.sha256.clone()),
        device: report.map(|r| device(&r.backend)),
        objects: processed.objects.iter().map(info).collect(),
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

    /// Outcome, attempts and reopenings if the attempts fail with these kinds and the reopening with `reopening`.
    fn run(
        attempts: &[ErrorKind],
        reopening: Option<ErrorKind>,
    ) -> (Result<(), Failure>, [usize; 2]) {
        let fail = |kind: ErrorKind| Err(Error::new(kind, "it fails"));
        let mut counts = [0, 0];
        let outcome = retry_once(
            &mut counts,
            |counts| {
                counts[0] += 1;
                attempts.get(counts[0] - 1).map_or(Ok(()), |&kind| fail(kind))
            },
            |counts, _| {
                counts[1] += 1;
                reopening.map_or(Ok(()), fail)
            },
        );
        (outcome, counts)
    }

    #[test]
    fn a_lost_device_is_reopened_once_per_image() {
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
    fn an_image_is_processed_again_after_its_gpu_was_lost() {
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
        let opened = match Packs::open(&config) {
            Err(e) if e.kind() == ErrorKind::NoGpu => Err(e),
            opened => Ok(opened.unwrap()),
        };
        let mut packs = fiducia_test_support::gpu_or_skip!(opened);
        let rule = &config.rules[0];
        let image = std::fs::read(Path::new(models).join("demo.png")).unwrap();
        let mut lost = Vec::new();
        let mut landmarks = |packs: &mut Packs| {
            let reopen = |packs: &mut Packs, error: &Error| {
                lost.push(error.kind());
                packs.reopen(rule)
            };
            let (_, report) =
                retry_once(packs, |packs| detect(packs, rule, "demo.png", &image), reopen).unwrap();
            report.landmarks
        };
        let before = landmarks(&mut packs);
        packs.of(rule).unwrap().detector.lose_gpu();
        assert_eq!(landmarks(&mut packs), before);
        assert_eq!(landmarks(&mut packs), before);
        assert_eq!(lost, [ErrorKind::GpuLost]);
    }
}
