//! The plots of the page.

use fiducia::Error;
use fiducia_benches::Kind;
use fiducia_trainer::plot::{
    Canvas, Chart, DATA, DrawResult, FONT, GUIDE, INK, MARK, RIGHT_PX, chart, svg,
};
use plotters::prelude::*;

use crate::Machine;
use crate::tables::{Coding, LANDMARKS, Quantisation};

const HEIGHT_PX: u32 = 330;
/// Logarithmic axis: bytes per landmark.
const BYTES: std::ops::Range<f64> = 128.0..8192.0;

/// A line of a plot: name, colour and points.
type Line = (&'static str, RGBColor, Vec<(f64, f64)>);

/// All plots, by file name.
pub(crate) fn all(
    machines: &[Machine],
    quantisation: &Quantisation,
) -> Result<Vec<(String, String)>, Error> {
    let mut plots = vec![("quantisation.svg".to_owned(), error_by_bytes(&quantisation.codings)?)];
    for Machine { name, record, .. } in machines {
        let latency = |kind: Kind, n: usize| {
            record.number(&format!("fusion/{}/cpu/{n}", kind.name()), "median")
        };
        let memory = |kind: Kind, n: usize| {
            let bytes = record.number(&format!("memory/{}/cpu/{n}", kind.name()), "heap steady");
            bytes.map(|bytes| bytes * 1e-6)
        };
        for (plot, part, drawn) in [
            ("latency", "fusion/", by_landmarks("ms", latency)?),
            ("memory", "memory/", by_landmarks("heap at work, MB", memory)?),
        ] {
            if !record.names(part).is_empty() {
                plots.push((format!("{plot}-{name}.svg"), drawn));
            }
        }
    }
    Ok(plots)
}

/// A quantity against the number of landmarks: all three kinds of model on the left; those with a single
/// model on the right, at a larger scale.
fn by_landmarks(
    quantity: &'static str,
    of: impl Fn(Kind, usize) -> Option<f64>,
) -> Result<String, Error> {
    let line = |kind: Kind, name, colour| -> Line {
        let point = |n: usize| of(kind, n).map(|value| (n as f64, value));
        (name, colour, LANDMARKS.into_iter().filter_map(point).collect())
    };
    let lines = [
        line(Kind::Fused, "fused", DATA),
        line(Kind::Joint, "joint, heads only", INK),
        line(Kind::Single, "one model per landmark", MARK),
    ];
    svg(HEIGHT_PX, |root| {
        let halves = root.split_evenly((1, 2));
        panel(&halves[0], quantity, &lines)?;
        panel(&halves[1], quantity, &lines[..2])
    })
}

fn panel(area: &Canvas<'_>, quantity: &str, lines: &[Line]) -> DrawResult {
    let values = || lines.iter().flat_map(|(.., points)| points);
    let top = values().map(|p| p.1).fold(0.0, f64::max);
    let top = if top > 0.0 { 1.1 * top } else { 1.0 };
    let mut chart = chart(area, [72.0, top], ["landmarks", quantity])?;
    for (i, (name, colour, points)) in lines.iter().enumerate() {
        draw(&mut chart, *colour, points)?;
        legend(area, i, name, *colour)?;
    }
    Ok(())
}

fn draw(chart: &mut Chart<'_, '_>, colour: RGBColor, points: &[(f64, f64)]) -> DrawResult {
    chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
    chart.draw_series(points.iter().map(|&at| Circle::new(at, 3, colour.filled())))?;
    Ok(())
}

/// Draws the names of the lines in the upper left corner.
fn legend(area: &Canvas<'_>, line: usize, name: &str, colour: RGBColor) -> DrawResult {
    let y = 22 + 18 * line as i32;
    area.draw(&PathElement::new([(78, y), (98, y)], colour.stroke_width(2)))?;
    area.draw(&Text::new(name.to_owned(), (104, y - 7), FONT.into_font().color(&INK)))?;
    Ok(())
}

/// Error on the left, displacement by rounding on the right, against the bytes per landmark.
fn error_by_bytes(codings: &[Coding]) -> Result<String, Error> {
    let error = |c: &Coding| Some(c.error);
    let (low, high) = codings
        .iter()
        .fold((f64::INFINITY, 0.0f64), |(low, high), c| (low.min(c.error), high.max(c.error)));
    let margin = 0.2 * (high - low).max(1e-3);
    let moves = codings.iter().filter_map(|c| c.move_px).fold(0.0, f64::max);
    svg(HEIGHT_PX, |root| {
        let halves = root.split_evenly((1, 2));
        codings_panel(
            &halves[0],
            "mean radial error, mm",
            low - margin..high + margin,
            codings,
            error,
        )?;
        codings_panel(&halves[1], "mean displacement, px", 0.0..1.15 * moves, codings, |c| {
            c.move_px
        })
    })
}

fn codings_panel(
    area: &Canvas<'_>,
    quantity: &str,
    range: std::ops::Range<f64>,
    codings: &[Coding],
    of: impl Fn(&Coding) -> Option<f64>,
) -> DrawResult {
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(RIGHT_PX)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(BYTES.log_scale().base(2.0), range)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GUIDE)
        .axis_style(INK)
        .label_style(FONT.into_font().color(&INK))
        .x_desc("bytes per landmark")
        .y_desc(quantity)
        .x_label_formatter(&|v| format!("{v:.0}"))
        .y_label_formatter(&|v| format!("{v:.3}"))
        .draw()?;
    let points: Vec<(f64, f64, &str)> =
        codings.iter().filter_map(|c| Some((c.landmark_bytes, of(c)?, c.name.as_str()))).collect();
    chart.draw_series(points.iter().map(|p| Circle::new((p.0, p.1), 3, DATA.filled())))?;
    chart.draw_series(points.iter().map(|p| {
        let label = Text::new(p.2.to_owned(), (6, -16), FONT.into_font().color(&INK));
        EmptyElement::at((p.0, p.1)) + label
    }))?;
    Ok(())
}
