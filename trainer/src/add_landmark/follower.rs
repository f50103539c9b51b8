//! Where the shape of the landmarks puts one that the backbone does not show.

use fiducia::{Follower, Observation, ShapeModel, distance};
use fiducia_kernels::Affine;
use nalgebra::{DMatrix, DVector};

use crate::correspond::{Labels, trust};

/// Positions are taken to be uncertain by this much, units.
const NOISE: f64 = 1.0;
/// Residuals of this size halve the weight of an image, units.
const ROBUST: f64 = 3.0;
/// Rounds of re-weighting.
const ROUNDS: usize = 6;
/// Distance to where the shape puts it that halves a label's weight, units.
const DOUBT: f64 = 4.0;
/// Labels farther than this from it are replaced, units.
const GROSS: f64 = 10.0;

/// Robust ridge regression of the label on the amounts of the modes, in the frame of the mean shape.
pub(super) fn learn_follower(
    shape: &ShapeModel,
    labels: &Labels,
    seen: &[Observation],
) -> Follower {
    let modes = shape.deviations.len();
    let local: Vec<[f64; 2]> = labels
        .points
        .iter()
        .zip(seen)
        .map(|(p, o)| o.pose.to_image.inverse().unwrap_or(Affine::IDENTITY).apply(p[0]))
        .collect();
    let row = |o: &Observation, k: usize| if k == 0 { 1.0 } else { o.amounts[k - 1] };
    let mut weights: Vec<f64> = labels.weights.iter().map(|w| w[0]).collect();
    let mut follower = Follower { mean: [0.0; 2], modes: vec![[0.0; 2]; modes] };
    for _ in 0..ROUNDS {
        let normal = DMatrix::from_fn(modes + 1, modes + 1, |a, b| {
            let sum = seen.iter().zip(&weights).map(|(o, w)| w * row(o, a) * row(o, b));
            // A movement of 1 unit per unit of amount is as likely as the landmarks' own.
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
        follower.mean = [x[0], y[0]];
        follower.modes = (1..=modes).map(|k| [x[k], y[k]]).collect();
        for (n, o) in seen.iter().enumerate() {
            let off = distance(follower.place(&o.pose, &o.amounts), labels.points[n][0]) / ROBUST;
            weights[n] = labels.weights[n][0] / (1.0 + off * off);
        }
    }
    follower
}

/// Doubts labels far from where the shape puts them and replaces gross errors by it.
pub(super) fn mend(labels: &mut Labels, shape: &ShapeModel, seen: &[Observation]) {
    let follower = learn_follower(shape, labels, seen);
    for ((points, weights), o) in labels.points.iter_mut().zip(&mut labels.weights).zip(seen) {
        let likely = follower.place(&o.pose, &o.amounts);
        weights[0] *= trust(points[0], likely, DOUBT);
        if distance(points[0], likely) > GROSS {
            points[0] = likely;
        }
    }
}
