//! A picture of a report: the image with its landmarks, their names and error ellipses.

mod canvas;
mod text;
mod labels;
mod furniture;

use crate::landmark::Landmark;
use crate::radiograph::Radiograph;
use crate::radiograph::grey_window::window;
use crate::report::Report;
use canvas::{Canvas, Rgb};
use labels::{Anchor, Label};
use text::Font;

/// Chi-square with two degrees of freedom at 95 %: squared half axes of the ellipse per variance.
const CHI2_95: f64 = 5.991;
/// Smaller images are enlarged by a whole factor, so that names are readable, px.
const MIN_EDGE_PX: usize = 900;
/// Blue and orange are distinguishable for all common kinds of colour blindness (Okabe and Ito 2008).
const CONFIDENT: Rgb = [86, 180, 233];
/// See [`CONFIDENT`]; low-confidence landmarks also differ in form (a tilted cross, a question mark).
const LOW_CONFIDENCE: Rgb = [255, 170, 20];
/// Opacity of the plate behind a name, which makes it readable on bright bone.
const PLATE: f64 = 0.55;
const WHITE: Rgb = [255, 255, 255];

/// Draws `report` over `radiograph`: a cross, a 95 % ellipse and a name for every landmark, a scale
/// bar if the spacing is known, and a footer.
///
/// The picture has the size of the image, or a whole multiple of it if the image is small. The grey window is the one
/// that the networks use.
///
/// ```
/// # use std::path::Path;
/// # use fiducia::{Backend, Detector, Pack, Radiograph};
/// use fiducia::overlay;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
/// # let mut detector = Detector::new(&Pack::open(&models.join("head.fid"))?, Backend::Cpu)?;
/// # let radiograph = Radiograph::open(&models.join("demo.png"), Some([0.2, 0.2]))?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("overlay.png");
/// let report = detector.detect(&radiograph)?;
/// let picture = overlay(&radiograph, &report);
/// assert_eq!(picture.width() as usize % radiograph.width, 0);
/// picture.save(&path)?;
/// # Ok(())
/// # }
/// ```
pub fn overlay(radiograph: &Radiograph, report: &Report) -> image::RgbImage {
    drawn(radiograph, report, &[])
}

/// As [`overlay`], with the lines of `mark` in a band along the upper edge.
#[cfg(feature = "results")]
pub(crate) fn overlay_marked(
    radiograph: &Radiograph,
    report: &Report,
    mark: &[&str],
) -> image::RgbImage {
    drawn(radiograph, report, mark)
}

fn drawn(radiograph: &Radiograph, report: &Report, mark: &[&str]) -> image::RgbImage {
    let factor = enlargement(radiograph);
    let mut canvas = Canvas::new(grey_picture(radiograph, factor));
    let font = Font::for_picture(canvas.size());
    let marks: Vec<Mark> =
        report.landmarks.iter().filter_map(|l| Mark::new(l, factor, &font)).collect();
    marks.iter().for_each(|mark| mark.draw_ellipse(&mut canvas, &font));
    let mut taken = furniture::draw(&mut canvas, &font, report, factor);
    if !mark.is_empty() {
        taken.push(furniture::heading(&mut canvas, &font, mark));
    }
    let anchors: Vec<Anchor> = marks.iter().map(|mark| mark.anchor(&font)).collect();
    let labels = labels::place(&anchors, &taken, canvas.size(), font.line_height() as f64 / 2.0);
    marks.iter().zip(&labels).for_each(|(mark, label)| mark.draw_leader(&mut canvas, label));
    marks.iter().for_each(|mark| mark.draw_cross(&mut canvas));
    marks.iter().zip(&labels).for_each(|(mark, label)| {
        let [width, height] = font.measure(&mark.name);
        let (low, high) = ([label.x - 3.0, label.y], [label.x + width + 3.0, label.y + height]);
        canvas.shade(low, high, PLATE);
        font.draw(&mut canvas, &mark.name, [label.x, label.y], mark.colour);
    });
    canvas.into_picture()
}

/// A landmark in px of the picture.
struct Mark {
    name: String,
    at: [f64; 2],
    covariance: [f64; 3],
    colour: Rgb,
    confident: bool,
    /// Half width of the cross.
    arm: f64,
    /// Width of its lines.
    stroke: f64,
}

impl Mark {
    /// `None` where the position is not a number.
    fn new(landmark: &Landmark, factor: usize, font: &Font) -> Option<Self> {
        let k = factor as f64;
        let at = [landmark.x_px, landmark.y_px].map(|v| k * v + (k - 1.0) / 2.0);
        let name = landmark.name.replace('_', " ");
        at.iter().all(|v| v.is_finite()).then(|| Self {
            name: if landmark.confident { name } else { format!("{name} ?") },
            at,
            covariance: landmark.covariance_px2.map(|v| v * k * k),
            colour: if landmark.confident { CONFIDENT } else { LOW_CONFIDENCE },
            confident: landmark.confident,
            arm: font.line_height() as f64 * 0.4,
            stroke: (font.line_height() as f64 / 11.0).max(2.0),
        })
    }

    fn anchor(&self, font: &Font) -> Anchor {
        // A name keeps clear of its ellipse, but does not run away from a very large one.
        let most = 2.5 * font.line_height() as f64;
        let [xx, _, yy] = self.covariance;
        let halo = [xx, yy].map(|v| (v * CHI2_95).sqrt().min(most).max(self.arm));
        Anchor { at: self.at, reach: self.arm, halo, size: font.measure(&self.name) }
    }

    fn draw_ellipse(&self, canvas: &mut Canvas, font: &Font) {
        let Some([a, b, angle]) = half_axes(self.covariance) else { return };
        // An ellipse inside the cross would only hide the pixel that the cross points at.
        if a > self.arm * 0.6 {
            canvas.ellipse(self.at, [a, b], angle, font.line_height() as f64 / 16.0, self.colour);
        }
    }

    /// A line from the cross to a label that had to move away.
    fn draw_leader(&self, canvas: &mut Canvas, label: &Label) {
        if let Some([from, to]) = label.leader {
            canvas.line(from, to, self.stroke * 0.6, self.colour);
        }
    }

    /// A cross with an open middle, so that the pixel itself stays visible.
    fn draw_cross(&self, canvas: &mut Canvas) {
        let gap = self.arm * 0.3;
        let d = std::f64::consts::FRAC_1_SQRT_2;
        let rays = if self.confident {
            [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]
        } else {
            [[d, d], [-d, d], [-d, -d], [d, -d]]
        };
        for ray in rays {
            let end = |r: f64| [self.at[0] + r * ray[0], self.at[1] + r * ray[1]];
            canvas.line(end(gap), end(self.arm), self.stroke, self.colour);
        }
    }
}

/// Half axes of the 95 % ellipse, long one first, and the angle of the long one, radians.
fn half_axes([xx, xy, yy]: [f64; 3]) -> Option<[f64; 3]> {
    let (middle, half) = ((xx + yy) / 2.0, (xx - yy) / 2.0);
    let root = half.hypot(xy);
    let axes = [middle + root, middle - root].map(|v| (v.max(0.0) * CHI2_95).sqrt());
    axes.iter().all(|v| v.is_finite()).then(|| [axes[0], axes[1], xy.atan2(half) / 2.0])
}

fn enlargement(radiograph: &Radiograph) -> usize {
    MIN_EDGE_PX.div_ceil(radiograph.width.max(radiograph.height).max(1)).max(1)
}

fn grey_picture(radiograph: &Radiograph, factor: usize) -> image::RgbImage {
    let [low, high] = window(&radiograph.pixels).map(u32::from);
    let span = (high - low).max(1);
    let level = |v: u16| ((u32::from(v).clamp(low, high) - low) * 255 / span) as u8;
    let (width, height) = (radiograph.width * factor, radiograph.height * factor);
    image::RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let (x, y) = (x as usize / factor, y as usize / factor);
        image::Rgb([level(radiograph.pixels[y * radiograph.width + x]); 3])
    })
}

#[cfg(test)]
mod tests;
