//! Pictures of a prediction: what was found, the truth, and a line between them.

use fiducia::{Error, Radiograph, Report};
use image::{RgbImage, imageops};
use plotters::prelude::*;

use super::super::Prediction;
use super::internal;

/// Colour of the ground truth and of its lines: apart from the colours of the runtime's overlay.
pub(super) const TRUTH: RGBColor = RGBColor(0xFF, 0x3D, 0xC8);
/// Colour of found points where there is no overlay of the runtime.
const FOUND: RGBColor = RGBColor(0xFF, 0xD6, 0x00);
/// Height of a picture inside the page, px.
const SHOWN_HEIGHT: u32 = 900;

/// The image with found points, true points and their distances, at full size.
pub(super) fn draw(
    radiograph: &Radiograph,
    report: Option<&Report>,
    prediction: &Prediction,
) -> RgbImage {
    let size = (radiograph.width as u32, radiograph.height as u32);
    let drawn = report.map(|report| fiducia::overlay(radiograph, report));
    let (mut picture, by_runtime) = match drawn.filter(|d| d.dimensions() == size) {
        Some(picture) => (picture, true),
        None => (grey(radiograph), false),
    };
    let unit = (f64::from(size.1) / 600.0).max(1.0);
    let round = |p: [f64; 2]| (p[0].round() as i32, p[1].round() as i32);
    {
        let canvas = BitMapBackend::with_buffer(&mut picture, size).into_drawing_area();
        let thin = TRUTH.stroke_width(unit.round() as u32);
        for (found, &truth) in prediction.found.iter().zip(&prediction.truth_px) {
            let (from, to) = (round(found.px), round(truth));
            // Drawing into memory fails only where points lie outside, which clips them.
            let _ = canvas.draw(&PathElement::new([from, to], thin));
            let _ = canvas.draw(&Circle::new(to, 2.5 * unit, thin));
            if !by_runtime {
                let _ = canvas.draw(&Circle::new(from, 2.0 * unit, FOUND.filled()));
            }
        }
        let _ = canvas.present();
    }
    picture
}

/// A smaller copy for the page.
pub(super) fn shrink(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    if height <= SHOWN_HEIGHT {
        return picture.clone();
    }
    let width = (u64::from(width) * u64::from(SHOWN_HEIGHT) / u64::from(height)).max(1) as u32;
    imageops::resize(picture, width, SHOWN_HEIGHT, imageops::FilterType::Triangle)
}

/// The picture as a PNG file.
pub(super) fn png(picture: &RgbImage) -> Result<Vec<u8>, Error> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).map_err(internal)?;
    Ok(bytes.into_inner())
}

/// The radiograph stretched from its darkest to its brightest pixel.
fn grey(radiograph: &Radiograph) -> RgbImage {
    let low = radiograph.pixels.iter().min().copied().unwrap_or(0);
    let high = radiograph.pixels.iter().max().copied().unwrap_or(0);
    let gain = 255.0 / f32::from((high - low).max(1));
    RgbImage::from_fn(radiograph.width as u32, radiograph.height as u32, |x, y| {
        let value = radiograph.pixels[y as usize * radiograph.width + x as usize];
        image::Rgb([(f32::from(value - low) * gain) as u8; 3])
    })
}
