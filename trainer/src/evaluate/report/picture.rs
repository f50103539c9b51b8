//! Draws a prediction: found points, ground truth, and a line between them.

use fiducia::{Error, Radiograph, Report};
use image::{RgbImage, imageops};
use plotters::prelude::*;

use super::super::Prediction;
use super::internal;

/// Colour of the ground truth and its lines; distinct from the colours of the runtime's overlay.
pub(super) const TRUTH: RGBColor = RGBColor(0xFF, 0x3D, 0xC8);
/// Colour of found points where the runtime made no overlay.
const FOUND: RGBColor = RGBColor(0xFF, 0xD6, 0x00);
/// Height of an embedded image, px.
const SHOWN_HEIGHT: u32 = 900;

/// The image with found points, true points and connecting lines, at full size; small images are enlarged by
/// the factor of the runtime's overlay.
pub(super) fn draw(
    radiograph: &Radiograph,
    report: Option<&Report>,
    prediction: &Prediction,
) -> RgbImage {
    let mut picture = match report {
        Some(report) => fiducia::overlay(radiograph, report),
        None => grey(radiograph),
    };
    let size = picture.dimensions();
    let unit = (f64::from(size.1) / 600.0).max(1.0);
    let at = |p: [f64; 2]| in_picture(p, size.0 as usize / radiograph.width.max(1));
    {
        let canvas = BitMapBackend::with_buffer(&mut picture, size).into_drawing_area();
        let thin = TRUTH.stroke_width((0.7 * unit).round().max(1.0) as u32);
        for (found, &truth) in prediction.found.iter().zip(&prediction.truth_px) {
            let (from, to) = (at(found.px), at(truth));
            // Drawing into memory cannot fail; points outside are clipped.
            let _ = canvas.draw(&PathElement::new([from, to], thin));
            let _ = canvas.draw(&Circle::new(to, 4.0 * unit, thin));
            if report.is_none() {
                let _ = canvas.draw(&Circle::new(from, 2.0 * unit, FOUND.filled()));
            }
        }
        let _ = canvas.present();
    }
    picture
}

/// Maps a point of the image to an image enlarged by `factor`, px; pixel centres map to pixel centres.
fn in_picture(point_px: [f64; 2], factor: usize) -> (i32, i32) {
    let factor = factor.max(1) as f64;
    let [x, y] = point_px.map(|v| ((v + 0.5) * factor - 0.5).round() as i32);
    (x, y)
}

/// A reduced copy for the page.
pub(super) fn shrink(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    if height <= SHOWN_HEIGHT {
        return picture.clone();
    }
    let width = (u64::from(width) * u64::from(SHOWN_HEIGHT) / u64::from(height)).max(1) as u32;
    imageops::resize(picture, width, SHOWN_HEIGHT, imageops::FilterType::Triangle)
}

/// Encodes the image as a PNG file.
pub(super) fn png(picture: &RgbImage) -> Result<Vec<u8>, Error> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).map_err(internal)?;
    Ok(bytes.into_inner())
}

/// The radiograph with its grey range stretched to 8 bit.
fn grey(radiograph: &Radiograph) -> RgbImage {
    let low = radiograph.pixels.iter().min().copied().unwrap_or(0);
    let high = radiograph.pixels.iter().max().copied().unwrap_or(0);
    let gain = 255.0 / f32::from((high - low).max(1));
    RgbImage::from_fn(radiograph.width as u32, radiograph.height as u32, |x, y| {
        let value = radiograph.pixels[y as usize * radiograph.width + x as usize];
        image::Rgb([(f32::from(value - low) * gain) as u8; 3])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enlarged_picture_keeps_its_points() {
        assert_eq!(in_picture([10.0, 20.25], 1), (10, 20));
        // At three times the size, the first pixel covers 0, 1 and 2; its centre is 1.
        assert_eq!(in_picture([0.0, 2.0], 3), (1, 7));
    }
}
