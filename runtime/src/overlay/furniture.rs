//! What belongs to the picture and not to a landmark: the footer and the scale bar.

use super::{
    CONFIDENT, LOW_CONFIDENCE, PLATE, WHITE,
    canvas::{Canvas, Rgb},
    labels::Bounds,
    text::Font,
};
use crate::report::Report;

/// Lengths of a scale bar, mm; the longest that fits is taken.
const BAR_LENGTHS_MM: [f64; 9] = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
/// Largest share of the picture's width that the scale bar takes.
const BAR_SHARE: f64 = 0.3;
/// Darkness of the band behind the footer.
const BAND: f64 = 0.65;

/// Draws footer and scale bar on a picture enlarged by `factor`; returns the boxes they take, px.
pub(super) fn draw(
    canvas: &mut Canvas,
    font: &Font,
    report: &Report,
    factor: usize,
) -> Vec<Bounds> {
    let mut taken = vec![footer(canvas, font, report)];
    if let Some([x_mm, _]) = report.spacing_mm {
        taken.extend(scale_bar(canvas, font, x_mm / factor as f64, taken[0][1]));
    }
    taken
}

/// A dark band along the lower edge. The warning comes first: what does not fit is cut on the right.
fn footer(canvas: &mut Canvas, font: &Font, report: &Report) -> Bounds {
    let [width, height] = canvas.size();
    let line = font.line_height() as f64;
    let top = height - 1.4 * line;
    canvas.shade([0.0, top], [width, height], BAND);
    let low_confidence = report.landmarks.iter().filter(|l| !l.confident).count();
    let hash = report.model.sha256.get(..8).unwrap_or_default();
    let inverted = if report.inverted { "  grey values inverted" } else { "" };
    let parts: [(String, Rgb); 4] = [
        ("not for diagnosis".to_owned(), WHITE),
        (format!("  model {} {hash}", report.model.name), CONFIDENT),
        (
            if low_confidence > 0 {
                format!("  x {low_confidence} low confidence")
            } else {
                String::new()
            },
            LOW_CONFIDENCE,
        ),
        (inverted.to_owned(), WHITE),
    ];
    let mut x = 0.5 * line;
    for (text, colour) in parts {
        font.draw(canvas, &text, [x, top + 0.2 * line], colour);
        x += font.measure(&text)[0];
    }
    [0.0, top, width, height]
}

/// A dark band along the upper edge with these lines in its middle, in one line where they fit; returns the box it
/// takes, px.
pub(super) fn heading(canvas: &mut Canvas, font: &Font, lines: &[&str]) -> Bounds {
    let [width, _] = canvas.size();
    let height = font.line_height() as f64;
    let one = lines.join(" - ");
    let lines = if font.measure(&one)[0] <= width { &[one.as_str()][..] } else { lines };
    let bounds = [0.0, 0.0, width, (lines.len() as f64 + 0.4) * height];
    canvas.shade([0.0, 0.0], [width, bounds[3]], BAND);
    for (i, line) in lines.iter().enumerate() {
        let left = ((width - font.measure(line)[0]) / 2.0).max(0.0);
        font.draw(canvas, line, [left, (i as f64 + 0.2) * height], LOW_CONFIDENCE);
    }
    bounds
}

/// A bar of a round length above the footer, on the left; `None` where none fits.
fn scale_bar(canvas: &mut Canvas, font: &Font, mm_per_px: f64, bottom: f64) -> Option<Bounds> {
    let widest = BAR_SHARE * canvas.size()[0];
    let length_mm =
        BAR_LENGTHS_MM.into_iter().rev().find(|mm| (5.0..=widest).contains(&(mm / mm_per_px)))?;
    let line = font.line_height() as f64;
    let (left, y) = (0.7 * line, bottom - 0.8 * line);
    let right = left + length_mm / mm_per_px;
    let stroke = (line / 10.0).max(1.5);
    let text = format!("{length_mm} mm");
    let end = right.max(left + font.measure(&text)[0]) + line / 2.0;
    let bounds = [0.0, y - 1.6 * line, end, bottom];
    canvas.shade([0.0, bounds[1]], [end, bottom], PLATE);
    canvas.line([left, y], [right, y], stroke, WHITE);
    for x in [left, right] {
        canvas.line([x, y - line / 4.0], [x, y + line / 4.0], stroke, WHITE);
    }
    font.draw(canvas, &text, [left, y - 1.4 * line], WHITE);
    Some(bounds)
}
