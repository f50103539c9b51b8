//! The picture of a report: the image with its landmarks.

use crate::{Radiograph, Report};

/// Draws `report` over `radiograph`.
pub fn overlay(_radiograph: &Radiograph, _report: &Report) -> image::RgbImage {
    image::RgbImage::new(1, 1)
}
