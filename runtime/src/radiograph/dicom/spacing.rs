//! The pixel spacing of a DICOM file and its source.
//!
//! Detector-plane and patient-plane spacing differ by the magnification, so the source says which one it is. If the
//! file's numbers cannot be trusted, the image has no millimetres (PS3.3, 10.7.1.3).

use super::dictionary::{Tag, tags};
use super::elements::Elements;
use super::fault::Fault;
use crate::radiograph::MmSource;

/// Pixel sizes of radiographs, mm; others are errors.
const PIXELS_MM: std::ops::RangeInclusive<f64> = 0.01..=5.0;
/// Largest aspect ratio of a pixel; more is an error.
const MOST_OBLONG: f64 = 1.1;
/// Spacings whose relative difference is smaller are the same, written with fewer digits.
const SAME: f64 = 1e-3;
/// Largest magnification of a radiograph; more is an error.
const MAX_MAGNIFICATION: f64 = 3.0;

/// The scale that a file states.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    /// `[x, y]` mm per px.
    pub(super) spacing_mm: Option<[f64; 2]>,
    pub(super) source: MmSource,
    /// Why there is no spacing.
    pub(super) withheld: Option<String>,
    /// Magnification between patient and detector plane.
    pub(super) magnification: Option<f64>,
}

/// Reads the scale; `correct_magnification` converts detector-plane to patient-plane spacing.
pub(super) fn scale(elements: &Elements<'_>, correct_magnification: bool) -> Scale {
    let magnification = magnification(elements);
    let found = trusted(elements).and_then(|(spacing, source)| {
        match (correct_magnification && source == MmSource::Detector, magnification) {
            (false, _) => Ok((spacing, source)),
            (true, Some(m)) => Ok((spacing.map(|mm| mm / m), MmSource::DetectorMagnified)),
            (true, None) => Err("the file does not state a magnification to correct".to_owned()),
        }
    });
    match found {
        Ok((spacing, source)) => {
            Scale { spacing_mm: Some(spacing), source, withheld: None, magnification }
        }
        Err(why) => {
            Scale { spacing_mm: None, source: MmSource::None, withheld: Some(why), magnification }
        }
    }
}

/// The spacing of the file and its source, or why there is no reliable one.
fn trusted(elements: &Elements<'_>) -> Result<([f64; 2], MmSource), String> {
    let pixel = pair(elements, tags::PIXEL_SPACING)?;
    let imager = pair(elements, tags::IMAGER_PIXEL_SPACING)?;
    let scanned = pair(elements, tags::NOMINAL_SCANNED_PIXEL_SPACING)?;
    let calibration = elements.text(tags::PIXEL_SPACING_CALIBRATION_TYPE);
    match (pixel, imager, calibration.as_deref()) {
        (Some(pixel), _, Some("FIDUCIAL")) => Ok((pixel, MmSource::CalibratedFiducial)),
        (Some(pixel), _, Some("GEOMETRY")) => Ok((pixel, MmSource::CalibratedGeometry)),
        (Some(_), _, Some(other)) => {
            Err(Fault::of(tags::PIXEL_SPACING_CALIBRATION_TYPE, other, "that is unknown")
                .to_string())
        }
        (Some(pixel), Some(imager), None) if same(pixel, imager) => {
            Ok((imager, MmSource::Detector))
        }
        (Some(pixel), Some(_), None) => Ok((pixel, MmSource::CalibratedUnstated)),
        (None, Some(imager), _) => Ok((imager, MmSource::Detector)),
        (Some(pixel), None, None) => Ok((pixel, MmSource::PixelSpacing)),
        (None, None, _) => scanned
            .map(|spacing| (spacing, MmSource::ScannedFilm))
            .ok_or_else(|| "the file states no spacing".to_owned()),
    }
}

fn same(a: [f64; 2], b: [f64; 2]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SAME * b)
}

/// `[x, y]` of an attribute that holds row spacing first; `None` where it is missing.
fn pair(elements: &Elements<'_>, tag: Tag) -> Result<Option<[f64; 2]>, String> {
    let numbers = elements.numbers(tag).map_err(|fault| fault.to_string())?;
    let Some(numbers) = numbers else { return Ok(None) };
    let shown = || elements.text(tag).unwrap_or_default();
    let &[y, x] = &numbers[..] else {
        return Err(Fault::of(tag, shown(), "it must hold two numbers").to_string());
    };
    if ![x, y].iter().all(|v| PIXELS_MM.contains(v)) {
        let why = format!("no detector has such pixels ({PIXELS_MM:?} mm)");
        return Err(Fault::of(tag, shown(), why).to_string());
    }
    if x.max(y) > MOST_OBLONG * x.min(y) {
        return Err(Fault::of(tag, shown(), "pixels are not so oblong").to_string());
    }
    Ok(Some([x, y]))
}

/// The magnification that the file states, else the ratio of its two distances from the source.
fn magnification(elements: &Elements<'_>) -> Option<f64> {
    let one = |tag| elements.numbers(tag).ok().flatten()?.first().copied();
    let of_distances = || {
        let to_detector: f64 = one(tags::DISTANCE_SOURCE_TO_DETECTOR)?;
        Some(to_detector / one(tags::DISTANCE_SOURCE_TO_PATIENT)?)
    };
    let stated = one(tags::ESTIMATED_MAGNIFICATION);
    stated.or_else(of_distances).filter(|m| (1.0..=MAX_MAGNIFICATION).contains(m))
}
