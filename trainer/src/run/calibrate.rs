//! What is usual: limits of plausibility and the size of errors, learnt from the unlabelled images.
//!
//! No label is used. The error of a landmark is estimated by the disagreement of two sources that
//! fail differently: feature matching and the network.

use fiducia::{Calibration, Observation, Plausibility};

use crate::correspond::median;
use crate::shape_fit::distance;

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
    }
}

/// Expected error and confidence of each landmark: `matched` are the labels by feature matching
/// alone, `[image][landmark]`, units.
pub fn calibration(seen: &[Observation], matched: &[Vec<[f64; 2]>]) -> Vec<Calibration> {
    let landmarks = seen.first().map_or(0, |o| o.found.len());
    let pairs = |l: usize| {
        seen.iter()
            .zip(matched)
            .map(move |(o, m)| (o.found[l].spread, distance(o.found[l].point, m[l])))
    };
    let ratio = |pairs: &mut dyn Iterator<Item = (f64, f64)>| {
        let (mut spread, mut apart) = (0.0, 0.0);
        pairs.for_each(|(s, d)| (spread, apart) = (spread + s, apart + d));
        apart / f64::max(spread, 1e-9)
    };
    let global = ratio(&mut (0..landmarks).flat_map(pairs));
    let one = |l: usize| {
        let gain = (1.0 - SHRINK) * ratio(&mut pairs(l)) + SHRINK * global;
        let usual = median(pairs(l).map(|(s, _)| s * gain).collect());
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

fn quantile(mut values: Vec<f64>, q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1) as f64;
    values.get((q * last).round() as usize).copied().unwrap_or(0.0)
}
