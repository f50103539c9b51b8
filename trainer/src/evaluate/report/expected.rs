//! The section of the page on expected errors: text, plot and table.

use super::super::Reliability;
use super::super::reliability::{Bin, Group};

/// The section; `plot` is an SVG. Empty where no point has an expected error.
pub(super) fn section(reliability: &Reliability, plot: &str) -> String {
    if reliability.points == 0 {
        return String::new();
    }
    let unit = reliability.unit.name();
    format!(
        "<h2>Expected errors</h2>\n<p>{means} {groups}</p>\n\
         <figure>{plot}<figcaption>Mean measured error against mean expected error, for {count} \
         groups of equal size in order of expected error. On the diagonal the expected errors are correct; \
         above it they are too small.</figcaption></figure>\n\
         <div class=\"wide\"><table>\n<thead><tr><th>expected, {unit}</th><th>measured, {unit}</th>\
         <th>90 % within, {unit}</th><th>points</th></tr></thead>\n<tbody>{rows}</tbody></table></div>",
        means = means(reliability),
        groups = groups(reliability),
        count = reliability.bins.len(),
        rows = reliability.bins.iter().map(row).collect::<String>(),
    )
}

fn means(r: &Reliability) -> String {
    let unit = r.unit.name();
    format!(
        "The runtime expects a mean error of {:.2} {unit}; {:.2} {unit} were measured \
         (ratio {:.2}); the rank correlation of both is {:.2}.",
        r.expected, r.measured, r.ratio, r.rank_correlation
    )
}

/// How the errors of confident and of low-confidence points differ.
fn groups(r: &Reliability) -> String {
    let unit = r.unit.name();
    let of =
        |g: &Group| format!("mean error {:.2} {unit}, {:.1} % within 2 {unit}", g.mre, g.sdr_2);
    let percent = r.confident_percent;
    match (r.confident.points, r.low_confidence.points) {
        (_, 0) => "All points are confident.".to_owned(),
        (0, _) => "No point is confident.".to_owned(),
        _ => format!(
            "{percent:.1} % of the points are confident ({}); the others are marked as low-confidence ({}).",
            of(&r.confident),
            of(&r.low_confidence)
        ),
    }
}

fn row(bin: &Bin) -> String {
    format!(
        "<tr><th scope=\"row\">{:.2}</th><td>{:.2}</td><td>{:.2}</td><td>{}</td></tr>\n",
        bin.expected, bin.measured, bin.measured_p90, bin.points
    )
}
