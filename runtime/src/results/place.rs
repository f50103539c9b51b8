//! Where a landmark lies in DICOM's coordinates of an image.

use crate::landmark::Landmark;

/// In DICOM `(0, 0)` is the outer corner of the top-left pixel (PS3.3, C.18.6.1.2 and C.10.5.1.2); here it is the
/// centre of that pixel.
const CORNER_TO_CENTRE_PX: f64 = 0.5;

/// `[column, row]` of a landmark in DICOM; `None` for what is no place.
pub(super) fn place(landmark: &Landmark) -> Option<[f32; 2]> {
    let place = [landmark.x_px, landmark.y_px].map(|v| (v + CORNER_TO_CENTRE_PX) as f32);
    place.iter().all(|v| v.is_finite()).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x_px: f64, y_px: f64) -> Landmark {
        Landmark {
            name: "sella".into(),
            x_px,
            y_px,
            x_mm: None,
            y_mm: None,
            expected_error_mm: None,
            expected_error_px: 1.0,
            covariance_px2: [1.0, 0.0, 1.0],
            confident: true,
        }
    }

    /// The whole image spans 0 to columns and rows, so its last pixel's centre lies half a pixel before that.
    #[test]
    fn a_pixel_of_the_image_spans_one_from_corner_to_corner() {
        assert_eq!(place(&at(-0.5, -0.5)), Some([0.0, 0.0]));
        assert_eq!(place(&at(0.0, 0.0)), Some([0.5, 0.5]));
        assert_eq!(place(&at(639.5, 479.5)), Some([640.0, 480.0]));
        assert_eq!(place(&at(3.25, 7.0)), Some([3.75, 7.5]));
        assert_eq!(place(&at(f64::NAN, 0.0)), None);
    }
}
