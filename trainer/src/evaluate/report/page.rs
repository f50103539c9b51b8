//! `index.html`: one page without any other file, for light and dark screens and for paper.

use std::fmt::Write;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::super::metrics::{THRESHOLDS, Unit, mean, radial_error};
use super::super::table::all;
use super::super::{Evaluation, LandmarkSummary};

/// A picture of the page.
pub(super) struct Picture {
    /// What it shows.
    pub(super) caption: String,
    /// The picture at full size, a file beside the page.
    pub(super) file: &'static str,
    /// PNG to be shown inside the page.
    pub(super) shown: Vec<u8>,
}

const STYLE: &str = include_str!("page.css");

/// The page. `plots` are the cumulative curve and the boxes, as SVG.
pub(super) fn html(evaluation: &Evaluation, plots: &[String; 2], pictures: &[Picture]) -> String {
    let title = format!("{} / {}", evaluation.set, evaluation.split);
    let [curve, boxes] = plots;
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · fiducia</title>\n<style>\n{STYLE}</style>\n<main>\n\
         <h1>{title}</h1>\n{origin}\n{figures}\n<p>{confidence}</p>\n\
         <h2>Errors</h2>\n\
         <figure>{curve}<figcaption>Share of landmarks whose error is within a distance; the red \
         lines mark 2, 2.5, 3 and 4 {unit}.</figcaption></figure>\n\
         <figure>{boxes}<figcaption>Errors of each landmark: box = quartiles, bar = median, \
         whiskers = 5th to 95th percentile, dot = mean.</figcaption></figure>\n\
         <h2>Landmarks</h2>\n{table}\n\
         <h2>Images</h2>\n{refused}\n<div class=\"pictures\">{pictures}</div>\n\
         <p class=\"small\">Magenta ring: ground truth, with a line from the found point. Every \
         single error is in <a href=\"errors.csv\">errors.csv</a>, the figures of this page in \
         <a href=\"summary.json\">summary.json</a>.</p>\n</main>\n</html>\n",
        title = escape(&title),
        unit = evaluation.summary.unit.name(),
        origin = origin(evaluation),
        figures = figures(evaluation),
        confidence = confidence(evaluation).unwrap_or_default(),
        table = landmark_table(evaluation),
        refused = refused(evaluation),
        pictures = pictures.iter().map(figure).collect::<String>(),
    )
}

/// Which model ran where on what.
fn origin(evaluation: &Evaluation) -> String {
    let Evaluation { model, backend, excluded, summary, .. } = evaluation;
    let mut text = format!(
        "<p>{} images. Model <b>{}</b> <code>{}</code> on {} ({}, {}).",
        summary.images,
        escape(&model.name),
        escape(model.sha256.get(..12).unwrap_or_default()),
        escape(backend.kind),
        escape(&backend.device),
        escape(&backend.driver),
    );
    if !excluded.is_empty() {
        let _ = write!(text, " Left out: {}.", escape(&excluded.join(", ")));
    }
    text.push_str("</p>");
    text
}

/// The numbers to be read first.
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

/// Whether the runtime knows what it does not know: mean error of confident and of doubtful points.
fn confidence(evaluation: &Evaluation) -> Option<String> {
    let unit: Unit = evaluation.summary.unit;
    let errors = |confident: bool| {
        let of_image = |p: &super::Prediction| -> Vec<f64> {
            let chosen = (0..p.found.len()).filter(|&l| p.found[l].confident == confident);
            chosen.map(|l| radial_error(p, l, unit)).collect()
        };
        evaluation.predictions.iter().flat_map(of_image).collect::<Vec<f64>>()
    };
    let (sure, doubtful) = (errors(true), errors(false));
    (!sure.is_empty() && !doubtful.is_empty()).then(|| {
        let share = 100.0 * doubtful.len() as f64 / (sure.len() + doubtful.len()) as f64;
        let (sure, doubtful, unit) = (mean(&sure), mean(&doubtful), unit.name());
        format!(
            "The runtime marks {share:.1} % of its points as doubtful: their mean error is \
             {doubtful:.2} {unit}, that of the others {sure:.2} {unit}."
        )
    })
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
        0 => "<p>The runtime took every image to be plausible.</p>".to_owned(),
        count => format!(
            "<p>Called implausible by the runtime, yet counted above: {count} ({}).</p>",
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

/// Text as it may stand in HTML, between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
