//! `index.html`: one self-contained page for light and dark screens and for print.

use std::fmt::Write;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use fiducia::report::ModelInfo;

use super::super::metrics::THRESHOLDS;
use super::super::table::all;
use super::super::{Evaluation, LandmarkSummary};
use super::{Plots, expected};

/// An image of the page.
pub(super) struct Picture {
    /// Its caption.
    pub(super) caption: String,
    /// File name of the full-size image beside the page.
    pub(super) file: &'static str,
    /// Reduced image embedded in the page, PNG.
    pub(super) shown: Vec<u8>,
}

const STYLE: &str = include_str!("page.css");

/// The HTML page.
pub(super) fn html(evaluation: &Evaluation, plots: &Plots, pictures: &[Picture]) -> String {
    let title = format!("{} / {}", evaluation.set, evaluation.split);
    let Plots { cumulative, boxes, reliability } = plots;
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · fiducia</title>\n<style>\n{STYLE}</style>\n<main>\n\
         <h1>{title}</h1>\n{origin}\n{figures}\n\
         <h2>Errors</h2>\n\
         <figure>{cumulative}<figcaption>Percentage of landmarks whose error is at most a given distance; the red \
         lines mark 2, 2.5, 3 and 4 {unit}.</figcaption></figure>\n\
         <figure>{boxes}<figcaption>Errors of each landmark, in order of increasing median: box = quartiles, \
         bar = median, whiskers = 5th to 95th percentile, dot = mean.</figcaption></figure>\n{expected}\n\
         <h2>Landmarks</h2>\n{table}\n\
         <h2>Images</h2>\n{refused}\n<div class=\"pictures\">{pictures}</div>\n\
         <p class=\"small\">Magenta ring: ground truth, with a line from the found point. All \
         single errors are in <a href=\"errors.csv\">errors.csv</a>, the figures of this page in \
         <a href=\"summary.json\">summary.json</a>.</p>\n</main>\n</html>\n",
        title = escape(&title),
        unit = evaluation.summary.unit.name(),
        origin = origin(evaluation),
        figures = figures(evaluation),
        expected = expected::section(&evaluation.summary.reliability, reliability),
        table = landmark_table(evaluation),
        refused = refused(evaluation),
        pictures = pictures.iter().map(figure).collect::<String>(),
    )
}

/// The model, device, driver and number of images.
fn origin(evaluation: &Evaluation) -> String {
    let Evaluation { models, backend, excluded, summary, .. } = evaluation;
    let model = |m: &ModelInfo| {
        let hash = m.sha256.get(..12).unwrap_or_default();
        format!("<b>{}</b> <code>{}</code>", escape(&m.name), escape(hash))
    };
    let mut text = format!(
        "<p>{} images. Model {} on {} ({}, {}).",
        summary.images,
        models.iter().map(model).collect::<Vec<_>>().join(", "),
        escape(backend.kind),
        escape(&backend.device),
        escape(&backend.driver),
    );
    if !excluded.is_empty() {
        let _ = write!(text, " Excluded: {}.", escape(&excluded.join(", ")));
    }
    text.push_str("</p>");
    text
}

/// The main figures.
fn figures(evaluation: &Evaluation) -> String {
    let s = &evaluation.summary;
    let unit = s.unit.name();
    let mut tiles = vec![
        ("mean radial error", format!("{:.2} ± {:.2} {unit}", s.mre, s.sd)),
        (
            "95 % interval of the mean",
            format!("{:.2} to {:.2} {unit}", s.ci95_mre[0], s.ci95_mre[1]),
        ),
        ("median", format!("{:.2} {unit}", s.median)),
        ("within 2 / 2.5 / 3 / 4", s.sdr.map(|r| format!("{r:.1}")).join(" / ") + " %"),
    ];
    if let Some(p) = &s.percent_height {
        tiles.push(("of the image height", format!("{:.2} ± {:.2} %", p.mre, p.sd)));
    }
    let tile =
        |(name, value): (&str, String)| format!("<div><b>{value}</b><span>{name}</span></div>");
    format!("<div class=\"tiles\">{}</div>", tiles.into_iter().map(tile).collect::<String>())
}

fn landmark_table(evaluation: &Evaluation) -> String {
    let unit = evaluation.summary.unit.name();
    let thresholds: String =
        THRESHOLDS.iter().map(|z| format!("<th>≤ {z} {unit}, %</th>")).collect();
    let row = |l: &LandmarkSummary| {
        let rates: String = l.sdr.iter().map(|r| format!("<td>{r:.1}</td>")).collect();
        format!(
            "<tr><th scope=\"row\">{}</th><td>{:.2}</td><td>{:.2}</td><td>{:.2}</td>{rates}</tr>\n",
            escape(&l.name),
            l.mre,
            l.sd,
            l.median
        )
    };
    format!(
        "<div class=\"wide\"><table>\n<thead><tr><th>landmark</th><th>mean, {unit}</th><th>sd</th>\
         <th>median</th>{thresholds}</tr></thead>\n<tbody>{}</tbody>\n<tfoot>{}</tfoot></table></div>",
        evaluation.summary.per_landmark.iter().map(row).collect::<String>(),
        row(&all(&evaluation.summary))
    )
}

fn refused(evaluation: &Evaluation) -> String {
    let names = &evaluation.summary.refused;
    match names.len() {
        0 => "<p>The runtime accepted every image as plausible.</p>".to_owned(),
        count => format!(
            "<p>Refused as implausible by the runtime, but included above: {count} ({}).</p>",
            escape(&names.join(", "))
        ),
    }
}

fn figure(picture: &Picture) -> String {
    let caption = escape(&picture.caption);
    format!(
        "<figure><a href=\"{}\"><img alt=\"{caption}\" src=\"data:image/png;base64,{}\"></a>\
         <figcaption>{caption}</figcaption></figure>\n",
        picture.file,
        BASE64_STANDARD.encode(&picture.shown)
    )
}

/// Escapes text for HTML content and attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
