//! The plots of a report, as SVG. Their colours are few and fixed, so that the page can restyle them.

mod cumulative;
mod boxes;
mod reliability;

use fiducia::Error;
use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::super::Evaluation;
use super::super::metrics::radial_errors;
use super::internal;

pub(super) use boxes::boxes;
pub(super) use cumulative::cumulative;
pub(super) use reliability::reliability;

/// Text and axes.
const INK: RGBColor = RGBColor(0x1A, 0x1A, 0x1A);
/// Guides.
const GUIDE: RGBColor = RGBColor(0xD9, 0xD9, 0xD9);
/// Data.
const DATA: RGBColor = RGBColor(0x21, 0x66, 0xAC);
/// Marked data.
const MARK: RGBColor = RGBColor(0xB2, 0x18, 0x2B);

const WIDTH_PX: u32 = 920;
const FONT: (&str, u32) = ("sans-serif", 13);
/// The axis of errors ends here, in the unit of the summary, unless nearly all errors are larger.
const LEAST_AXIS_END: f64 = 6.0;

/// Space for half of the last number of an axis, px.
const RIGHT_PX: u32 = 18;

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Plane = Cartesian2d<RangedCoordf64, RangedCoordf64>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Plane>;

fn svg(height_px: u32, draw: impl FnOnce(&Canvas<'_>) -> Drawn) -> Result<String, Error> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH_PX, height_px)).into_drawing_area();
        draw(&root).map_err(internal)?;
        root.present().map_err(internal)?;
    }
    Ok(text)
}

/// A chart with guides, both axes from 0 and named.
fn chart<'a, 'b>(
    root: &'a Canvas<'b>,
    [x_end, y_end]: [f64; 2],
    [x_name, y_name]: [&str; 2],
) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>>
where
    'b: 'a,
{
    let mut chart = ChartBuilder::on(root)
        .margin(8)
        .margin_right(RIGHT_PX)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..x_end, 0.0..y_end)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GUIDE)
        .axis_style(INK)
        .label_style(FONT.into_font().color(&INK))
        .x_desc(x_name)
        .y_desc(y_name)
        .x_label_formatter(&|v| tick(*v))
        .y_label_formatter(&|v| tick(*v))
        .draw()?;
    Ok(chart)
}

/// A number beside an axis: no more digits than it needs.
fn tick(value: f64) -> String {
    format!("{}", (value * 100.0).round() / 100.0)
}

/// Text that ends at its point.
fn ending() -> TextStyle<'static> {
    FONT.into_font().color(&INK).pos(Pos::new(HPos::Right, VPos::Center))
}

/// All errors, `[landmark][image]`.
fn errors_by_landmark(evaluation: &Evaluation) -> Vec<Vec<f64>> {
    let by_image = radial_errors(&evaluation.predictions, evaluation.summary.unit);
    let errors_of = |l: usize| by_image.iter().map(|image| image[l]).collect();
    (0..evaluation.landmarks.len()).map(errors_of).collect()
}
