//! Shared parts of all plots: SVG, axes, and a few fixed colours, so that a page can restyle them.

use fiducia::{Error, ErrorKind};
use plotters::{
    coord::{Shift, types::RangedCoordf64},
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// Text and axes.
pub const INK: RGBColor = RGBColor(0x1A, 0x1A, 0x1A);
/// Grid lines.
pub const GUIDE: RGBColor = RGBColor(0xD9, 0xD9, 0xD9);
/// Data.
pub const DATA: RGBColor = RGBColor(0x21, 0x66, 0xAC);
/// Highlighted data.
pub const MARK: RGBColor = RGBColor(0xB2, 0x18, 0x2B);

const WIDTH_PX: u32 = 920;
/// Font of all text.
pub const FONT: (&str, u32) = ("sans-serif", 13);
/// Right margin for half of the last number of an axis, px.
pub const RIGHT_PX: u32 = 18;

/// Result of a drawing function.
pub type DrawResult = Result<(), Box<dyn std::error::Error>>;
/// A drawing area.
pub type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Plane = Cartesian2d<RangedCoordf64, RangedCoordf64>;
/// Axes to draw on.
pub type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Plane>;

/// An SVG image of this height, drawn by `draw`.
///
/// # Errors
/// [`ErrorKind::Engine`] where it cannot be drawn.
pub fn svg(height_px: u32, draw: impl FnOnce(&Canvas<'_>) -> DrawResult) -> Result<String, Error> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH_PX, height_px)).into_drawing_area();
        draw(&root).map_err(fault)?;
        root.present().map_err(fault)?;
    }
    Ok(text)
}

/// An error while a plot is drawn in memory, which no file and no input can cause.
fn fault(e: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Engine, format!("cannot draw the plot: {e}"))
}

/// A chart with grid lines; both axes start at 0 and have a name.
///
/// # Errors
/// Where it cannot be drawn.
pub fn chart<'a, 'b>(
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

/// Formats an axis number without unnecessary digits.
fn tick(value: f64) -> String {
    format!("{}", (value * 100.0).round() / 100.0)
}

/// Text aligned to end at its point.
pub fn ending() -> TextStyle<'static> {
    FONT.into_font().color(&INK).pos(Pos::new(HPos::Right, VPos::Center))
}
