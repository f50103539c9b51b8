//! Options for reading an image file, and the facts that a DICOM file states.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Source of an image's pixel spacing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MmSource {
    /// Given by the caller (`--spacing`); overrides the file.
    User,
    /// Pixel Spacing, calibrated with an object of known size in the image.
    CalibratedFiducial,
    /// Pixel Spacing, corrected for the geometry of the exposure.
    CalibratedGeometry,
    /// Pixel Spacing that differs from Imager Pixel Spacing: corrected, but the file does not state how.
    CalibratedUnstated,
    /// Imager Pixel Spacing: in the detector plane, where anatomy appears magnified.
    Detector,
    /// Imager Pixel Spacing divided by the magnification that the file states: in the patient plane.
    DetectorMagnified,
    /// Pixel Spacing alone: the file does not state whether in the detector plane or in the patient plane.
    PixelSpacing,
    /// Nominal Scanned Pixel Spacing: on the film that was scanned.
    ScannedFilm,
    /// Unknown: all millimetre fields are null.
    None,
}

/// Which grey values of a DICOM file a model was trained for, as its manifest states. Other files have one kind only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GreyValues {
    /// Display values: after the first VOI LUT or window, if the file has one.
    #[default]
    Presented,
    /// Modality values: after the modality transformation, without VOI LUT or window.
    Modality,
}

impl GreyValues {
    /// Whether these are the grey values of packs that do not state any.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Options for reading a file.
///
/// ```
/// use fiducia::Reading;
/// use fiducia::radiograph::GreyValues;
///
/// // Detector-plane spacing of a DICOM file is converted to patient-plane spacing.
/// let reading = Reading { correct_magnification: true, ..Reading::default() };
/// assert_eq!(reading.grey_values, GreyValues::Presented);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// `[x, y]` mm per px; overrides the spacing in the file.
    pub spacing_mm: Option<[f64; 2]>,
    /// Which grey values of a DICOM file.
    pub grey_values: GreyValues,
    /// Converts detector-plane to patient-plane spacing, by the magnification that the DICOM file states. If it states
    /// none, the image has no millimetres.
    pub correct_magnification: bool,
}

/// What converted modality values to display values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Voi {
    /// Nothing: modality values were asked for, or the file has neither.
    None,
    /// The first window.
    Window,
    /// The first VOI LUT.
    Lut,
}

/// Facts from a DICOM file, for reports; nothing that identifies the patient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DicomFacts {
    /// SOP Class UID.
    pub sop_class_uid: Option<String>,
    /// Modality.
    pub modality: Option<String>,
    /// Transfer syntax of the file, or a guess if it states none.
    pub transfer_syntax_uid: String,
    /// `MONOCHROME1`, whose grey values were inverted so that bone is bright, or `MONOCHROME2`.
    pub photometric_interpretation: &'static str,
    /// Bits per pixel.
    pub bits_stored: u16,
    /// Which grey values were asked for.
    pub grey_values: GreyValues,
    /// What they were converted with.
    pub voi: Voi,
    /// `[x, y]` mm per px that the file states.
    pub spacing_mm: Option<[f64; 2]>,
    /// Source of the file's spacing.
    pub mm_source: MmSource,
    /// Why the file's spacing is not used.
    pub mm_withheld: Option<String>,
    /// Magnification between patient and detector plane that the file states.
    pub magnification: Option<f64>,
}

impl fmt::Display for MmSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "given by the caller",
            Self::CalibratedFiducial => "calibrated with an object of known size",
            Self::CalibratedGeometry => "corrected for the geometry of the exposure",
            Self::CalibratedUnstated => "corrected, the file does not say how",
            Self::Detector => "at the detector",
            Self::DetectorMagnified => "at the detector, divided by the magnification of the file",
            Self::PixelSpacing => "of the file, which does not say in which plane",
            Self::ScannedFilm => "on the scanned film",
            Self::None => "unknown",
        })
    }
}
