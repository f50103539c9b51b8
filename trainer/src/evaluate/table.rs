//! The text table of an evaluation.

use std::fmt::Write;

use fiducia::report::ModelInfo;

use super::{Evaluation, Group, LandmarkSummary, MeasureFigures, Reliability, Summary};

/// The metrics of `evaluation` for a terminal, one line per landmark.
pub fn table(evaluation: &Evaluation) -> String {
    let Evaluation { set, split, models, backend, summary, excluded, .. } = evaluation;
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
        let _ = writeln!(text, "excluded: {}", excluded.join(", "));
    }
    for model in models {
        let _ = writeln!(text, "model {}", short(model));
    }
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
        let _ = writeln!(text, "refused, included above: {} ({names})", summary.refused.len());
    }
    reliability(&mut text, &summary.reliability);
    measures(&mut text, &summary.measures);
    text
}

/// Name of a model and the beginning of its hash.
pub(super) fn short(model: &ModelInfo) -> String {
    format!("{} ({})", model.name, model.sha256.get(..12).unwrap_or_default())
}

/// The metrics over all landmarks, as a row of the table.
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

/// The agreement of expected and measured errors.
fn reliability(text: &mut String, r: &Reliability) {
    let unit = r.unit.name();
    if r.points > 0 {
        let _ = writeln!(
            text,
            "\nexpected error {:.2} {unit}, measured {:.2} {unit}: ratio {:.2}, rank correlation {:.2}",
            r.expected, r.measured, r.ratio, r.rank_correlation
        );
        let _ = writeln!(text, "expected {unit}  measured {unit}  90 % within  points");
    }
    for bin in &r.bins {
        let (expected, measured, p90) = (bin.expected, bin.measured, bin.measured_p90);
        let _ = writeln!(text, "{expected:11.2}  {measured:11.2}  {p90:11.2}  {:6}", bin.points);
    }
    group(text, "confident", &r.confident, r);
    group(text, "low-confidence", &r.low_confidence, r);
}

fn group(text: &mut String, name: &str, group: &Group, r: &Reliability) {
    if group.points > 0 {
        let percent =
            100.0 * group.points as f64 / (r.confident.points + r.low_confidence.points) as f64;
        let unit = r.unit.name();
        let _ = writeln!(
            text,
            "{name}: {percent:.1} % of the points, MRE {:.2} {unit}, SDR 2 {:.1} %",
            group.mre, group.sdr_2
        );
    }
}

/// Anatomical measures against those of the ground truth.
fn measures(text: &mut String, measures: &[MeasureFigures]) {
    if measures.is_empty() {
        return;
    }
    let width = measures.iter().map(|m| m.name.len()).max().unwrap_or(0).max("measure".len());
    let heading = "measure";
    let _ = writeln!(
        text,
        "\n{heading:width$}  unit  truth ± sd        bias      sd  mean error  expected sd  images"
    );
    for m in measures {
        let _ = writeln!(
            text,
            "{:width$}  {:>4}  {:6.1} ± {:<5.1}  {:7.2}  {:6.2}  {:10.2}  {:11.2}  {:6}",
            m.name,
            m.unit.name(),
            m.truth,
            m.truth_sd,
            m.bias,
            m.sd,
            m.mean_error,
            m.expected_sd,
            m.images
        );
    }
}
