//! The cumulative error distribution.

use fiducia::Error;
use plotters::prelude::*;

use super::super::super::{Evaluation, Summary, metrics::THRESHOLDS, metrics::quantile};
use super::{Chart, DATA, Drawn, LEAST_AXIS_END, MARK, chart, ending, errors_by_landmark, svg};

/// The cumulative error curve: share of landmarks (%) against the error they stay within.
pub(in super::super) fn cumulative(evaluation: &Evaluation) -> Result<String, Error> {
    svg(360, |root| {
        let summary = &evaluation.summary;
        let mut errors = errors_by_landmark(evaluation).concat();
        errors.sort_by(f64::total_cmp);
        let end = axis_end(&errors);
        let x_name = format!("radial error, {}", summary.unit.name());
        let mut chart = chart(root, [end, 100.0], [&x_name, "landmarks within it, %"])?;
        for z in THRESHOLDS {
            chart.draw_series([PathElement::new([(z, 0.0), (z, 100.0)], MARK.mix(0.5))])?;
        }
        chart.draw_series(LineSeries::new(steps(&errors, end), DATA.stroke_width(2)))?;
        let at = THRESHOLDS.iter().zip(summary.sdr);
        chart.draw_series(at.map(|(&z, rate)| Circle::new((z, rate), 4, MARK.filled())))?;
        legend(&chart, summary, end)
    })
}

/// The success rates in the lower right corner, where a useful curve never runs.
fn legend(chart: &Chart<'_, '_>, summary: &Summary, end: f64) -> Drawn {
    let unit = summary.unit.name();
    for (row, (z, rate)) in THRESHOLDS.iter().zip(summary.sdr).enumerate() {
        let text = format!("{rate:.1} % within {z} {unit}");
        let at = (end * 0.98, 32.0 - 7.0 * row as f64);
        chart.plotting_area().draw(&Text::new(text, at, ending()))?;
    }
    Ok(())
}

/// Where the axis of errors ends: far enough for 98 % of them, and for the largest threshold.
fn axis_end(errors: &[f64]) -> f64 {
    let most = quantile(errors, 0.98).ceil();
    if most.is_finite() { most.max(LEAST_AXIS_END) } else { LEAST_AXIS_END }
}

/// The curve through sorted `errors`, thinned to what can be seen.
fn steps(errors: &[f64], end: f64) -> Vec<(f64, f64)> {
    const POINTS: usize = 400;
    let share = |x: f64| {
        let within = errors.partition_point(|&e| e <= x);
        (x, 100.0 * within as f64 / errors.len().max(1) as f64)
    };
    (0..=POINTS).map(|i| share(end * i as f64 / POINTS as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_never_falls_and_counts_the_error_itself() {
        let curve = steps(&[1.0, 2.0, 2.0, 9.0], 4.0);
        assert!(curve.is_sorted_by(|a, b| a.1 <= b.1));
        assert_eq!((curve[0].1, curve[100], curve[200]), (0.0, (1.0, 25.0), (2.0, 75.0)));
        assert_eq!(curve[400], (4.0, 75.0), "what lies beyond the axis is not lost");
    }
}
