//! One box per landmark.

use fiducia::Error;
use plotters::prelude::*;

use super::{
    Chart, DATA, DrawResult, FONT, GUIDE, INK, LEAST_AXIS_END, MARK, RIGHT_PX, ending,
    errors_by_landmark, svg,
};
use crate::evaluate::Evaluation;
use crate::statistics::{mean, quantile};

/// Height of a box with the space around it, px.
const ROW_PX: u32 = 20;

/// One box per landmark, smallest median on top: quartiles and median, whiskers from the 5th to the 95th
/// percentile, the mean as a dot.
pub(in super::super) fn boxes(evaluation: &Evaluation) -> Result<String, Error> {
    let rows = rows(evaluation);
    svg(70 + ROW_PX * rows.len() as u32, |root| {
        let ends = rows.iter().map(|(_, errors)| quantile(errors, 0.95));
        let end = ends.fold(LEAST_AXIS_END, |a, b| a.max(b.ceil()));
        let longest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) as i32;
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .margin_right(RIGHT_PX)
            .margin_left(8 + (longest * 7 + 16).min(260))
            .x_label_area_size(44)
            .build_cartesian_2d(0.0..end, rows.len() as f64..0.0)?;
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
        let left = chart.plotting_area().get_pixel_range().0.start;
        for (i, (name, errors)) in rows.iter().enumerate() {
            let middle = i as f64 + 0.5;
            let at = chart.plotting_area().map_coordinate(&(0.0, middle));
            root.draw(&Text::new(name.to_string(), (left - 8, at.1), ending()))?;
            draw_box(&mut chart, errors, middle, end)?;
        }
        Ok(())
    })
}

/// Names and errors of the landmarks, in order of increasing median.
fn rows(evaluation: &Evaluation) -> Vec<(&str, Vec<f64>)> {
    let names = evaluation.landmarks.iter().map(String::as_str);
    let mut rows: Vec<_> = names.zip(errors_by_landmark(evaluation)).collect();
    rows.sort_by(|a, b| quantile(&a.1, 0.5).total_cmp(&quantile(&b.1, 0.5)));
    rows
}

/// Draws the box of `errors` around the height `middle`; a mean beyond `end` is drawn at the edge.
fn draw_box(chart: &mut Chart<'_, '_>, errors: &[f64], middle: f64, end: f64) -> DrawResult {
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
    let mean = mean(errors).min(end);
    chart.draw_series([Circle::new((mean, middle), 3, MARK.filled())])?;
    Ok(())
}
