//! What is usual: limits of plausibility and the size of errors, learnt from the unlabelled images.
//!
//! No label is used. The error of a landmark is estimated by the disagreement of three sources that
//! fail differently: registration, feature matching and the network (a three-cornered hat, Gray and
//! Allan 1974). What all three share, the annotation of the template, stays unseen and is an assumption
//! of the configuration.

use fiducia::{Calibration, Observation, Plausibility, distance};

use crate::correspond::{Correspondences, Labels, median};

/// An image may be this much stranger than the strangest training image.
const SLACK: f64 = 1.5;
/// Share of the global ratio in a landmark's own gain; steadies landmarks with few images.
const SHRINK: f64 = 0.3;
/// A landmark is doubtful when its expected error exceeds this many times the usual one.
const DOUBTFUL: f64 = 2.5;

/// Limits beyond which an image is refused.
pub fn plausibility(seen: &[Observation]) -> Plausibility {
    let of = |f: fn(&Observation) -> f64| seen.iter().map(f).collect::<Vec<f64>>();
    let largest = |values: Vec<f64>| quantile(values, 0.99).max(1e-3) * SLACK;
    let scales = of(|o| o.pose.scale);
    Plausibility {
        min_coarse_mass: quantile(of(|o| o.coarse_mass), 0.01) / SLACK,
        max_pose_residual: largest(of(|o| o.pose_residual)),
        scale_range: [quantile(scales.clone(), 0.0) / 1.2, quantile(scales, 1.0) * 1.2],
        max_rotation: (quantile(of(|o| o.pose.angle.abs()), 1.0) * SLACK).max(0.35),
        max_shape_residual: largest(of(|o| o.shape_residual)),
        // Learnt with the side itself.
        min_side: None,
    }
}

/// Expected error and confidence of each landmark. `annotation_error` is how far off the annotator is
/// taken to be, units: what one template hides, no other image shows.
pub fn calibration(
    seen: &[Observation],
    places: &Correspondences,
    labels: &Labels,
    annotation_error: f64,
) -> Vec<Calibration> {
    let landmarks = seen.first().map_or(0, |o| o.found.len());
    let found: Vec<Vec<[f64; 2]>> =
        seen.iter().map(|o| o.found.iter().map(|f| f.point).collect()).collect();
    let registered = places.registered();
    let error = |l: usize| match &registered {
        Some(registered) => hat(
            apart(&found, registered, l),
            apart(&found, &places.labels.points, l),
            apart(registered, &places.labels.points, l),
        ),
        None => apart(&found, &labels.points, l),
    };
    let errors: Vec<f64> = (0..landmarks).map(|l| error(l).hypot(annotation_error)).collect();
    let spreads: Vec<f64> =
        (0..landmarks).map(|l| mean(seen.iter().map(|o| o.found[l].spread)).max(1e-6)).collect();
    let global = errors.iter().sum::<f64>() / spreads.iter().sum::<f64>();
    let one = |l: usize| {
        let gain = (1.0 - SHRINK) * errors[l] / spreads[l] + SHRINK * global;
        let usual = gain * median(seen.iter().map(|o| o.found[l].spread).collect());
        let strange = quantile(seen.iter().map(|o| o.found[l].residual).collect(), 0.99);
        Calibration {
            gain: gain as f32,
            floor: (0.3 * usual) as f32,
            max_expected_error: (DOUBTFUL * usual) as f32,
            max_shape_residual: (SLACK * strange).max(1.0) as f32,
        }
    };
    (0..landmarks).map(one).collect()
}

/// Error of the first of three independent sources whose distances are `ab`, `ac` and `bc`.
///
/// At least a quarter of its distance to the nearer one: sources that share errors would make it vanish.
fn hat(ab: f64, ac: f64, bc: f64) -> f64 {
    let squared = (ab * ab + ac * ac - bc * bc) / 2.0;
    squared.max(0.0).sqrt().max(ab.min(ac) / 4.0)
}

/// Mean distance of two sources for landmark `l`, units.
fn apart(a: &[Vec<[f64; 2]>], b: &[Vec<[f64; 2]>], l: usize) -> f64 {
    mean(a.iter().zip(b).map(|(a, b)| distance(a[l], b[l])))
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

fn quantile(mut values: Vec<f64>, q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1) as f64;
    values.get((q * last).round() as usize).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hat_separates_independent_sources() {
        let [a, b, c] = [1.0f64, 2.0, 3.0];
        let distance = |x: f64, y: f64| x.hypot(y);
        assert!((hat(distance(a, b), distance(a, c), distance(b, c)) - a).abs() < 1e-9);
        assert!((hat(distance(c, a), distance(c, b), distance(a, b)) - c).abs() < 1e-9);
    }

    #[test]
    fn the_hat_never_vanishes() {
        assert_eq!(hat(1.0, 1.2, 5.0), 0.25);
    }
}
