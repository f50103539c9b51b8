//! Expected against measured errors.

use fiducia::Error;
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::super::super::{Reliability, reliability::Bin};
use super::{Canvas, DATA, DrawResult, FONT, INK, MARK, chart, svg};

/// The plot is square, so that the diagonal has 45 degrees; the legend is beside it, px.
const PLOT_WIDTH_PX: u32 = 440;
/// Line spacing of the legend, px.
const LINE_PX: i32 = 26;

/// Mean measured error of each bin against its mean expected error, with the diagonal of a perfectly
/// calibrated model.
pub(in super::super) fn reliability(reliability: &Reliability) -> Result<String, Error> {
    svg(420, |root| {
        let (left, right) = root.split_horizontally(PLOT_WIDTH_PX);
        let unit = reliability.unit.name();
        let end = axis_end(&reliability.bins);
        let names = [format!("expected error, {unit}"), format!("measured error, {unit}")];
        let mut chart = chart(&left, [end, end], [&names[0], &names[1]])?;
        chart.draw_series([PathElement::new([(0.0, 0.0), (end, end)], INK)])?;
        let means = reliability.bins.iter().map(|b| (b.expected, b.measured));
        chart.draw_series(LineSeries::new(means.clone(), DATA.stroke_width(2)))?;
        chart.draw_series(means.map(|at| Circle::new(at, 4, DATA.filled())))?;
        if reliability.points > 0 {
            let all = (reliability.expected, reliability.measured);
            chart.draw_series([Circle::new(all, 5, MARK.filled())])?;
        }
        legend(&right, reliability)
    })
}

/// End of both axes: beyond every mean of `bins`.
fn axis_end(bins: &[Bin]) -> f64 {
    let means = bins.iter().flat_map(|b| [b.expected, b.measured]).filter(|v| v.is_finite());
    let largest = means.fold(0.0, f64::max);
    if largest > 0.0 { 1.08 * largest } else { 1.0 }
}

/// The legend, with the figures of all points.
fn legend(area: &Canvas<'_>, r: &Reliability) -> DrawResult {
    let unit = r.unit.name();
    let y = |line: i32| 40 + line * LINE_PX;
    area.draw(&PathElement::new([(14, y(0)), (34, y(0))], INK))?;
    area.draw(&PathElement::new([(14, y(1)), (34, y(1))], DATA.stroke_width(2)))?;
    area.draw(&Circle::new((24, y(1)), 4, DATA.filled()))?;
    area.draw(&Circle::new((24, y(2)), 5, MARK.filled()))?;
    let lines = [
        "measured = expected".to_owned(),
        format!("means of {} groups of equal size", r.bins.len()),
        format!("all: expected {:.2}, measured {:.2} {unit}", r.expected, r.measured),
        format!("ratio {:.2}, rank correlation {:.2}", r.ratio, r.rank_correlation),
    ];
    let style = FONT.into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
    for (line, text) in lines.into_iter().take(if r.points > 0 { 4 } else { 1 }).enumerate() {
        area.draw(&Text::new(text, (46, y(line as i32)), style.clone()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axes_end_beyond_every_mean() {
        let bin = |expected, measured| Bin { points: 1, expected, measured, measured_p90: 9.0 };
        let end = axis_end(&[bin(1.0, 5.0), bin(6.0, f64::NAN)]);
        assert!(end > 6.0 && end < 9.0);
        assert_eq!(axis_end(&[]), 1.0);
    }
}
