//! `fiducia detect`: images in, reports out.

use std::path::Path;

use fiducia::{Detector, Error, ErrorKind, Presentation, Radiograph, Reading, Report};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    Failure, arguments::DetectArguments, complain, device, images, images::Images, model,
    outputs::Outputs,
};

/// Runs the command. Of a batch, the good images get their reports and the first failure is returned
/// after all of them are done.
pub(super) fn detect(arguments: &DetectArguments) -> Result<(), Failure> {
    let images = images::list(&arguments.images)?;
    let mut outputs = Outputs::check(arguments, &images)?;
    let path = model::find(arguments.model.as_deref())?;
    let pack = model::open(&path, arguments.require_signed.as_deref())?;
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
    for path in &images.paths {
        match detect_one(&mut detector, path, arguments, &mut outputs) {
            Ok(report) => reports.push(report),
            Err(error) => {
                if images.batch {
                    progress.suspend(|| complain(&error.to_string()));
                }
                failures.push(error);
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    if !reports.is_empty() {
        outputs.write(&reports)?;
    }
    conclude(failures, &images)
}

/// One image: read, find, judge, draw.
fn detect_one(
    detector: &mut Detector,
    path: &Path,
    arguments: &DetectArguments,
    outputs: &mut Outputs,
) -> Result<Report, Error> {
    let reading = detector.reading(arguments.spacing);
    let correct_magnification = arguments.correct_magnification;
    let mut radiograph = Radiograph::open_as(path, &Reading { correct_magnification, ..reading })?;
    if arguments.invert {
        radiograph = radiograph.inverted();
    }
    let report = detector.detect(&radiograph)?;
    if !report.plausible {
        return Err(implausible(&report));
    }
    outputs.picture(path, &radiograph, &report)?;
    Ok(report)
}

fn implausible(report: &Report) -> Error {
    Error::new(
        ErrorKind::Implausible,
        format!(
            "{} does not look like an image for the model {} ({}{}); nothing was measured",
            report.image,
            report.model.name,
            report.reasons.join(", "),
            remedy(report)
        ),
    )
}

/// The flag that would invert the grey values back, where they look inverted. For the others there is
/// no flag: which side is left is not for a program to repair.
fn remedy(report: &Report) -> &'static str {
    match report.presentation.is_some_and(Presentation::is_inverted) {
        true if report.inverted => ": leave out --invert",
        true => ": give --invert",
        false => "",
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
