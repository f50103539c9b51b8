//! The result of a detection and its output formats: JSON (schema `fiducia.report/1`), CSV, text table.

mod csv;
mod table;

pub use csv::{csv, measures_csv};
pub use table::table;

use serde::Serialize;

use crate::cephalometry::{Measure, measures};
use crate::engine::device::BackendInfo;
use crate::engine::observation::Timings;
use crate::error::{Error, ErrorKind};
use crate::landmark::Landmark;
use crate::orientation::OrientationIssue;
use crate::radiograph::{DicomFacts, MmSource, Radiograph};

/// Landmarks found on one image. Serialises to the JSON that `docs/format.md` describes.
///
/// ```
/// # use std::path::Path;
/// # use fiducia::{Backend, Detector, Pack, Radiograph};
/// # fn main() -> Result<(), fiducia::Error> {
/// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
/// # let mut detector = Detector::new(&Pack::open(&models.join("head.fid"))?, Backend::Cpu)?;
/// # let radiograph = Radiograph::open(&models.join("demo.png"), Some([0.2, 0.2]))?;
/// let report = detector.detect(&radiograph)?;
/// // Positions of an implausible image must not be used.
/// if let Some(refusal) = report.refusal() {
///     return Err(refusal);
/// }
/// let sella = report.landmarks.iter().find(|l| l.name == "sella").expect("the model has it");
/// let error_mm = sella.expected_error_mm.expect("the spacing is known");
/// println!("sella: {:.1}, {:.1} px, ± {error_mm:.1} mm", sella.x_px, sella.y_px);
/// assert!(sella.confident && error_mm < 3.0);
/// # assert!((sella.x_mm.unwrap() - 0.2 * sella.x_px).abs() < 1e-9);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always `fiducia.report/1`.
    pub schema: &'static str,
    /// Name of the image, given by the caller.
    pub image: String,
    /// `[width, height]` of the image, px.
    pub size_px: [usize; 2],
    /// `[x, y]` mm per px, if known.
    pub spacing_mm: Option<[f64; 2]>,
    /// Source of the spacing.
    pub mm_source: MmSource,
    /// Whether the grey values of the image file were inverted before detection.
    pub inverted: bool,
    /// The model.
    pub model: ModelInfo,
    /// The device that ran the model.
    pub backend: BackendInfo,
    /// Wall time per stage.
    pub timings_ms: Timings,
    /// False if the image is unlike the training set: do not use the positions.
    pub plausible: bool,
    /// Why the image is not plausible; empty if it is.
    pub reasons: Vec<String>,
    /// Orientation issue of an implausible image; correcting it makes the image plausible.
    pub presentation: Option<OrientationIssue>,
    /// Facts from the DICOM file; missing for other files.
    ///
    /// ```
    /// # use std::path::Path;
    /// # use fiducia::{Backend, Detector, Pack, Radiograph};
    /// # fn main() -> Result<(), fiducia::Error> {
    /// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
    /// # let mut detector = Detector::new(&Pack::open(&models.join("head.fid"))?, Backend::Cpu)?;
    /// # let report = detector.detect(&Radiograph::open(&models.join("demo.png"), None)?)?;
    /// match &report.dicom {
    ///     Some(facts) => println!("{} bits, spacing {}", facts.bits_stored, facts.mm_source),
    ///     None => println!("not a DICOM file"),
    /// }
    /// # assert!(report.dicom.is_none());
    /// # Ok(())
    /// # }
    /// ```
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dicom: Option<DicomFacts>,
    /// One entry per landmark, in the order of the pack.
    pub landmarks: Vec<Landmark>,
    /// Cephalometric measures between the landmarks; empty for models of other anatomies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Measure>,
}

/// The model that produced a report.
#[derive(Clone, Debug, Serialize)]
pub struct ModelInfo {
    /// Name in the pack's manifest.
    pub name: String,
    /// SHA-256 of the whole pack file, hexadecimal.
    pub sha256: String,
}

impl Report {
    /// The report on `radiograph`: plausible where there are no `reasons` against it. Its measures follow from
    /// `landmarks`.
    pub(crate) fn new(
        radiograph: &Radiograph,
        model: &ModelInfo,
        backend: &BackendInfo,
        landmarks: Vec<Landmark>,
        reasons: Vec<String>,
        timings_ms: Timings,
    ) -> Self {
        Self {
            schema: "fiducia.report/1",
            image: radiograph.name.clone(),
            size_px: [radiograph.width, radiograph.height],
            spacing_mm: radiograph.spacing_mm,
            mm_source: radiograph.mm_source,
            inverted: radiograph.inverted,
            model: model.clone(),
            backend: backend.clone(),
            timings_ms,
            plausible: reasons.is_empty(),
            reasons,
            presentation: None,
            dicom: radiograph.dicom.clone(),
            measures: measures(&landmarks),
            landmarks,
        }
    }

    /// The JSON text, indented, without a final newline.
    ///
    /// ```
    /// # use std::path::Path;
    /// # use fiducia::{Backend, Detector, Pack, Radiograph};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
    /// # let mut detector = Detector::new(&Pack::open(&models.join("head.fid"))?, Backend::Cpu)?;
    /// # let report = detector.detect(&Radiograph::open(&models.join("demo.png"), None)?)?;
    /// let json: serde_json::Value = serde_json::from_str(&report.json()?)?;
    /// assert_eq!(json["schema"], "fiducia.report/1");
    /// assert_eq!(json["mm_source"], "none");
    /// assert!(json["landmarks"][0]["x_mm"].is_null());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] if serialisation fails, which would be a bug in fiducia.
    pub fn json(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self)
            .map_err(|e| Error::new(ErrorKind::Engine, format!("cannot write the report: {e}")))
    }

    /// The error for an image unlike the training set; `None` for a plausible one.
    ///
    /// ```
    /// # use std::path::Path;
    /// use fiducia::{Backend, Detector, ErrorKind, Pack, Radiograph};
    ///
    /// # fn main() -> Result<(), fiducia::Error> {
    /// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
    /// let mut detector = Detector::new(&Pack::open(&models.join("head.fid"))?, Backend::Cpu)?;
    /// // A chest radiograph, and a model for the head.
    /// let chest = Radiograph::open(&models.join("demo-chest.png"), None)?;
    /// let refusal = detector.detect(&chest)?.refusal().expect("it is implausible");
    /// assert_eq!(refusal.kind(), ErrorKind::Implausible);
    /// # Ok(())
    /// # }
    /// ```
    pub fn refusal(&self) -> Option<Error> {
        let message = format!(
            "{} does not look like an image for the model {} ({}); nothing was measured",
            self.image,
            self.model.name,
            self.reasons.join(", ")
        );
        (!self.plausible).then(|| Error::new(ErrorKind::Implausible, message))
    }
}

#[cfg(test)]
mod tests;
