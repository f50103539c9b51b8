//! Calibration: limits of plausibility and the size of errors, estimated from the unlabelled images.
//!
//! No label is used. The error of a landmark is estimated from the pairwise differences of three largely
//! independent sources: registration, feature matching and the network (three-cornered hat, Gray and Allan
//! 1974). Their common error, the annotation of the template, cannot be measured; the configuration assumes
//! its size.

use fiducia::engine::Observation;
use fiducia::pack::{Calibration, Plausibility};
use fiducia::shape::distance;

use crate::correspond::Correspondences;
use crate::labels::Labels;
use crate::statistics::{Rank, mean, median, order_statistic};

/// Margin of every limit beyond the most unusual training image (factor).
const SLACK: f64 = 1.5;
/// Fraction of the global ratio in a landmark's own gain; stabilises landmarks with few images.
const SHRINK: f64 = 0.3;
/// A landmark is low-confidence when its expected error exceeds this many times the median.
const LOW_CONFIDENCE: f64 = 2.5;

/// Expected errors straight from the heat maps, without calibration.
pub(crate) const UNCALIBRATED: Calibration =
    Calibration { gain: 1.0, floor: 0.0, max_expected_error: 1e9, max_shape_residual: 1e9 };

/// Limits beyond which an image is refused.
pub fn plausibility(seen: &[Observation]) -> Plausibility {
    let of = |f: fn(&Observation) -> f64| seen.iter().map(f).collect::<Vec<f64>>();
    let largest = |values: Vec<f64>| sample_quantile(values, 0.99).max(1e-3) * SLACK;
    let scales = of(|o| o.pose.scale);
    Plausibility {
        min_coarse_mass: sample_quantile(of(|o| o.coarse_mass), 0.01) / SLACK,
        max_pose_residual: largest(of(|o| o.pose_residual)),
        scale_range: [
            sample_quantile(scales.clone(), 0.0) / 1.2,
            sample_quantile(scales, 1.0) * 1.2,
        ],
        max_rotation: (sample_quantile(of(|o| o.pose.angle.abs()), 1.0) * SLACK).max(0.35),
        max_shape_residual: largest(of(|o| o.shape_residual)),
        // Computed together with the orientation classifier.
        min_side: None,
    }
}

/// Expected error and confidence limits of each landmark. `annotation_error` is the assumed error of the
/// annotator, normalised units: other images cannot show the error of the template.
pub fn calibration(
    seen: &[Observation],
    correspondences: &Correspondences,
    labels: &Labels,
    annotation_error: f64,
) -> Vec<Calibration> {
    let landmarks = seen.first().map_or(0, |o| o.found.len());
    let found: Vec<Vec<[f64; 2]>> =
        seen.iter().map(|o| o.found.iter().map(|f| f.point).collect()).collect();
    let registered = correspondences.registered();
    let error = |l: usize| match &registered {
        Some(registered) => three_cornered_hat(
            disagreement(&found, registered, l),
            disagreement(&found, &correspondences.labels.points, l),
            disagreement(registered, &correspondences.labels.points, l),
        ),
        None => disagreement(&found, &labels.points, l),
    };
    let errors: Vec<f64> = (0..landmarks).map(|l| error(l).hypot(annotation_error)).collect();
    let spreads_of = |l: usize| seen.iter().map(|o| o.found[l].spread).collect::<Vec<f64>>();
    let spreads: Vec<f64> = (0..landmarks).map(|l| mean(&spreads_of(l)).max(1e-6)).collect();
    let global = errors.iter().sum::<f64>() / spreads.iter().sum::<f64>();
    let one = |l: usize| {
        let gain = (1.0 - SHRINK) * errors[l] / spreads[l] + SHRINK * global;
        let usual = gain * median(spreads_of(l));
        let strange = sample_quantile(seen.iter().map(|o| o.found[l].residual).collect(), 0.99);
        Calibration {
            gain: gain as f32,
            floor: (0.3 * usual) as f32,
            max_expected_error: (LOW_CONFIDENCE * usual) as f32,
            max_shape_residual: (SLACK * strange).max(1.0) as f32,
        }
    };
    (0..landmarks).map(one).collect()
}

/// Error of the first of three independent sources whose pairwise differences are `ab`, `ac` and `bc`.
///
/// At least a quarter of the smaller of its two differences, because correlated errors would make it vanish.
fn three_cornered_hat(ab: f64, ac: f64, bc: f64) -> f64 {
    let squared = (ab * ab + ac * ac - bc * bc) / 2.0;
    squared.max(0.0).sqrt().max(ab.min(ac) / 4.0)
}

/// Mean distance between two sources for landmark `l`, normalised units.
fn disagreement(a: &[Vec<[f64; 2]>], b: &[Vec<[f64; 2]>], l: usize) -> f64 {
    let distances: Vec<f64> = a.iter().zip(b).map(|(a, b)| distance(a[l], b[l])).collect();
    mean(&distances)
}

/// The `q`-quantile as a value of the sample; 0 without values.
fn sample_quantile(values: Vec<f64>, q: f64) -> f64 {
    order_statistic(values, q, Rank::Nearest, f64::total_cmp).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hat_separates_independent_sources() {
        let [a, b, c] = [1.0f64, 2.0, 3.0];
        let distance = |x: f64, y: f64| x.hypot(y);
        assert!(
            (three_cornered_hat(distance(a, b), distance(a, c), distance(b, c)) - a).abs() < 1e-9
        );
        assert!(
            (three_cornered_hat(distance(c, a), distance(c, b), distance(a, b)) - c).abs() < 1e-9
        );
    }

    #[test]
    fn the_hat_never_vanishes() {
        assert_eq!(three_cornered_hat(1.0, 1.2, 5.0), 0.25);
    }
}
