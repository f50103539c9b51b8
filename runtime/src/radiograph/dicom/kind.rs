//! Accepted images: projection radiographs, one per file.

use super::dictionary::{named_class, tags};
use super::elements::Elements;
use super::fault::Fault;

/// Classes whose images are projection radiographs.
const RADIOGRAPHS: [&str; 9] = [
    // Computed radiography.
    "1.2.840.10008.5.1.4.1.1.1",
    // Digital X-ray, for presentation and for processing.
    "1.2.840.10008.5.1.4.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.1.1",
    // Mammography, likewise.
    "1.2.840.10008.5.1.4.1.1.1.2",
    "1.2.840.10008.5.1.4.1.1.1.2.1",
    // Intra-oral, likewise.
    "1.2.840.10008.5.1.4.1.1.1.3",
    "1.2.840.10008.5.1.4.1.1.1.3.1",
    // Angiography, radiofluoroscopy.
    "1.2.840.10008.5.1.4.1.1.12.1",
    "1.2.840.10008.5.1.4.1.1.12.2",
];
/// Classes for images of any origin, such as scanned radiographs: secondary capture, single-frame and multi-frame, 8 and
/// 16 bit.
const PICTURES: [&str; 3] =
    ["1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.7.2", "1.2.840.10008.5.1.4.1.1.7.3"];
/// Modalities of projection radiographs, and unspecific ones.
const MODALITIES: [&str; 11] = ["CR", "DX", "IO", "PX", "RG", "RF", "XA", "MG", "OT", "SC", ""];

/// Refuses what is not a projection radiograph: by its class, or by its modality if the class is unspecific.
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
