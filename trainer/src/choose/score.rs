//! From measures to one number, by places: no measure needs a unit or a weight that is tuned.

use super::{Candidate, Quality};
use crate::correspond::median;

/// A quality this many (robust) standard deviations worse than usual is poor.
const POOR: f64 = 3.0;
/// Median distance from the median of normal deviates.
const NORMAL_SPREAD: f64 = 0.6745;
/// Smaller differences from the usual sharpness, noise and clipping are never poor, shares.
const SMALL: [f64; 3] = [0.02, 0.02, 0.1];

/// The measures that places are taken in; in each, more is better.
fn measures(c: &Candidate) -> [f64; 4] {
    [c.typicality, c.explained.correlation, -c.explained.deformation, -c.explained.cycle]
}

/// The mean place of each candidate over all measures: 1 for the best in each, 0 for the last in each.
pub(super) fn scores(candidates: &[Candidate]) -> Vec<f64> {
    let rows: Vec<[f64; 4]> = candidates.iter().map(measures).collect();
    let place = |row: &[f64; 4], column: usize| {
        let below = rows.iter().filter(|other| other[column] < row[column]).count() as f64;
        let equal = rows.iter().filter(|other| other[column] == row[column]).count() as f64;
        (below + (equal - 1.0) / 2.0) / (rows.len() as f64 - 1.0).max(1.0)
    };
    rows.iter().map(|row| (0..4).map(|c| place(row, c)).sum::<f64>() / 4.0).collect()
}

/// Which images are far worse than usual in one of the qualities.
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

/// The value beyond which a member of `values` stands out upwards, by no less than `small`.
fn limit(values: Vec<f64>, small: f64) -> f64 {
    let middle = median(values.clone());
    let spread = median(values.iter().map(|v| (v - middle).abs()).collect()) / NORMAL_SPREAD;
    middle + (POOR * spread).max(small)
}
