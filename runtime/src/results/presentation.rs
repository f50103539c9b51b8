//! The presentation state: points and names that a viewer draws over the film, which else looks as it did.

mod look;

use dicom_core::VR;
use dicom_dictionary_std::tags;

use super::Kind;
use super::data_set::DataSet;
use super::place::place;
use super::task::Task;
use crate::landmark::Landmark;

/// The layer that holds points and names.
const LAYER: &str = "LANDMARKS";
/// Who made it, as a name of a person has it: family name, given name.
const CREATOR: &str = "fiducia^machine";

/// The whole state, without its SOP Class and Instance UID.
pub(super) fn presentation(task: &Task<'_>) -> DataSet {
    let film = || vec![task.film()];
    let series = DataSet::new().sequence(tags::REFERENCED_IMAGE_SEQUENCE, film()).text(
        tags::SERIES_INSTANCE_UID,
        VR::UI,
        task.source.series(),
    );
    let (points, texts) = task.report.landmarks.iter().filter_map(|l| drawn(task, l)).unzip();
    let notes: (Vec<DataSet>, Vec<DataSet>) = (points, texts);
    let mut annotation = DataSet::new().sequence(tags::REFERENCED_IMAGE_SEQUENCE, film()).text(
        tags::GRAPHIC_LAYER,
        VR::CS,
        LAYER,
    );
    let layer = DataSet::new().text(tags::GRAPHIC_LAYER, VR::CS, LAYER).text(
        tags::GRAPHIC_LAYER_ORDER,
        VR::IS,
        "1",
    );
    let mut state = task
        .head_of_image(Kind::Presentation)
        .text(tags::PRESENTATION_CREATION_DATE, VR::DA, &task.date)
        .text(tags::PRESENTATION_CREATION_TIME, VR::TM, &task.time)
        .text(tags::CONTENT_LABEL, VR::CS, "AI_LANDMARKS")
        .text(tags::CONTENT_DESCRIPTION, VR::LO, "AI landmarks - not for diagnosis")
        .text(tags::CONTENT_CREATOR_NAME, VR::PN, CREATOR)
        .sequence(tags::REFERENCED_SERIES_SEQUENCE, vec![series]);
    if !notes.0.is_empty() {
        annotation = annotation
            .sequence(tags::TEXT_OBJECT_SEQUENCE, notes.1)
            .sequence(tags::GRAPHIC_OBJECT_SEQUENCE, notes.0);
        state = state
            .sequence(tags::GRAPHIC_ANNOTATION_SEQUENCE, vec![annotation])
            .sequence(tags::GRAPHIC_LAYER_SEQUENCE, vec![layer]);
    }
    look::put(state, task)
}

/// The point of a landmark and its name, in pixels of the film; `None` where its position is no number.
fn drawn(task: &Task<'_>, landmark: &Landmark) -> Option<(DataSet, DataSet)> {
    let place = place(landmark)?;
    let name = landmark.name.replace('_', " ");
    let name = if landmark.confident { name } else { format!("{name} ?") };
    let point = DataSet::new()
        .text(tags::GRAPHIC_ANNOTATION_UNITS, VR::CS, "PIXEL")
        .numbers(tags::GRAPHIC_DIMENSIONS, VR::US, 2u16.into())
        .numbers(tags::NUMBER_OF_GRAPHIC_POINTS, VR::US, 1u16.into())
        .numbers(tags::GRAPHIC_DATA, VR::FL, place.into())
        .text(tags::GRAPHIC_TYPE, VR::CS, "POINT");
    let text = DataSet::new()
        .text(tags::ANCHOR_POINT_ANNOTATION_UNITS, VR::CS, "PIXEL")
        .text(tags::UNFORMATTED_TEXT_VALUE, VR::ST, &task.charset.text(VR::ST, &name))
        .numbers(tags::ANCHOR_POINT, VR::FL, place.into())
        .text(tags::ANCHOR_POINT_VISIBILITY, VR::CS, "N");
    Some((point, text))
}
