//! An evaluation as a text table.

use std::fmt::Write;

use super::{Evaluation, LandmarkSummary, Summary};

/// The figures of `evaluation` for a terminal, one line per landmark.
pub fn table(evaluation: &Evaluation) -> String {
    let Evaluation { set, split, model, backend, summary, excluded, .. } = evaluation;
    let unit = summary.unit.name();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{set} / {split}: {} images, {} landmarks",
        summary.images,
        summary.per_landmark.len()
    );
    if !excluded.is_empty() {
        let _ = writeln!(text, "left out: {}", excluded.join(", "));
    }
    let short_hash = model.sha256.get(..12).unwrap_or_default();
    let _ = writeln!(text, "model {} ({short_hash})", model.name);
    let _ = writeln!(text, "{} {}, {}", backend.kind, backend.device, backend.driver);
    let width = summary.per_landmark.iter().map(|l| l.name.chars().count()).max().unwrap_or(0);
    let width = width.max("landmark".len());
    let _ = writeln!(
        text,
        "\n{:width$}  MRE {unit}      sd  median   SDR 2     2.5       3       4 {unit}",
        "landmark"
    );
    for landmark in &summary.per_landmark {
        row(&mut text, width, landmark);
    }
    row(&mut text, width, &all(summary));
    let [low, high] = summary.ci95_mre;
    let _ = writeln!(
        text,
        "\nMRE {:.3} {unit}, 95 % interval {low:.3} to {high:.3} (bootstrap over images); SDR in %",
        summary.mre
    );
    if let Some(percent) = &summary.percent_height {
        let _ = writeln!(
            text,
            "MRE {:.3} ± {:.3} % of the image height, median {:.3} %",
            percent.mre, percent.sd, percent.median
        );
    }
    if !summary.refused.is_empty() {
        let names = summary.refused.join(", ");
        let _ = writeln!(text, "refused, yet counted above: {} ({names})", summary.refused.len());
    }
    text
}

/// The figures over all landmarks, as a row of the table.
pub(super) fn all(summary: &Summary) -> LandmarkSummary {
    LandmarkSummary {
        name: "all".to_owned(),
        mre: summary.mre,
        sd: summary.sd,
        median: summary.median,
        sdr: summary.sdr,
    }
}

fn row(text: &mut String, width: usize, l: &LandmarkSummary) {
    let [a, b, c, d] = l.sdr;
    let _ = writeln!(
        text,
        "{:width$}  {:6.2}  {:6.2}  {:6.2}  {a:6.1}  {b:6.1}  {c:6.1}  {d:6.1}",
        l.name, l.mre, l.sd, l.median
    );
}
