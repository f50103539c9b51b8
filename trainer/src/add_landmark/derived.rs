//! The derived landmark: a landmark whose coarse position is computed from the shape of the model's own
//! landmarks, because the backbone has no heat map for it.

use fiducia::engine::Observation;
use fiducia::shape::{DerivedLandmark, ShapeModel, distance};
use fiducia_kernels::Affine;
use nalgebra::{DMatrix, DVector};

use crate::labels::{Labels, cauchy_weight};

/// Assumed standard deviation of a position, normalised units.
const NOISE: f64 = 1.0;
/// Residual that halves the weight of an image, normalised units.
const ROBUST: f64 = 3.0;
/// Rounds of reweighting.
const ROUNDS: usize = 6;
/// Distance to the position predicted from the shape that halves a label's weight, normalised units.
const HALF_WEIGHT: f64 = 4.0;
/// Labels farther than this from that position are replaced by it, normalised units.
const GROSS: f64 = 10.0;

/// Robust ridge regression (iteratively reweighted least squares) of the label on the mode amounts, in the
/// frame of the mean shape.
pub(super) fn fit_derived(
    shape: &ShapeModel,
    labels: &Labels,
    seen: &[Observation],
) -> DerivedLandmark {
    let modes = shape.deviations.len();
    let local: Vec<[f64; 2]> = labels
        .points
        .iter()
        .zip(seen)
        .map(|(p, o)| o.pose.to_image.inverse().unwrap_or(Affine::IDENTITY).apply(p[0]))
        .collect();
    let row = |o: &Observation, k: usize| if k == 0 { 1.0 } else { o.amounts[k - 1] };
    let mut weights: Vec<f64> = labels.weights.iter().map(|w| w[0]).collect();
    let mut derived = DerivedLandmark { mean: [0.0; 2], modes: vec![[0.0; 2]; modes] };
    for _ in 0..ROUNDS {
        let normal = DMatrix::from_fn(modes + 1, modes + 1, |a, b| {
            let sum = seen.iter().zip(&weights).map(|(o, w)| w * row(o, a) * row(o, b));
            // Prior: a coefficient of 1 unit per unit of amount, as for the landmarks of the model.
            let ridge = if a == b && a > 0 { NOISE * NOISE } else { 0.0 };
            sum.sum::<f64>() + ridge
        });
        let solve = |axis: usize| {
            let right = DVector::from_fn(modes + 1, |a, _| {
                let all = seen.iter().zip(&weights).zip(&local);
                all.map(|((o, w), p)| w * row(o, a) * p[axis]).sum::<f64>()
            });
            normal.clone().lu().solve(&right).unwrap_or_else(|| DVector::zeros(modes + 1))
        };
        let (x, y) = (solve(0), solve(1));
        derived.mean = [x[0], y[0]];
        derived.modes = (1..=modes).map(|k| [x[k], y[k]]).collect();
        for (n, o) in seen.iter().enumerate() {
            let off = distance(derived.place(&o.pose, &o.amounts), labels.points[n][0]) / ROBUST;
            weights[n] = labels.weights[n][0] / (1.0 + off * off);
        }
    }
    derived
}

/// Reduces the weight of labels far from the position predicted from the shape, and replaces gross errors by
/// it.
pub(super) fn regularise(labels: &mut Labels, shape: &ShapeModel, seen: &[Observation]) {
    let derived = fit_derived(shape, labels, seen);
    for ((points, weights), o) in labels.points.iter_mut().zip(&mut labels.weights).zip(seen) {
        let likely = derived.place(&o.pose, &o.amounts);
        weights[0] *= cauchy_weight(points[0], likely, HALF_WEIGHT);
        if distance(points[0], likely) > GROSS {
            points[0] = likely;
        }
    }
}
