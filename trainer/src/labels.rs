//! Labels: where the landmarks lie on every image, and how they are weighted and moved.

use fiducia::shape::distance;

/// Position of every landmark on every image, in normalised units of that image, with weights from 0 to 1.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Labels {
    /// `[image][landmark]`, normalised units.
    pub points: Vec<Vec<[f64; 2]>>,
    /// `[image][landmark]`, 0 to 1.
    pub weights: Vec<Vec<f64>>,
}

/// Weight of a label from two sources that differ by the distance of `a` and `b`: the Cauchy weight `1 / (1 +
/// (d / s)²)` of robust estimation (Holland and Welsch 1977), ½ at the distance `s = half_weight`.
pub fn cauchy_weight(a: [f64; 2], b: [f64; 2], half_weight: f64) -> f64 {
    cauchy_weight_at(distance(a, b), half_weight)
}

/// The Cauchy weight of [`cauchy_weight`] at a given distance.
pub fn cauchy_weight_at(distance: f64, half_weight: f64) -> f64 {
    let d = distance / half_weight;
    1.0 / (1.0 + d * d)
}

/// The point at `fraction` of the way from `from` to `to`.
pub fn towards(from: [f64; 2], to: [f64; 2], fraction: f64) -> [f64; 2] {
    [0, 1].map(|axis| from[axis] + fraction * (to[axis] - from[axis]))
}
