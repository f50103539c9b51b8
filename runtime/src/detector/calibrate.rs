//! From heat-map spreads to expected errors: landmarks as they stand in a report.

use crate::engine::observation::Found;
use crate::landmark::Landmark;
use crate::pack::Calibration;

/// The scale of one image.
#[derive(Clone, Copy)]
pub(super) struct ImageScale {
    /// `[x, y]` mm per px, where it is known.
    pub(super) spacing_mm: Option<[f64; 2]>,
    /// `[x, y]` units of the model per px.
    pub(super) unit_per_px: [f64; 2],
}

/// The landmark `name` with its expected error and confidence.
pub(super) fn calibrated(
    name: &str,
    found: &Found,
    calibration: &Calibration,
    scale: ImageScale,
) -> Landmark {
    let ImageScale { spacing_mm, unit_per_px } = scale;
    let px_per_unit = 2.0 / (unit_per_px[0] + unit_per_px[1]);
    let mm_per_unit = spacing_mm.map(|s| (s[0] + s[1]) / 2.0 * px_per_unit);
    let expected = (f64::from(calibration.gain) * found.spread).max(calibration.floor.into());
    // The ellipse keeps its form and takes the calibrated size.
    let grown = if found.spread > 1e-9 { (expected / found.spread).powi(2) } else { 1.0 };
    Landmark {
        name: name.to_owned(),
        x_px: found.px[0],
        y_px: found.px[1],
        x_mm: spacing_mm.map(|s| found.px[0] * s[0]),
        y_mm: spacing_mm.map(|s| found.px[1] * s[1]),
        expected_error_mm: mm_per_unit.map(|mm| expected * mm),
        expected_error_px: expected * px_per_unit,
        covariance_px2: found.covariance_px2.map(|v| v * grown),
        confident: expected <= calibration.max_expected_error.into()
            && found.residual <= calibration.max_shape_residual.into(),
    }
}
