//! How an image file is to be read, and what it says about itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where the millimetre scale of an image came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MmSource {
    /// Given by the caller (`--spacing`), over whatever the file says.
    User,
    /// Pixel Spacing, calibrated with an object of known size in the picture.
    CalibratedFiducial,
    /// Pixel Spacing, corrected for the geometry of the exposure.
    CalibratedGeometry,
    /// Pixel Spacing, which differs from the spacing of the detector: corrected in a way the file does not say.
    CalibratedUnstated,
    /// Imager Pixel Spacing: at the detector, where things are larger than in the body.
    Detector,
    /// Imager Pixel Spacing divided by the magnification that the file states, as the caller asked.
    DetectorMagnified,
    /// Pixel Spacing alone: the file does not say whether at the detector or in the body.
    PixelSpacing,
    /// Nominal Scanned Pixel Spacing: on the film that was scanned.
    ScannedFilm,
    /// Unknown: all millimetre fields are null.
    None,
}

/// Which grey values of a DICOM file a model wants. It stands in the model's manifest; other files have one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GreyValues {
    /// As the file is shown: after the first VOI LUT or window, where it has one.
    #[default]
    Presented,
    /// As they were measured: after the modality transformation, without VOI LUT or window.
    Modality,
}

impl GreyValues {
    /// Whether these are the ones that packs without a word of it want.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How to read a file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// `[x, y]` mm per px; it is taken whatever the file says.
    pub spacing_mm: Option<[f64; 2]>,
    /// Which grey values of a DICOM file.
    pub grey_values: GreyValues,
    /// Whether a spacing at the detector is divided by the magnification that the DICOM file states. Where it
    /// states none there are no millimetres then.
    pub correct_magnification: bool,
}

/// What turned modality values into those that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Voi {
    /// Nothing: not asked for, or the file has neither.
    None,
    /// The first window.
    Window,
    /// The first VOI LUT.
    Lut,
}

/// What a DICOM file says about itself, for reports; nothing of the patient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DicomFacts {
    /// SOP Class UID.
    pub sop_class_uid: Option<String>,
    /// Modality.
    pub modality: Option<String>,
    /// Transfer syntax that the file was written in, or that was guessed where it does not say.
    pub transfer_syntax_uid: String,
    /// `MONOCHROME1`, whose grey values were inverted so that bone is bright, or `MONOCHROME2`.
    pub photometric_interpretation: &'static str,
    /// Bits that a pixel was stored in.
    pub bits_stored: u16,
    /// Which grey values were asked for.
    pub grey_values: GreyValues,
    /// What made them.
    pub voi: Voi,
    /// `[x, y]` mm per px as the file states it.
    pub spacing_mm: Option<[f64; 2]>,
    /// Where the file's spacing is from.
    pub mm_source: MmSource,
    /// Why the file's spacing is not trusted.
    pub mm_withheld: Option<String>,
    /// How much larger than in the body things are at the detector, as the file states it.
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
