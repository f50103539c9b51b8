//! The section of the page on expected errors: a sentence or two, the plot, a table.

use super::super::Reliability;
use super::super::reliability::{Bin, Group};

/// The section; `plot` is an SVG. Empty where no error was expected.
pub(super) fn section(reliability: &Reliability, plot: &str) -> String {
    if reliability.points == 0 {
        return String::new();
    }
    let unit = reliability.unit.name();
    format!(
        "<h2>Expected errors</h2>\n<p>{means} {groups}</p>\n\
         <figure>{plot}<figcaption>Points in {count} groups of equal size by the error that the \
         runtime expects. On the straight line a model knows how wrong it is; above it, it takes itself \
         to be better.</figcaption></figure>\n\
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
        "The runtime expects an error of {:.2} {unit} in the mean where {:.2} {unit} were measured \
         (ratio {:.2}); the rank correlation of both is {:.2}.",
        r.expected, r.measured, r.ratio, r.rank_correlation
    )
}

/// Whether the runtime knows what it does not know.
fn groups(r: &Reliability) -> String {
    let unit = r.unit.name();
    let of =
        |g: &Group| format!("mean error {:.2} {unit}, {:.1} % within 2 {unit}", g.mre, g.sdr_2);
    let share = r.confident_percent;
    match (r.confident.points, r.doubtful.points) {
        (_, 0) => "It stands by every point.".to_owned(),
        (0, _) => "It stands by no point.".to_owned(),
        _ => format!(
            "It stands by {share:.1} % of its points ({}); the others are marked as doubtful ({}).",
            of(&r.confident),
            of(&r.doubtful)
        ),
    }
}

fn row(bin: &Bin) -> String {
    format!(
        "<tr><th scope=\"row\">{:.2}</th><td>{:.2}</td><td>{:.2}</td><td>{}</td></tr>\n",
        bin.expected, bin.measured, bin.measured_p90, bin.points
    )
}
