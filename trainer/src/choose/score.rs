//! Combines the measures into one number by ranks, so that no measure needs a unit or a tuned weight.

use super::{Candidate, Quality};
use crate::statistics::median;

/// A quality this many robust standard deviations worse than the median is poor.
const POOR: f64 = 3.0;
/// Median absolute deviation of a standard normal variable.
const NORMAL_SPREAD: f64 = 0.6745;
/// Differences from the usual sharpness, noise and clipping below these fractions are never poor.
const SMALL: [f64; 3] = [0.02, 0.02, 0.1];

/// The measures that are ranked; in each, higher is better.
fn measures(c: &Candidate) -> [f64; 4] {
    [c.typicality, c.explained.correlation, -c.explained.deformation, -c.explained.cycle]
}

/// The mean rank of each candidate over all measures, scaled to 1 for the best in each and 0 for the last in
/// each.
pub(super) fn scores(candidates: &[Candidate]) -> Vec<f64> {
    let rows: Vec<[f64; 4]> = candidates.iter().map(measures).collect();
    let place = |row: &[f64; 4], column: usize| {
        let below = rows.iter().filter(|other| other[column] < row[column]).count() as f64;
        let equal = rows.iter().filter(|other| other[column] == row[column]).count() as f64;
        (below + (equal - 1.0) / 2.0) / (rows.len() as f64 - 1.0).max(1.0)
    };
    rows.iter().map(|row| (0..4).map(|c| place(row, c)).sum::<f64>() / 4.0).collect()
}

/// Which images are far worse than usual in at least one quality measure.
pub(super) fn outliers(qualities: &[Quality]) -> Vec<bool> {
    let badness = [|q: &Quality| -q.sharpness, |q: &Quality| q.noise, |q: &Quality| q.clipped];
    let limits: Vec<f64> = badness
        .iter()
        .zip(SMALL)
        .map(|(bad, small)| limit(qualities.iter().map(bad).collect(), small))
        .collect();
    let poor = |q: &Quality| badness.iter().zip(&limits).any(|(bad, limit)| bad(q) > *limit);
    qualities.iter().map(poor).collect()
}

/// The threshold above which a member of `values` is an outlier, at least `small` above the median.
fn limit(values: Vec<f64>, small: f64) -> f64 {
    let middle = median(values.clone());
    let spread = median(values.iter().map(|v| (v - middle).abs()).collect()) / NORMAL_SPREAD;
    middle + (POOR * spread).max(small)
}
