//! One landmark on one image, with its expected error.

use serde::Serialize;

/// One landmark on one image.
///
/// `(0, 0)` px is the centre of the top-left pixel, x to the right, y down; mm are px times the spacing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Landmark {
    /// Name in the pack's manifest.
    pub name: String,
    /// Position, px of the image file.
    pub x_px: f64,
    /// Position, px of the image file.
    pub y_px: f64,
    /// Position, mm from the centre of the top-left pixel; `None` if the spacing is unknown.
    pub x_mm: Option<f64>,
    /// Position, mm; `None` if the spacing is unknown.
    pub y_mm: Option<f64>,
    /// Expected radial error (the model's own estimate of its error), mm; `None` if the spacing is unknown.
    pub expected_error_mm: Option<f64>,
    /// Expected radial error, px (mean of x and y if their spacing differs).
    pub expected_error_px: f64,
    /// Covariance of the position `[xx, xy, yy]`, px².
    pub covariance_px2: [f64; 3],
    /// False for low confidence: the expected error or the distance to the shape model is beyond its usual range.
    pub confident: bool,
}
