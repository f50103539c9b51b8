//! The report folder: `index.html`, three plots, three images, `errors.csv`, `summary.json`.

mod page;
mod expected;
mod plot;
mod picture;

use std::path::Path;

use fiducia::atomic::write_atomically;
use fiducia::{Error, ErrorKind};

use super::metrics::{Unit, radial_error};
use super::{Evaluation, Prediction};
use crate::data::Labelled;
use crate::folder::{Place, check_place, write_folder};
use crate::statistics::mean;

/// Checks that a report can be written to `dir`; called before long work.
///
/// # Errors
/// [`ErrorKind::Usage`] where `dir` exists and is not an empty folder.
pub fn check_report_place(dir: &Path) -> Result<(), Error> {
    check_place(dir, Place::FreeOrEmpty)
}

/// Writes the report of `evaluation` to the folder `dir`, completely or not at all.
///
/// `images` are the evaluated images; three of them are read again to be drawn.
///
/// # Errors
/// [`ErrorKind::Usage`] where `dir` exists with content, [`ErrorKind::Unreadable`] where an image
/// cannot be read, [`ErrorKind::Unwritable`] where the folder cannot be written.
pub fn write_report(dir: &Path, evaluation: &Evaluation, images: &[Labelled]) -> Result<(), Error> {
    write_folder(dir, Place::FreeOrEmpty, |tmp| {
        let mut pictures = Vec::new();
        for (file, title, index) in best_median_worst(evaluation) {
            let prediction = &evaluation.predictions[index];
            let Some(labelled) = images.iter().find(|l| l.image.name == prediction.image) else {
                continue;
            };
            let radiograph = labelled.image.read()?;
            let report = evaluation.reports[index].as_ref();
            let full = picture::draw(&radiograph, report, prediction);
            write_atomically(&tmp.join(file), &picture::png(&full)?)?;
            let caption = caption(title, prediction, evaluation);
            let shown = picture::png(&picture::shrink(&full))?;
            pictures.push(page::Picture { caption, file, shown });
        }
        write_atomically(&tmp.join("errors.csv"), &errors_csv(evaluation)?)?;
        let json = serde_json::to_vec_pretty(&evaluation.summary).map_err(internal)?;
        write_atomically(&tmp.join("summary.json"), &json)?;
        let plots = Plots::draw(evaluation)?;
        plots.write(tmp)?;
        let html = page::html(evaluation, &plots, &pictures);
        write_atomically(&tmp.join("index.html"), html.as_bytes())
    })
}

/// The plots, as SVG.
struct Plots {
    /// Percentage of landmarks within an error.
    cumulative: String,
    /// Errors of each landmark.
    boxes: String,
    /// Expected against measured errors.
    reliability: String,
}

impl Plots {
    fn draw(evaluation: &Evaluation) -> Result<Self, Error> {
        Ok(Self {
            cumulative: plot::cumulative(evaluation)?,
            boxes: plot::boxes(evaluation)?,
            reliability: plot::reliability(&evaluation.summary.reliability)?,
        })
    }

    /// Writes each plot to its own file, for use outside the page.
    fn write(&self, dir: &Path) -> Result<(), Error> {
        write_atomically(&dir.join("cumulative.svg"), self.cumulative.as_bytes())?;
        write_atomically(&dir.join("boxes.svg"), self.boxes.as_bytes())?;
        write_atomically(&dir.join("reliability.svg"), self.reliability.as_bytes())
    }
}

/// The images with the smallest, median and largest mean error, as indices of the predictions.
fn best_median_worst(evaluation: &Evaluation) -> Vec<(&'static str, &'static str, usize)> {
    let error = |p: &Prediction| image_error(p, evaluation.summary.unit);
    let mut order: Vec<usize> = (0..evaluation.predictions.len()).collect();
    order.sort_by(|&a, &b| {
        error(&evaluation.predictions[a]).total_cmp(&error(&evaluation.predictions[b]))
    });
    let Some(last) = order.len().checked_sub(1) else {
        return Vec::new();
    };
    vec![
        ("best.png", "Best", order[0]),
        ("median.png", "Median", order[last / 2]),
        ("worst.png", "Worst", order[last]),
    ]
}

/// Mean radial error of one image.
fn image_error(prediction: &Prediction, unit: Unit) -> f64 {
    let errors = (0..prediction.found.len()).map(|l| radial_error(prediction, l, unit));
    mean(&errors.collect::<Vec<_>>())
}

fn caption(title: &str, prediction: &Prediction, evaluation: &Evaluation) -> String {
    let unit = evaluation.summary.unit;
    let refused = if prediction.refused { ", refused by the runtime" } else { "" };
    let error = image_error(prediction, unit);
    format!("{title}: {}, mean error {error:.2} {}{refused}", prediction.image, unit.name())
}

/// Writes one row per landmark of every image.
fn errors_csv(evaluation: &Evaluation) -> Result<Vec<u8>, Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = [
        "image",
        "landmark",
        "truth_x_px",
        "truth_y_px",
        "found_x_px",
        "found_y_px",
        "error_px",
        "error_mm",
        "expected_error_px",
        "confident",
        "refused",
    ];
    writer.write_record(header).map_err(internal)?;
    for prediction in &evaluation.predictions {
        for (l, name) in evaluation.landmarks.iter().enumerate() {
            let (truth, found) = (prediction.truth_px[l], prediction.found[l]);
            let mm = prediction.spacing_mm.map(|_| radial_error(prediction, l, Unit::Mm));
            let number = |v: Option<f64>| v.map_or(String::new(), |v| format!("{v:.4}"));
            let row = [
                prediction.image.clone(),
                name.clone(),
                truth[0].to_string(),
                truth[1].to_string(),
                number(Some(found.px[0])),
                number(Some(found.px[1])),
                number(Some(radial_error(prediction, l, Unit::Px))),
                number(mm),
                number(found.expected_error_px),
                found.confident.to_string(),
                prediction.refused.to_string(),
            ];
            writer.write_record(row).map_err(internal)?;
        }
    }
    writer.into_inner().map_err(internal)
}

/// An error while a report is assembled in memory, which no file and no input can cause.
fn internal(e: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Engine, format!("cannot assemble the report: {e}"))
}

#[cfg(test)]
mod tests;
