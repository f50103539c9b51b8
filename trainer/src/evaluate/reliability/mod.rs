//! Reliability: agreement of the radial errors that the runtime expects with the measured ones.

mod rank;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::Prediction;
use super::metrics::{THRESHOLDS, Unit, expected_error, radial_error, success_rate};
use crate::statistics::{mean, quantile};

/// Bins of equal count, where every bin gets at least [`LEAST_PER_BIN`] points.
const MANY_BINS: usize = 10;
/// Bins of equal count for fewer points.
const FEW_BINS: usize = 5;
/// A 90th percentile of fewer points is not meaningful.
const LEAST_PER_BIN: usize = 20;

/// Expected against measured errors. Serialises to the documented JSON, keys ending in the unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Reliability {
    /// Unit of every error.
    pub unit: Unit,
    /// Number of points with an expected error; images that the runtime could not analyse have none.
    pub points: usize,
    /// Mean expected error of those points.
    pub expected: f64,
    /// Mean radial error of those points.
    pub measured: f64,
    /// `expected / measured`; below 1 the model underestimates its errors.
    pub ratio: f64,
    /// Spearman's correlation of expected and measured errors, -1 to 1.
    pub rank_correlation: f64,
    /// Bins of (nearly) equal count, in order of expected error.
    pub bins: Vec<Bin>,
    /// Percentage of all points that the runtime reports as confident.
    pub confident_percent: f64,
    /// The confident points.
    pub confident: Group,
    /// The low-confidence points.
    pub low_confidence: Group,
}

/// Points of similar expected error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Number of points.
    pub points: usize,
    /// Their mean expected error.
    pub expected: f64,
    /// Their mean radial error.
    pub measured: f64,
    /// 90th percentile of their radial errors.
    pub measured_p90: f64,
}

/// The metrics of the confident or of the low-confidence points; NaN (null in JSON) without points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// Number of points.
    pub points: usize,
    /// Mean radial error.
    pub mre: f64,
    /// SDR at the first of [`THRESHOLDS`], percent.
    pub sdr_2: f64,
}

/// Compares the expected errors with the measured ones, over all points of `predictions`.
pub fn reliability(predictions: &[Prediction], unit: Unit) -> Reliability {
    let mut pairs = pairs(predictions, unit);
    pairs.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let (expected, measured) = (mean_of(&pairs, 0), mean_of(&pairs, 1));
    let [confident, low_confidence] = [true, false].map(|c| group(predictions, unit, c));
    Reliability {
        unit,
        points: pairs.len(),
        expected,
        measured,
        ratio: expected / measured,
        rank_correlation: rank::spearman(&pairs),
        bins: bins(&pairs),
        confident_percent: 100.0 * confident.points as f64
            / (confident.points + low_confidence.points) as f64,
        confident,
        low_confidence,
    }
}

/// `[expected, measured]` error of every point that has both.
fn pairs(predictions: &[Prediction], unit: Unit) -> Vec<[f64; 2]> {
    let of_image = |p: &Prediction| -> Vec<[f64; 2]> {
        let pair = |l| Some([expected_error(p, l, unit)?, radial_error(p, l, unit)]);
        (0..p.found.len()).filter_map(pair).collect()
    };
    predictions.iter().flat_map(of_image).collect()
}

/// Splits sorted `pairs` into bins whose counts differ by at most one.
fn bins(pairs: &[[f64; 2]]) -> Vec<Bin> {
    let many = pairs.len() >= MANY_BINS * LEAST_PER_BIN;
    let count = if many { MANY_BINS } else { FEW_BINS }.min(pairs.len());
    let part = |i: usize| &pairs[i * pairs.len() / count..(i + 1) * pairs.len() / count];
    (0..count).map(|i| bin(part(i))).collect()
}

fn bin(pairs: &[[f64; 2]]) -> Bin {
    let measured: Vec<f64> = pairs.iter().map(|p| p[1]).collect();
    Bin {
        points: pairs.len(),
        expected: mean_of(pairs, 0),
        measured: mean(&measured),
        measured_p90: quantile(&measured, 0.9),
    }
}

fn mean_of(pairs: &[[f64; 2]], side: usize) -> f64 {
    mean(&pairs.iter().map(|p| p[side]).collect::<Vec<_>>())
}

fn group(predictions: &[Prediction], unit: Unit, confident: bool) -> Group {
    let of_image = |p: &Prediction| -> Vec<f64> {
        let chosen = (0..p.found.len()).filter(|&l| p.found[l].confident == confident);
        chosen.map(|l| radial_error(p, l, unit)).collect()
    };
    let errors: Vec<f64> = predictions.iter().flat_map(of_image).collect();
    Group { points: errors.len(), mre: mean(&errors), sdr_2: success_rate(&errors, THRESHOLDS[0]) }
}

impl Serialize for Reliability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let unit = self.unit;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("points", &self.points)?;
        map.serialize_entry(&format!("expected_{}", unit.name()), &self.expected)?;
        map.serialize_entry(&format!("measured_{}", unit.name()), &self.measured)?;
        map.serialize_entry("ratio", &self.ratio)?;
        map.serialize_entry("rank_correlation", &self.rank_correlation)?;
        let bins: Vec<_> = self.bins.iter().map(|b| InUnit(b, unit)).collect();
        map.serialize_entry("bins", &bins)?;
        map.serialize_entry("confident_percent", &self.confident_percent)?;
        map.serialize_entry("confident", &InUnit(&self.confident, unit))?;
        map.serialize_entry("doubtful", &InUnit(&self.low_confidence, unit))?;
        map.end()
    }
}

/// A part of the metrics with the unit that its keys end in.
struct InUnit<'a, T>(&'a T, Unit);

impl Serialize for InUnit<'_, Bin> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (bin, unit) = (self.0, self.1.name());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("points", &bin.points)?;
        map.serialize_entry(&format!("expected_{unit}"), &bin.expected)?;
        map.serialize_entry(&format!("measured_{unit}"), &bin.measured)?;
        map.serialize_entry(&format!("measured_p90_{unit}"), &bin.measured_p90)?;
        map.end()
    }
}

impl Serialize for InUnit<'_, Group> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (group, unit) = (self.0, self.1.name());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("points", &group.points)?;
        map.serialize_entry(&format!("mre_{unit}"), &group.mre)?;
        map.serialize_entry(&format!("sdr_2{unit}"), &group.sdr_2)?;
        map.end()
    }
}

#[cfg(test)]
mod tests;
