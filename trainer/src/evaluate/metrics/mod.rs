//! Evaluation metrics: mean radial error (MRE), success detection rate (SDR), bootstrap interval.
//!
//! Definitions follow the cephalometric challenge (Wang et al. 2016, Medical Image Analysis 31): a radial
//! error is the distance of a found point to its ground truth; the SDR at z is the percentage of points whose
//! error is at most z; the standard deviation is that of a sample (n - 1).

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::Prediction;
use super::measures::{MeasureFigures, measure_figures};
use super::reliability::{Reliability, reliability};
use crate::statistics::{mean, quantile, standard_deviation};

/// Error thresholds of the success detection rate, in the unit of the summary.
pub const THRESHOLDS: [f64; 4] = [2.0, 2.5, 3.0, 4.0];
/// Bootstrap resamples: enough for two digits of a 95 % interval.
pub(super) const RESAMPLES: usize = 2000;
/// Seed of the bootstrap: the same predictions give the same interval.
pub(super) const SEED: u64 = 1;

/// The unit of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Millimetres in the detector plane.
    Mm,
    /// Pixels of the image file, where an image has no scale.
    Px,
}

/// The metrics of an evaluation. Serialises to the documented JSON, whose keys end in the unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Unit of every error.
    pub unit: Unit,
    /// Number of images, including refused ones.
    pub images: usize,
    /// Mean radial error over all landmarks of all images.
    pub mre: f64,
    /// Standard deviation of the radial errors.
    pub sd: f64,
    /// Median radial error.
    pub median: f64,
    /// Success detection rates at [`THRESHOLDS`], percent.
    pub sdr: [f64; 4],
    /// 95 % interval of the MRE, bootstrap over images.
    pub ci95_mre: [f64; 2],
    /// Errors in percent of the image height, where there is no scale.
    pub percent_height: Option<PercentHeight>,
    /// One per landmark.
    pub per_landmark: Vec<LandmarkSummary>,
    /// Names of the images that the runtime refused as implausible.
    pub refused: Vec<String>,
    /// Agreement of the expected errors with the measured ones.
    pub reliability: Reliability,
    /// One entry per anatomical measure; empty for most anatomies.
    pub measures: Vec<MeasureFigures>,
}

/// Errors in percent of the height of their image: comparable between images of unknown scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PercentHeight {
    /// Mean radial error, %.
    pub mre: f64,
    /// Standard deviation of the radial errors, %.
    pub sd: f64,
    /// Median radial error, %.
    pub median: f64,
}

/// The metrics of one landmark.
#[derive(Clone, Debug, PartialEq)]
pub struct LandmarkSummary {
    /// Name of the landmark.
    pub name: String,
    /// Mean radial error.
    pub mre: f64,
    /// Standard deviation of the radial errors.
    pub sd: f64,
    /// Median radial error.
    pub median: f64,
    /// Success detection rates at [`THRESHOLDS`], percent.
    pub sdr: [f64; 4],
}

impl Unit {
    /// `mm` or `px`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mm => "mm",
            Self::Px => "px",
        }
    }

    /// Millimetres where every image has a scale, else pixels.
    pub fn of(predictions: &[Prediction]) -> Self {
        match predictions.iter().all(|p| p.spacing_mm.is_some()) {
            true => Self::Mm,
            false => Self::Px,
        }
    }
}

/// The metrics of `predictions`, whose points are in the order of `landmarks`.
///
/// Without predictions the errors are NaN (null in JSON).
pub fn summarise(landmarks: &[String], predictions: &[Prediction]) -> Summary {
    let unit = Unit::of(predictions);
    let by_image = radial_errors(predictions, unit);
    let all = by_image.concat();
    let image_means: Vec<f64> = by_image.iter().map(|errors| mean(errors)).collect();
    let per_landmark = landmarks.iter().enumerate().map(|(l, name)| {
        let errors: Vec<f64> = by_image.iter().map(|e| e[l]).collect();
        LandmarkSummary {
            name: name.clone(),
            mre: mean(&errors),
            sd: standard_deviation(&errors),
            median: quantile(&errors, 0.5),
            sdr: THRESHOLDS.map(|z| success_rate(&errors, z)),
        }
    });
    Summary {
        unit,
        images: predictions.len(),
        mre: mean(&all),
        sd: standard_deviation(&all),
        median: quantile(&all, 0.5),
        sdr: THRESHOLDS.map(|z| success_rate(&all, z)),
        ci95_mre: bootstrap_mean(&image_means, RESAMPLES, SEED),
        percent_height: (unit == Unit::Px).then(|| percent_height(&by_image, predictions)),
        per_landmark: per_landmark.collect(),
        refused: predictions.iter().filter(|p| p.refused).map(|p| p.image.clone()).collect(),
        reliability: reliability(predictions, unit),
        measures: measure_figures(landmarks, predictions),
    }
}

/// All radial errors, `[image][landmark]`.
pub fn radial_errors(predictions: &[Prediction], unit: Unit) -> Vec<Vec<f64>> {
    let of_image = |p: &Prediction| (0..p.found.len()).map(|l| radial_error(p, l, unit)).collect();
    predictions.iter().map(of_image).collect()
}

/// Radial error of landmark number `landmark`; in mm with the spacing along x and along y.
///
/// ```rust
/// use fiducia_trainer::evaluate::{Found, Prediction, Unit, radial_error};
///
/// let prediction = Prediction {
///     image: "001.png".to_owned(),
///     size_px: [1935, 2400],
///     spacing_mm: Some([0.1, 0.1]),
///     truth_px: vec![[100.0, 200.0]],
///     found: vec![Found { px: [103.0, 204.0], expected_error_px: Some(6.0), confident: true }],
///     refused: false,
/// };
/// assert_eq!(radial_error(&prediction, 0, Unit::Px), 5.0);
/// assert!((radial_error(&prediction, 0, Unit::Mm) - 0.5).abs() < 1e-12);
/// ```
pub fn radial_error(prediction: &Prediction, landmark: usize, unit: Unit) -> f64 {
    let [sx, sy] = match unit {
        Unit::Mm => prediction.spacing_mm.unwrap_or([f64::NAN; 2]),
        Unit::Px => [1.0; 2],
    };
    let (found, truth) = (prediction.found[landmark].px, prediction.truth_px[landmark]);
    ((found[0] - truth[0]) * sx).hypot((found[1] - truth[1]) * sy)
}

/// The radial error that the runtime expects at landmark number `landmark`; `None` where it could not analyse
/// the image. Mm are converted with the mean of both spacings, as in the runtime.
pub fn expected_error(prediction: &Prediction, landmark: usize, unit: Unit) -> Option<f64> {
    let [sx, sy] = match unit {
        Unit::Mm => prediction.spacing_mm.unwrap_or([f64::NAN; 2]),
        Unit::Px => [1.0; 2],
    };
    prediction.found[landmark].expected_error_px.map(|e| e * (sx + sy) / 2.0)
}

/// Success detection rate: percentage of `errors` that are at most `threshold`; NaN without values.
///
/// ```rust
/// use fiducia_trainer::evaluate::{THRESHOLDS, success_rate};
///
/// let errors_mm = [0.7, 1.9, 2.0, 2.4];
/// assert_eq!(THRESHOLDS.map(|z| success_rate(&errors_mm, z)), [75.0, 100.0, 100.0, 100.0]);
/// ```
pub fn success_rate(errors: &[f64], threshold: f64) -> f64 {
    let hits = errors.iter().filter(|&&e| e <= threshold).count();
    100.0 * hits as f64 / errors.len() as f64
}

/// 95 % percentile interval of the mean of `values` (bootstrap, Efron 1979): `resamples` times as many values
/// are drawn with replacement. The same seed gives the same interval on every machine.
pub fn bootstrap_mean(values: &[f64], resamples: usize, seed: u64) -> [f64; 2] {
    if values.is_empty() {
        return [f64::NAN; 2];
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut draw = || {
        let sum: f64 = values.iter().map(|_| values[rng.random_range(0..values.len())]).sum();
        sum / values.len() as f64
    };
    let means: Vec<f64> = (0..resamples).map(|_| draw()).collect();
    [quantile(&means, 0.025), quantile(&means, 0.975)]
}

fn percent_height(by_image: &[Vec<f64>], predictions: &[Prediction]) -> PercentHeight {
    let percent: Vec<f64> = by_image
        .iter()
        .zip(predictions)
        .flat_map(|(errors, p)| errors.iter().map(|e| 100.0 * e / p.size_px[1] as f64))
        .collect();
    PercentHeight {
        mre: mean(&percent),
        sd: standard_deviation(&percent),
        median: quantile(&percent, 0.5),
    }
}

impl Serialize for Summary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let unit = self.unit.name();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("images", &self.images)?;
        map.serialize_entry(&format!("mre_{unit}"), &self.mre)?;
        map.serialize_entry(&format!("sd_{unit}"), &self.sd)?;
        map.serialize_entry(&format!("median_{unit}"), &self.median)?;
        for (z, rate) in ["2", "2_5", "3", "4"].iter().zip(&self.sdr) {
            map.serialize_entry(&format!("sdr_{z}{unit}"), rate)?;
        }
        map.serialize_entry(&format!("ci95_mre_{unit}"), &self.ci95_mre)?;
        if let Some(percent) = &self.percent_height {
            map.serialize_entry("mre_percent_height", &percent.mre)?;
            map.serialize_entry("sd_percent_height", &percent.sd)?;
            map.serialize_entry("median_percent_height", &percent.median)?;
        }
        map.serialize_entry("per_landmark", &PerLandmark(self))?;
        map.serialize_entry("refused", &self.refused)?;
        map.serialize_entry("reliability", &self.reliability)?;
        if !self.measures.is_empty() {
            map.serialize_entry("measures", &self.measures)?;
        }
        map.end()
    }
}

/// A map by landmark name, in the order of the set.
struct PerLandmark<'a>(&'a Summary);

impl Serialize for PerLandmark<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let unit = self.0.unit.name();
        let one = |l: &LandmarkSummary| {
            std::collections::BTreeMap::from([
                (format!("mre_{unit}"), l.mre),
                (format!("sdr_2{unit}"), l.sdr[0]),
            ])
        };
        serializer.collect_map(self.0.per_landmark.iter().map(|l| (&l.name, one(l))))
    }
}

#[cfg(test)]
mod tests;
