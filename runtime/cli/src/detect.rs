//! `fiducia detect`: finds the landmarks on images and writes reports.

use std::path::{Path, PathBuf};

use fiducia::{Detector, Error, ErrorKind, OrientationIssue, Radiograph, Reading, Report};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    arguments::DetectArguments, device, failure::Failure, images, images::Images, outputs::Outputs,
    prefetch::Prefetch, terminal::notice,
};

/// Runs the command. In a batch all readable, plausible images get their reports, and the first failure is returned
/// after the last image.
pub(super) fn detect(arguments: &DetectArguments) -> Result<(), Failure> {
    let images = images::list(&arguments.images)?;
    let mut outputs = Outputs::check(arguments, &images)?;
    let pack = arguments.model.open()?;
    let names = match &arguments.landmarks[..] {
        [] => &pack.manifest().landmarks[..],
        some => some,
    };
    let mut detector = device::detector(&pack, &arguments.device, names)?;
    if !arguments.quiet {
        print_choice(&detector);
    }
    let progress = progress(&images, arguments.quiet);
    let mut reports = Vec::new();
    let mut failures = Vec::new();
    detect_all(&mut detector, &images.paths, arguments, |path, found| {
        let report = found.and_then(|(radiograph, mut report)| {
            add_invert_hint(&mut report);
            if let Some(refusal) = report.refusal() {
                outputs.refused(path, &radiograph, &report)?;
                return Err(refusal);
            }
            outputs.of_image(path, &radiograph, &report)?;
            Ok(report)
        });
        match report {
            Ok(report) => reports.push(report),
            Err(error) => {
                if images.batch {
                    progress.suspend(|| notice(&error.to_string()));
                }
                failures.push(error);
            }
        }
        progress.inc(1);
    });
    progress.finish_and_clear();
    if !reports.is_empty() {
        outputs.write(&reports)?;
    }
    outcome(failures, &images)
}

/// Finds the landmarks on all images and passes each result to `found`, in order. While an image is processed the next
/// one is read and, on a GPU, uploaded.
fn detect_all(
    detector: &mut Detector,
    paths: &[PathBuf],
    arguments: &DetectArguments,
    mut found: impl FnMut(&Path, Result<(Radiograph, Report), Error>),
) {
    let correct_magnification = arguments.correct_magnification;
    let reading = Reading { correct_magnification, ..detector.reading(arguments.spacing) };
    let read = |path: &Path| {
        let radiograph = Radiograph::open_as(path, &reading)?;
        Ok(if arguments.invert { radiograph.inverted() } else { radiograph })
    };
    std::thread::scope(|scope| {
        let prefetch = Prefetch::new(scope, paths, read);
        let mut finish = |detector: &mut Detector, path: &Path, started| {
            found(path, Result::and_then(started, |started| detector.finish(started)));
            prefetch.release();
        };
        let mut running = None;
        for path in paths {
            let image = prefetch.next().unwrap_or_else(|| Err(not_read(path)));
            let started = image.and_then(|image| detector.start(image));
            if let Some((path, earlier)) = running.take() {
                finish(detector, path, Ok(earlier));
            }
            match started {
                Ok(started) if !started.is_done() => running = Some((path, started)),
                started => finish(detector, path, started),
            }
        }
        if let Some((path, last)) = running {
            finish(detector, path, Ok(last));
        }
    });
    log_counters(detector);
}

/// Logs how well the GPU was kept busy.
#[cfg(feature = "gpu")]
fn log_counters(detector: &Detector) {
    if let Some(counters) = detector.gpu_counters() {
        log::debug!(
            "GPU: {} runs, {} of them submitted before the result of an earlier one was read",
            counters.runs,
            counters.ahead
        );
    }
}

#[cfg(not(feature = "gpu"))]
fn log_counters(_: &Detector) {}

/// The reading thread ended early.
fn not_read(path: &Path) -> Error {
    Error::new(ErrorKind::Engine, format!("{} was not read", path.display()))
}

/// Adds the `--invert` hint to the reason if the grey values look inverted. There is no option for a wrong orientation:
/// a program must not decide which side is left.
fn add_invert_hint(report: &mut Report) {
    if report.presentation.is_some_and(OrientationIssue::is_inverted) {
        let flag = if report.inverted { ": leave out --invert" } else { ": give --invert" };
        // The last reason describes what the image looks like.
        if let Some(reason) = report.reasons.last_mut() {
            reason.push_str(flag);
        }
    }
}

/// The first failure decides. In a batch the failed images were already printed.
fn outcome(failures: Vec<Error>, images: &Images) -> Result<(), Failure> {
    let count = failures.len();
    match failures.into_iter().next() {
        None => Ok(()),
        Some(first) if !images.batch => Err(first.into()),
        Some(first) => Err(Failure {
            exit_code: first.kind().exit_code(),
            message: format!("{count} of {} images have no report", images.paths.len()),
        }),
    }
}

/// Prints the device and the reason, if the program chose it.
fn print_choice(detector: &Detector) {
    let backend = detector.backend();
    if let Some(reason) = &backend.chosen_because {
        notice(&format!("running on {}: {} ({reason})", backend.kind, backend.device));
    }
}

/// A progress bar on standard error for several images; hidden if that is not a terminal.
fn progress(images: &Images, quiet: bool) -> ProgressBar {
    if quiet || images.paths.len() < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} images, {eta} left");
    ProgressBar::with_draw_target(Some(images.paths.len() as u64), ProgressDrawTarget::stderr())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
