//! The cumulative error distribution.

use fiducia::Error;
use plotters::prelude::*;

use super::{
    Chart, DATA, DrawResult, LEAST_AXIS_END, MARK, chart, ending, errors_by_landmark, svg,
};
use crate::evaluate::{Evaluation, Summary, THRESHOLDS};
use crate::statistics::quantile;

/// The cumulative error curve: percentage of landmarks within each error.
pub(in super::super) fn cumulative(evaluation: &Evaluation) -> Result<String, Error> {
    svg(360, |root| {
        let summary = &evaluation.summary;
        let mut errors = errors_by_landmark(evaluation).concat();
        errors.sort_by(f64::total_cmp);
        let end = axis_end(&errors);
        let x_name = format!("radial error, {}", summary.unit.name());
        let mut chart = chart(root, [end, 100.0], [&x_name, "landmarks within this error, %"])?;
        for z in THRESHOLDS {
            chart.draw_series([PathElement::new([(z, 0.0), (z, 100.0)], MARK.mix(0.5))])?;
        }
        chart.draw_series(LineSeries::new(steps(&errors, end), DATA.stroke_width(2)))?;
        let at = THRESHOLDS.iter().zip(summary.sdr);
        chart.draw_series(at.map(|(&z, rate)| Circle::new((z, rate), 4, MARK.filled())))?;
        legend(&chart, summary, end)
    })
}

/// Draws the success detection rates in the lower right corner, which the curve does not cross.
fn legend(chart: &Chart<'_, '_>, summary: &Summary, end: f64) -> DrawResult {
    let unit = summary.unit.name();
    for (row, (z, rate)) in THRESHOLDS.iter().zip(summary.sdr).enumerate() {
        let text = format!("{rate:.1} % within {z} {unit}");
        let at = (end * 0.98, 32.0 - 7.0 * row as f64);
        chart.plotting_area().draw(&Text::new(text, at, ending()))?;
    }
    Ok(())
}

/// End of the error axis: it covers 98 % of the errors and the largest threshold.
fn axis_end(errors: &[f64]) -> f64 {
    let most = quantile(errors, 0.98).ceil();
    if most.is_finite() { most.max(LEAST_AXIS_END) } else { LEAST_AXIS_END }
}

/// The curve through the sorted `errors`, reduced to a visible number of points.
fn steps(errors: &[f64], end: f64) -> Vec<(f64, f64)> {
    const POINTS: usize = 400;
    let fraction = |x: f64| {
        let within = errors.partition_point(|&e| e <= x);
        (x, 100.0 * within as f64 / errors.len().max(1) as f64)
    };
    (0..=POINTS).map(|i| fraction(end * i as f64 / POINTS as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_never_falls_and_counts_the_error_itself() {
        let curve = steps(&[1.0, 2.0, 2.0, 9.0], 4.0);
        assert!(curve.is_sorted_by(|a, b| a.1 <= b.1));
        assert_eq!((curve[0].1, curve[100], curve[200]), (0.0, (1.0, 25.0), (2.0, 75.0)));
        assert_eq!(curve[400], (4.0, 75.0), "errors beyond the axis still count");
    }
}
