//! What may be read: projection radiographs, one image to a file.

use dicom_dictionary_std::{tags, uids};

use super::elements::Elements;
use super::fault::Fault;
use super::syntax::named_class;

/// Classes whose images are projection radiographs.
const RADIOGRAPHS: [&str; 9] = [
    uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE,
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PROCESSING,
    uids::DIGITAL_INTRA_ORAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::DIGITAL_INTRA_ORAL_X_RAY_IMAGE_STORAGE_FOR_PROCESSING,
    uids::DIGITAL_MAMMOGRAPHY_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::DIGITAL_MAMMOGRAPHY_X_RAY_IMAGE_STORAGE_FOR_PROCESSING,
    uids::X_RAY_ANGIOGRAPHIC_IMAGE_STORAGE,
    uids::X_RAY_RADIOFLUOROSCOPIC_IMAGE_STORAGE,
];
/// Classes that hold pictures of any origin, scanned films among them.
const PICTURES: [&str; 3] = [
    uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_GRAYSCALE_BYTE_SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::MULTI_FRAME_GRAYSCALE_WORD_SECONDARY_CAPTURE_IMAGE_STORAGE,
];
/// Modalities of projection radiographs, and those that say nothing.
const MODALITIES: [&str; 11] =
    ["CR", "DX", "IO", "PX", "RG", "RF", "XA", "MG", "OT", "SC", ""];

/// Refuses what is no projection radiograph: by its class, or where that says nothing by its modality.
///
/// # Errors
/// Naming the class or the modality.
pub(super) fn check(elements: &Elements<'_>) -> Result<(), Fault> {
    let class = elements.text(tags::SOP_CLASS_UID).unwrap_or_default();
    let modality = elements.text(tags::MODALITY).unwrap_or_default();
    if RADIOGRAPHS.contains(&&*class) {
        return Ok(());
    }
    let why = "that is no projection radiograph; give a CR, DX, IO or PX image";
    let private = class.is_empty() || !class.starts_with("1.2.840.10008.");
    if !PICTURES.contains(&&*class) && !private {
        return Err(Fault::of(tags::SOP_CLASS_UID, named_class(&class), why));
    }
    if !MODALITIES.contains(&&*modality) {
        return Err(Fault::of(tags::MODALITY, modality, why));
    }
    Ok(())
}
