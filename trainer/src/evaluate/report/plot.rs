//! The plots of a report, as SVG. Their colours are few and fixed, so that the page can restyle them.

use fiducia::Error;
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::super::metrics::{THRESHOLDS, Unit, quantile, radial_error};
use super::super::{Evaluation, Summary};
use super::internal;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(0x1A, 0x1A, 0x1A);
/// Guides.
pub(super) const GUIDE: RGBColor = RGBColor(0xD9, 0xD9, 0xD9);
/// Data.
pub(super) const DATA: RGBColor = RGBColor(0x21, 0x66, 0xAC);
/// Marked data.
pub(super) const MARK: RGBColor = RGBColor(0xB2, 0x18, 0x2B);

const WIDTH_PX: u32 = 920;
const FONT: (&str, u32) = ("sans-serif", 13);
/// The axis of errors ends here, in the unit of the summary, unless nearly all errors are larger.
const LEAST_AXIS_END: f64 = 6.0;

/// The cumulative error curve: share of landmarks (%) against the error they stay within.
pub(super) fn cumulative(evaluation: &Evaluation) -> Result<String, Error> {
    svg(360, |root| {
        let summary = &evaluation.summary;
        let mut errors = errors_by_landmark(evaluation).concat();
        errors.sort_by(f64::total_cmp);
        let end = axis_end(&errors);
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .x_label_area_size(44)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..end, 0.0..100.0)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GUIDE)
            .axis_style(INK)
            .label_style(FONT.into_font().color(&INK))
            .x_desc(format!("radial error, {}", summary.unit.name()))
            .y_desc("landmarks within it, %")
            .y_label_formatter(&|share| format!("{share:.0}"))
            .draw()?;
        for z in THRESHOLDS {
            chart.draw_series([PathElement::new([(z, 0.0), (z, 100.0)], MARK.mix(0.5))])?;
        }
        chart.draw_series(LineSeries::new(steps(&errors, end), DATA.stroke_width(2)))?;
        let at = THRESHOLDS.iter().zip(summary.sdr);
        chart.draw_series(at.map(|(&z, rate)| Circle::new((z, rate), 4, MARK.filled())))?;
        legend(chart.plotting_area(), summary, end)
    })
}

/// One box per landmark: quartiles and median, whiskers from the 5th to the 95th percentile, mean as a dot.
pub(super) fn boxes(evaluation: &Evaluation) -> Result<String, Error> {
    let names = &evaluation.landmarks;
    let count = names.len();
    svg(70 + 20 * count as u32, |root| {
        let by_landmark = errors_by_landmark(evaluation);
        let ends = by_landmark.iter().map(|e| quantile(e, 0.95));
        let end = ends.fold(LEAST_AXIS_END, |a, b| a.max(b.ceil()));
        let longest = names.iter().map(|n| n.chars().count()).max().unwrap_or(0) as i32;
        let label_width = (longest * 7 + 16).min(260);
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .margin_left(8 + label_width)
            .x_label_area_size(44)
            .build_cartesian_2d(0.0..end, count as f64..0.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GUIDE)
            .axis_style(INK)
            .label_style(FONT.into_font().color(&INK))
            .x_desc(format!("radial error, {}", evaluation.summary.unit.name()))
            .draw()?;
        let right = FONT.into_font().color(&INK).pos(Pos::new(HPos::Right, VPos::Center));
        let area = chart.plotting_area().strip_coord_spec();
        let left = area.get_pixel_range().0.start;
        for (i, errors) in by_landmark.iter().enumerate() {
            let middle = i as f64 + 0.5;
            let at = chart.plotting_area().map_coordinate(&(0.0, middle));
            root.draw(&Text::new(names[i].clone(), (left - 8, at.1), right.clone()))?;
            let q = |q| quantile(errors, q);
            let line = |x0, y0, x1, y1, width| {
                PathElement::new(vec![(x0, y0), (x1, y1)], DATA.stroke_width(width))
            };
            let (low, high) = (middle - 0.32, middle + 0.32);
            chart.draw_series([
                line(q(0.05), middle, q(0.25), middle, 1),
                line(q(0.75), middle, q(0.95), middle, 1),
                line(q(0.5), low, q(0.5), high, 3),
            ])?;
            let quartiles = [(q(0.25), low), (q(0.75), high)];
            chart.draw_series([Rectangle::new(quartiles, DATA.mix(0.25).filled())])?;
            chart.draw_series([Rectangle::new(quartiles, DATA)])?;
            let mean = evaluation.summary.per_landmark[i].mre.min(end);
            chart.draw_series([Circle::new((mean, middle), 3, MARK.filled())])?;
        }
        Ok(())
    })
}

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn svg(height_px: u32, draw: impl FnOnce(&Canvas<'_>) -> Drawn) -> Result<String, Error> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH_PX, height_px)).into_drawing_area();
        draw(&root).map_err(internal)?;
        root.present().map_err(internal)?;
    }
    Ok(text)
}

/// The success rates in the lower right corner, where a useful curve never runs.
fn legend(
    area: &DrawingArea<SVGBackend<'_>, impl CoordTranslate<From = (f64, f64)>>,
    summary: &Summary,
    end: f64,
) -> Drawn {
    let right = FONT.into_font().color(&INK).pos(Pos::new(HPos::Right, VPos::Center));
    let unit = summary.unit.name();
    for (row, (z, rate)) in THRESHOLDS.iter().zip(summary.sdr).enumerate() {
        let text = format!("{rate:.1} % within {z} {unit}");
        area.draw(&Text::new(text, (end * 0.98, 32.0 - 7.0 * row as f64), right.clone()))?;
    }
    Ok(())
}

/// All errors, `[landmark][image]`.
fn errors_by_landmark(evaluation: &Evaluation) -> Vec<Vec<f64>> {
    let unit: Unit = evaluation.summary.unit;
    let errors_of = |l| evaluation.predictions.iter().map(move |p| radial_error(p, l, unit));
    (0..evaluation.landmarks.len()).map(|l| errors_of(l).collect()).collect()
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
