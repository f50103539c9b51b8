//! Errors of anatomical measures (angles, lengths) against those of the ground truth.

use fiducia::Landmark;
use fiducia::cephalometry::{Measure, measures};
use serde::Serialize;

use super::Prediction;
use crate::statistics::{mean, standard_deviation};

/// One measure on all images: the value from the found points against the value from the ground truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasureFigures {
    /// Its name.
    pub name: &'static str,
    /// Unit of all figures.
    pub unit: fiducia::cephalometry::Unit,
    /// Images on which both values could be computed.
    pub images: usize,
    /// Mean of the ground truth.
    pub truth: f64,
    /// Standard deviation of the ground truth: the variation between patients.
    pub truth_sd: f64,
    /// Mean difference, found minus truth.
    pub bias: f64,
    /// Standard deviation of the differences; bias ± 1.96 of them are the limits of agreement (Bland and
    /// Altman 1986).
    pub sd: f64,
    /// Mean absolute difference.
    pub mean_error: f64,
    /// Mean standard deviation that the runtime predicts.
    pub expected_sd: f64,
}

/// One entry for each measure that `landmarks` define; empty for most anatomies.
pub fn measure_figures(landmarks: &[String], predictions: &[Prediction]) -> Vec<MeasureFigures> {
    let both: Vec<(Vec<Measure>, Vec<Measure>)> =
        predictions.iter().map(|p| (found(landmarks, p), truth(landmarks, p))).collect();
    let Some((first, _)) = both.first() else { return Vec::new() };
    first.iter().filter_map(|measure| figures(measure, &both)).collect()
}

fn figures(measure: &Measure, both: &[(Vec<Measure>, Vec<Measure>)]) -> Option<MeasureFigures> {
    let of = |all: &[Measure]| all.iter().find(|m| m.name == measure.name).cloned();
    let pairs: Vec<(Measure, Measure)> =
        both.iter().filter_map(|(found, truth)| Some((of(found)?, of(truth)?))).collect();
    let truth: Vec<f64> = pairs.iter().map(|(_, truth)| truth.value).collect();
    let differences: Vec<f64> =
        pairs.iter().map(|(found, truth)| found.value - truth.value).collect();
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    let expected: Vec<f64> = pairs.iter().map(|(found, _)| found.sd).collect();
    (!pairs.is_empty()).then(|| MeasureFigures {
        name: measure.name,
        unit: measure.unit,
        images: pairs.len(),
        truth: mean(&truth),
        truth_sd: standard_deviation(&truth),
        bias: mean(&differences),
        sd: standard_deviation(&differences),
        mean_error: mean(&sizes),
        expected_sd: mean(&expected),
    })
}

fn found(landmarks: &[String], p: &Prediction) -> Vec<Measure> {
    let point = |(name, f): (&String, &super::Found)| {
        placed(name, f.px, f.expected_error_px.unwrap_or(0.0), p.spacing_mm)
    };
    measures(&landmarks.iter().zip(&p.found).map(point).collect::<Vec<_>>())
}

fn truth(landmarks: &[String], p: &Prediction) -> Vec<Measure> {
    let point = |(name, px): (&String, &[f64; 2])| placed(name, *px, 0.0, p.spacing_mm);
    measures(&landmarks.iter().zip(&p.truth_px).map(point).collect::<Vec<_>>())
}

fn placed(name: &str, [x, y]: [f64; 2], error_px: f64, spacing: Option<[f64; 2]>) -> Landmark {
    Landmark {
        name: name.to_owned(),
        x_px: x,
        y_px: y,
        x_mm: spacing.map(|mm| x * mm[0]),
        y_mm: spacing.map(|mm| y * mm[1]),
        expected_error_mm: spacing.map(|mm| error_px * (mm[0] + mm[1]) / 2.0),
        expected_error_px: error_px,
        covariance_px2: [0.0; 3],
        confident: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square corner at the nasion, found with the third point `off` mm too far to the right, 100 mm below.
    fn prediction(off: f64) -> Prediction {
        let truth_px = vec![[0.0, 0.0], [1000.0, 0.0], [1000.0, 1000.0]];
        let found = |&[x, y]: &[f64; 2]| super::super::Found {
            px: [if y > 0.0 { x + 10.0 * off } else { x }, y],
            expected_error_px: Some(10.0),
            confident: true,
        };
        let found = truth_px.iter().map(found).collect();
        let (image, size_px, spacing_mm) = ("a".to_owned(), [2000, 2000], Some([0.1, 0.1]));
        Prediction { image, size_px, spacing_mm, truth_px, found, refused: false }
    }

    #[test]
    fn differences_keep_their_sign() {
        let landmarks = ["sella", "nasion", "subspinale"].map(str::to_owned);
        let figures = measure_figures(&landmarks, &[prediction(1.0), prediction(3.0)]);
        assert_eq!(figures.iter().map(|f| f.name).collect::<Vec<_>>(), ["SNA"]);
        let (a, b) = ((1.0f64 / 100.0).atan().to_degrees(), (3.0f64 / 100.0).atan().to_degrees());
        let sna = &figures[0];
        assert!((sna.truth - 90.0).abs() < 1e-9 && sna.truth_sd < 1e-9);
        assert!((sna.bias - (a + b) / 2.0).abs() < 1e-9, "{sna:?}");
        assert!((sna.mean_error - sna.bias.abs()).abs() < 1e-9 && sna.expected_sd > 0.5);
        assert!((sna.sd - (b - a) / 2f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn other_anatomies_have_none() {
        let landmarks = ["T1", "T2", "T3"].map(str::to_owned);
        assert_eq!(measure_figures(&landmarks, &[prediction(1.0)]), []);
    }
}
