//! `fiducia detect`: images in, reports out.

use std::path::{Path, PathBuf};

use fiducia::{Detector, Error, ErrorKind, Presentation, Radiograph, Reading, Report};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    Failure, ahead::Ahead, arguments::DetectArguments, complain, device, images, images::Images,
    model, outputs::Outputs,
};

/// Runs the command. Of a batch, the good images get their reports and the first failure is returned
/// after all of them are done.
pub(super) fn detect(arguments: &DetectArguments) -> Result<(), Failure> {
    let images = images::list(&arguments.images)?;
    let mut outputs = Outputs::check(arguments, &images)?;
    let model = arguments.model.as_deref();
    let pack = model::open_or_default(model, arguments.require_signed.as_deref())?;
    let names = match &arguments.landmarks[..] {
        [] => &pack.manifest().landmarks[..],
        some => some,
    };
    let mut detector = device::detector(&pack, &arguments.device, names)?;
    if !arguments.quiet {
        announce(&detector);
    }
    let progress = progress(&images, arguments.quiet);
    let mut reports = Vec::new();
    let mut failures = Vec::new();
    each(&mut detector, &images.paths, arguments, |path, found| {
        let report = found.and_then(|(radiograph, mut report)| {
            name_remedy(&mut report);
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
                    progress.suspend(|| complain(&error.to_string()));
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
    conclude(failures, &images)
}

/// Finds the landmarks on all images and hands each to `found`, in order. While one is at work the next is
/// read and, on a GPU, uploaded.
fn each(
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
        let ahead = Ahead::new(scope, paths, read);
        let mut finish = |detector: &mut Detector, path: &Path, started| {
            found(path, Result::and_then(started, |started| detector.finish(started)));
            ahead.done();
        };
        let mut under_way = None;
        for path in paths {
            let image = ahead.next().unwrap_or_else(|| Err(unread(path)));
            let started = image.and_then(|image| detector.start(image));
            if let Some((path, earlier)) = under_way.take() {
                finish(detector, path, Ok(earlier));
            }
            match started {
                Ok(started) if !started.is_done() => under_way = Some((path, started)),
                started => finish(detector, path, started),
            }
        }
        if let Some((path, last)) = under_way {
            finish(detector, path, Ok(last));
        }
    });
    log_counters(detector);
}

/// Says how far the device was kept busy.
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

/// The thread that reads has ended early.
fn unread(path: &Path) -> Error {
    Error::new(ErrorKind::Engine, format!("{} was not read", path.display()))
}

/// Adds the flag that would invert the grey values back, where they look inverted. For the others there is
/// no flag: which side is left is not for a program to repair.
fn name_remedy(report: &mut Report) {
    if report.presentation.is_some_and(Presentation::is_inverted) {
        let flag = if report.inverted { ": leave out --invert" } else { ": give --invert" };
        // What the image looks like is the last reason.
        if let Some(reason) = report.reasons.last_mut() {
            reason.push_str(flag);
        }
    }
}

/// The first failure decides; a batch has named each image already.
fn conclude(failures: Vec<Error>, images: &Images) -> Result<(), Failure> {
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

/// Says what was taken where the choice was left to the program.
fn announce(detector: &Detector) {
    let backend = detector.backend();
    if let Some(reason) = &backend.chosen_because {
        complain(&format!("running on {}: {} ({reason})", backend.kind, backend.device));
    }
}

/// A bar on standard error for several images; it draws only where that is a terminal.
fn progress(images: &Images, quiet: bool) -> ProgressBar {
    if quiet || images.paths.len() < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} images, {eta} left");
    ProgressBar::with_draw_target(Some(images.paths.len() as u64), ProgressDrawTarget::stderr())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
