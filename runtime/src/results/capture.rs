//! The picture: the film with its landmarks burned in, for viewers that show nothing else.

use dicom_core::{PrimitiveValue, VR};
use dicom_dictionary_std::tags;

use super::Kind;
use super::codes::code;
use super::data_set::DataSet;
use super::task::Task;
use crate::overlay::overlay_marked;

/// Burned into the picture, so that it cannot be taken for the film.
const MARK: [&str; 2] = ["AI RESULT", "NOT FOR DIAGNOSIS"];
/// Facts about the pixels of the film that stay true for a picture made of them.
const INHERITED: [(dicom_core::Tag, VR); 4] = [
    (tags::BURNED_IN_ANNOTATION, VR::CS),
    (tags::LOSSY_IMAGE_COMPRESSION, VR::CS),
    (tags::LOSSY_IMAGE_COMPRESSION_RATIO, VR::DS),
    (tags::LOSSY_IMAGE_COMPRESSION_METHOD, VR::CS),
];

/// The whole picture, without its SOP Class and Instance UID.
pub(super) fn capture(task: &Task<'_>) -> DataSet {
    let picture = overlay_marked(task.radiograph, task.report, &MARK);
    let purpose = code("121322", "DCM", "Source image for image processing operation");
    let film = task
        .film()
        .sequence(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, vec![purpose.item(&task.charset)]);
    // An edge of a film has at most 16,384 px, and what is enlarged stays below 1,800.
    let edge = |edge: u32| PrimitiveValue::from(u16::try_from(edge).unwrap_or(u16::MAX));
    let (width, height) = picture.dimensions();
    let mut data_set = task
        .head_of_image(Kind::Capture)
        .text(tags::CONVERSION_TYPE, VR::CS, "WSD")
        .text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY")
        .text(tags::DATE_OF_SECONDARY_CAPTURE, VR::DA, &task.date)
        .text(tags::TIME_OF_SECONDARY_CAPTURE, VR::TM, &task.time)
        .text(
            tags::DERIVATION_DESCRIPTION,
            VR::ST,
            "landmarks found by a machine, drawn over the film",
        )
        .sequence(tags::SOURCE_IMAGE_SEQUENCE, vec![film])
        .numbers(tags::SAMPLES_PER_PIXEL, VR::US, 3u16.into())
        .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB")
        .numbers(tags::PLANAR_CONFIGURATION, VR::US, 0u16.into())
        .numbers(tags::ROWS, VR::US, edge(height))
        .numbers(tags::COLUMNS, VR::US, edge(width))
        .numbers(tags::BITS_ALLOCATED, VR::US, 8u16.into())
        .numbers(tags::BITS_STORED, VR::US, 8u16.into())
        .numbers(tags::HIGH_BIT, VR::US, 7u16.into())
        .numbers(tags::PIXEL_REPRESENTATION, VR::US, 0u16.into());
    data_set = match task.source.value(tags::PATIENT_ORIENTATION) {
        Some(value) => data_set.raw(tags::PATIENT_ORIENTATION, VR::CS, value),
        None => data_set.empty(tags::PATIENT_ORIENTATION, VR::CS),
    };
    for (tag, vr) in INHERITED {
        if let Some(value) = task.source.value(tag) {
            data_set = data_set.raw(tag, vr, value);
        }
    }
    data_set.raw(tags::PIXEL_DATA, VR::OB, picture.as_raw())
}
