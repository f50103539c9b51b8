//! The runtime's result on one image.

use fiducia::engine::Observation;
use fiducia::{Detector, Error, ErrorKind, OrientationIssue, Report};
use serde::Serialize;

use super::alteration::Altered;
use crate::evaluate::{Unit, predict::find};

/// The runtime's result on one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageOutcome {
    /// Name of the image.
    pub image: String,
    /// Whether the image was refused.
    pub refused: bool,
    /// Reasons of the refusal.
    pub reasons: Vec<String>,
    /// Orientation issue recognised on a refused image; only looked for where the image has a known one.
    pub presentation: Option<OrientationIssue>,
    /// The quantities that plausibility is decided by; `None` where the image could not be analysed.
    pub signals: Option<Signals>,
    /// Radial errors of the landmarks inside the image; empty where the image was refused or has no ground
    /// truth.
    pub errors: Vec<f64>,
    /// How many of these landmarks the runtime marks as low-confidence. Called `doubtful` in the JSON output.
    #[serde(rename = "doubtful")]
    pub low_confidence: usize,
    /// How many landmarks outside the image the runtime reports as confident.
    pub phantoms: usize,
}

/// The quantities that plausibility is decided by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Signals {
    /// [`Observation::coarse_mass`], 0 to 1.
    pub coarse_mass: f64,
    /// [`Observation::pose_residual`], normalised units.
    pub pose_residual: f64,
    /// [`Observation::shape_residual`], normalised units.
    pub shape_residual: f64,
    /// Size relative to the mean shape.
    pub scale: f64,
    /// Rotation against the mean shape, radians.
    pub angle: f64,
    /// [`Observation::grey_levels`].
    pub grey_levels: usize,
    /// [`Observation::white_fraction`], 0 to 1.
    pub white_fraction: f64,
}

/// Runs `detector` on one image. Where the expected orientation issue `named` is given, a refused image is
/// also tested for orientation issues.
pub(super) fn outcome(
    detector: &mut Detector,
    altered: &Altered,
    landmarks: &[String],
    unit: Unit,
    named: Option<OrientationIssue>,
) -> Result<ImageOutcome, Error> {
    let radiograph = &altered.radiograph;
    let seen = match detector.observe(radiograph) {
        Ok(seen) => seen,
        Err(e) if e.kind() == ErrorKind::Implausible => {
            return Ok(ImageOutcome::unseen(&radiograph.name, e.to_string()));
        }
        Err(e) => return Err(e.at(&radiograph.name)),
    };
    let report = detector.report(radiograph, &seen);
    let mut outcome = ImageOutcome::judged(&report, &seen);
    match report.plausible {
        true => outcome.measure(&report, altered, landmarks, unit)?,
        false if named.is_some() => outcome.presentation = detector.recognise(radiograph)?,
        false => {}
    }
    Ok(outcome)
}

impl ImageOutcome {
    /// The result for an image that the runtime cannot analyse.
    fn unseen(image: &str, reason: String) -> Self {
        Self {
            image: image.to_owned(),
            refused: true,
            reasons: vec![reason],
            presentation: None,
            signals: None,
            errors: Vec::new(),
            low_confidence: 0,
            phantoms: 0,
        }
    }

    fn judged(report: &Report, seen: &Observation) -> Self {
        let signals = Signals {
            coarse_mass: seen.coarse_mass,
            pose_residual: seen.pose_residual,
            shape_residual: seen.shape_residual,
            scale: seen.pose.scale,
            angle: seen.pose.angle,
            grey_levels: seen.grey_levels,
            white_fraction: seen.white_fraction,
        };
        Self {
            refused: !report.plausible,
            reasons: report.reasons.clone(),
            signals: Some(signals),
            ..Self::unseen(&report.image, String::new())
        }
    }

    /// Compares an accepted image with its ground truth, which is in the order of `landmarks`.
    fn measure(
        &mut self,
        report: &Report,
        altered: &Altered,
        landmarks: &[String],
        unit: Unit,
    ) -> Result<(), Error> {
        let mm_per_px = altered.radiograph.spacing_mm.unwrap_or([f64::NAN; 2]);
        let [sx, sy] = if unit == Unit::Mm { mm_per_px } else { [1.0; 2] };
        for (truth, name) in altered.truth_px.iter().zip(landmarks) {
            let names = report.landmarks.iter().map(|l| &l.name);
            let found = &report.landmarks[find(names, name, "the model")?];
            match truth {
                Some([x, y]) => {
                    self.errors.push(((found.x_px - x) * sx).hypot((found.y_px - y) * sy));
                    self.low_confidence += usize::from(!found.confident);
                }
                None => self.phantoms += usize::from(found.confident),
            }
        }
        Ok(())
    }
}
