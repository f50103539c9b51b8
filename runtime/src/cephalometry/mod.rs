//! Cephalometric measures of a lateral head radiograph: angles, lengths and ratios between landmarks.
//!
//! Definitions follow Steiner (1953), Downs (1948), Björk (1947), Jarabak (1972) and Kim (1974, 1978); they are written
//! out in `docs/cephalometry.md`. A measure is given if the report has all its landmarks. Wits appraisal is missing: its
//! occlusal plane needs the molars, which are not landmarks of the shipped model.

mod definitions;
mod geometry;

use serde::Serialize;

use crate::landmark::Landmark;

use definitions::{DEFINITIONS, Definition};
use geometry::Point;

/// One cephalometric measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// Its usual short name, such as `SNA`.
    pub name: &'static str,
    /// `deg`, `mm` or `%`.
    pub unit: Unit,
    /// Its value.
    pub value: f64,
    /// Standard deviation, same unit. It follows from the expected errors of its landmarks, assumed independent and
    /// isotropic.
    pub sd: f64,
    /// False where one of its landmarks has low confidence.
    pub confident: bool,
}

/// Unit of a [`Measure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Degrees.
    #[serde(rename = "deg")]
    Degrees,
    /// Millimetres; only where the scale is known.
    #[serde(rename = "mm")]
    Millimetres,
    /// Percent.
    #[serde(rename = "%")]
    Percent,
}

impl Unit {
    /// The unit as it is written in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Degrees => "deg",
            Self::Millimetres => "mm",
            Self::Percent => "%",
        }
    }
}

/// The line between them points to the front of the face.
const BACK_AND_FRONT: [&str; 2] = ["sella", "nasion"];
/// Standard deviation along one axis of a point whose mean distance to the truth is 1: `√(2/π)`.
const SD_OF_MEAN_DISTANCE: f64 = 0.797_884_560_802_865_4;
/// Step of the numerical derivative, mm or px.
const STEP: f64 = 0.01;

/// All measures whose landmarks are among `landmarks`; those in mm only where positions are known in mm. Empty for other
/// anatomies.
///
/// Pixels of unequal height and width are taken into account where the spacing is known.
///
/// ```
/// use fiducia::Landmark;
/// use fiducia::cephalometry::{Unit, measures};
///
/// let landmark = |name: &str, x: f64, y: f64| Landmark {
///     name: name.to_owned(),
///     x_px: 10.0 * x,
///     y_px: 10.0 * y,
///     x_mm: Some(x),
///     y_mm: Some(y),
///     expected_error_mm: Some(1.0),
///     expected_error_px: 10.0,
///     covariance_px2: [50.0, 0.0, 50.0],
///     confident: true,
/// };
/// // A face to the right: A lies straight below nasion.
/// let face = [
///     landmark("sella", 60.0, 50.0),
///     landmark("nasion", 130.0, 50.0),
///     landmark("subspinale", 130.0, 110.0),
/// ];
/// let all = measures(&face);
/// assert_eq!((all[0].name, all[0].unit), ("SNA", Unit::Degrees));
/// assert!((all[0].value - 90.0).abs() < 1e-9);
/// ```
pub fn measures(landmarks: &[Landmark]) -> Vec<Measure> {
    DEFINITIONS.iter().filter_map(|definition| measure(definition, landmarks)).collect()
}

fn measure(definition: &Definition, landmarks: &[Landmark]) -> Option<Measure> {
    let find = |name: &str| landmarks.iter().find(|l| l.name == name);
    let [back, front] = BACK_AND_FRONT.map(|name| find(name).map(|l| l.x_px));
    let facing = if front? < back? { -1.0 } else { 1.0 };
    let used: Option<Vec<&Landmark>> = definition.landmarks.iter().map(|name| find(name)).collect();
    let used = used?;
    let mm: Option<Vec<(Point, f64)>> =
        used.iter().map(|l| Some(([l.x_mm?, l.y_mm?], l.expected_error_mm?))).collect();
    let px = || used.iter().map(|l| ([l.x_px, l.y_px], l.expected_error_px)).collect();
    let placed: Vec<(Point, f64)> = match (mm, definition.unit) {
        (Some(mm), _) => mm,
        (None, Unit::Millimetres) => return None,
        (None, _) => px(),
    };
    let points: Vec<Point> = placed.iter().map(|([x, y], _)| [x * facing, *y]).collect();
    let value = (definition.value)(&points);
    let errors = placed.iter().map(|(_, error)| error * SD_OF_MEAN_DISTANCE);
    let sd = errors.enumerate().map(|(i, sd)| (sd * slope(definition, &points, i)).powi(2));
    let sd = sd.sum::<f64>().sqrt();
    let confident = used.iter().all(|l| l.confident);
    (value.is_finite() && sd.is_finite()).then_some(Measure {
        name: definition.name,
        unit: definition.unit,
        value,
        sd,
        confident,
    })
}

/// Length of the measure's gradient with respect to the position of point `i`.
fn slope(definition: &Definition, points: &[Point], i: usize) -> f64 {
    let along = |axis: usize| {
        let moved = |by: f64| {
            let mut points = points.to_vec();
            points[i][axis] += by;
            (definition.value)(&points)
        };
        (moved(STEP) - moved(-STEP)) / (2.0 * STEP)
    };
    along(0).hypot(along(1))
}

#[cfg(test)]
mod tests;
