//! How the film is shown. A presentation state replaces all that the film says of it (PS3.4, N.2), so what the film
//! says is said again: modality transformation, window or VOI LUT, shutter, polarity.

use dicom_core::{PrimitiveValue, Tag, VR, dicom_value};
use dicom_dictionary_std::tags;

use crate::radiograph::dicom::Lut;
use crate::results::data_set::{DataSet, decimal};
use crate::results::source::{SHUTTER, Source};
use crate::results::task::Task;

/// Steps of the ratio of height to width of a pixel.
const ASPECT_STEPS: f64 = 10_000.0;

/// Adds the look of the film to its presentation state.
pub(super) fn put(state: DataSet, task: &Task<'_>) -> DataSet {
    let state = modality(state, task.source);
    let state = voi(state, task.source);
    let state = shutter(state, task.source);
    let shape = if task.source.origin().white_is_low { "INVERSE" } else { "IDENTITY" };
    state
        .text(tags::PRESENTATION_LUT_SHAPE, VR::CS, shape)
        .sequence(tags::DISPLAYED_AREA_SELECTION_SEQUENCE, vec![area(task)])
}

/// All of the film, as large as the window allows.
fn area(task: &Task<'_>) -> DataSet {
    let [width, height] = task.source.origin().size_px.map(|edge| edge as i32);
    let [across, down] = aspect(task);
    DataSet::new()
        .sequence(tags::REFERENCED_IMAGE_SEQUENCE, vec![task.film()])
        .numbers(tags::DISPLAYED_AREA_TOP_LEFT_HAND_CORNER, VR::SL, dicom_value!(I32, [1, 1]))
        .numbers(
            tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER,
            VR::SL,
            dicom_value!(I32, [width, height]),
        )
        .text(tags::PRESENTATION_SIZE_MODE, VR::CS, "SCALE TO FIT")
        // The height of a pixel stands first.
        .text(tags::PRESENTATION_PIXEL_ASPECT_RATIO, VR::IS, &format!("{down}\\{across}"))
}

/// Width and height of a pixel as a ratio of whole numbers, by the spacing, else by what the film says.
fn aspect(task: &Task<'_>) -> [i64; 2] {
    if let Some([x, y]) = task.report.spacing_mm {
        let down = (y / x * ASPECT_STEPS).round() as i64;
        let square = down == ASPECT_STEPS as i64;
        return if square || down < 1 { [1, 1] } else { [ASPECT_STEPS as i64, down] };
    }
    match integers(task.source, tags::PIXEL_ASPECT_RATIO).as_deref() {
        Some(&[down, across]) if down > 0 && across > 0 => [across, down],
        _ => [1, 1],
    }
}

fn modality(state: DataSet, source: &Source) -> DataSet {
    if let Some(lut) = &source.origin().modality_lut {
        let item = table(lut, &lut.entries).text(tags::MODALITY_LUT_TYPE, VR::LO, "US");
        return state.sequence(tags::MODALITY_LUT_SEQUENCE, vec![item]);
    }
    let number = |tag| numbers(source, tag)?.first().copied().and_then(decimal_of);
    match (number(tags::RESCALE_SLOPE), number(tags::RESCALE_INTERCEPT)) {
        (None, None) => state,
        (slope, intercept) => state
            .text(tags::RESCALE_SLOPE, VR::DS, slope.as_deref().unwrap_or("1"))
            .text(tags::RESCALE_INTERCEPT, VR::DS, intercept.as_deref().unwrap_or("0"))
            .text(tags::RESCALE_TYPE, VR::LO, &kind_of_rescaling(source)),
    }
}

/// What rescaled values are; unspecified where the film does not say.
fn kind_of_rescaling(source: &Source) -> String {
    let kind = source.value(tags::RESCALE_TYPE).and_then(|v| std::str::from_utf8(v).ok());
    kind.filter(|kind| kind.is_ascii() && kind.len() <= 16).unwrap_or("US").to_owned()
}

/// The first VOI LUT, else the first window: that is what the model saw and what a viewer shows first.
fn voi(state: DataSet, source: &Source) -> DataSet {
    let origin = source.origin();
    let item = match (&origin.voi_lut, &origin.modality_lut) {
        (Some(lut), _) => Some(DataSet::new().sequence(tags::VOILUT_SEQUENCE, vec![shown(lut)])),
        (None, modality) => window(source).or_else(|| modality.as_ref().and_then(whole_range)),
    };
    match item {
        Some(item) => state.sequence(tags::SOFTCOPY_VOILUT_SEQUENCE, vec![item]),
        None => state,
    }
}

/// The table with entries spread over 16 bits, which look the same.
fn shown(lut: &Lut) -> DataSet {
    let top = u32::from(lut.top());
    let spread = |&entry: &u16| (u32::from(entry) * u32::from(u16::MAX) / top) as u16;
    table(lut, &lut.entries.iter().map(spread).collect::<Vec<_>>())
}

/// A window of all that a modality LUT can give, since the table itself is said to have 16 bits here.
fn whole_range(lut: &Lut) -> Option<DataSet> {
    let span = f64::from(lut.top()) + 1.0;
    Some(DataSet::new().text(tags::WINDOW_CENTER, VR::DS, &decimal(span / 2.0)?).text(
        tags::WINDOW_WIDTH,
        VR::DS,
        &decimal(span)?,
    ))
}

fn window(source: &Source) -> Option<DataSet> {
    let first = |tag| numbers(source, tag)?.first().copied();
    let (center, width) = (first(tags::WINDOW_CENTER)?, first(tags::WINDOW_WIDTH)?);
    let function = source.value(tags::VOILUT_FUNCTION).and_then(|v| std::str::from_utf8(v).ok());
    let known = ["LINEAR", "LINEAR_EXACT", "SIGMOID"];
    let function = known.into_iter().find(|known| Some(*known) == function);
    // Only a window that is there can be set again; a width below 1 is one for two of the functions.
    let narrowest = if matches!(function, None | Some("LINEAR")) { 1.0 } else { f64::MIN_POSITIVE };
    let item = DataSet::new().text(tags::WINDOW_CENTER, VR::DS, &decimal_of(center)?).text(
        tags::WINDOW_WIDTH,
        VR::DS,
        &decimal_of(width).filter(|_| width >= narrowest)?,
    );
    Some(match function {
        Some(function) => item.text(tags::VOILUT_FUNCTION, VR::CS, function),
        None => item,
    })
}

/// The blackened border, where the film has one.
fn shutter(state: DataSet, source: &Source) -> DataSet {
    let Some(shape) = source.value(tags::SHUTTER_SHAPE).and_then(|v| std::str::from_utf8(v).ok())
    else {
        return state;
    };
    let known = ["RECTANGULAR", "CIRCULAR", "POLYGONAL"];
    if !shape.split('\\').all(|shape| known.contains(&shape.trim())) {
        return state;
    }
    let state = state.text(tags::SHUTTER_SHAPE, VR::CS, shape).numbers(
        tags::SHUTTER_PRESENTATION_VALUE,
        VR::US,
        0u16.into(),
    );
    SHUTTER.into_iter().filter_map(|tag| Some((tag, integers(source, tag)?))).fold(
        state,
        |state, (tag, values)| {
            let texts: Vec<String> = values.iter().map(i64::to_string).collect();
            state.text(tag, VR::IS, &texts.join("\\"))
        },
    )
}

/// A table of 16 bits. Its descriptor is signed where the number of the first entry is negative.
fn table(lut: &Lut, entries: &[u16]) -> DataSet {
    // 65,536 entries are written as none.
    let count = entries.len() as u16;
    let (vr, descriptor) = match i16::try_from(lut.first) {
        Ok(first) if first < 0 => (VR::SS, dicom_value!(I16, [count as i16, first, 16])),
        _ => (VR::US, dicom_value!(U16, [count, lut.first as u16, 16])),
    };
    DataSet::new().numbers(tags::LUT_DESCRIPTOR, vr, descriptor).numbers(
        tags::LUT_DATA,
        VR::OW,
        PrimitiveValue::U16(entries.into()),
    )
}

/// A number of the film, as short as a decimal string must be: as it was read, else with fewer digits.
fn decimal_of(value: f64) -> Option<String> {
    let shortest = format!("{value}");
    if value.is_finite() && shortest.len() <= 16 { Some(shortest) } else { decimal(value) }
}

fn numbers(source: &Source, tag: Tag) -> Option<Vec<f64>> {
    parsed(source, tag)
}

fn integers(source: &Source, tag: Tag) -> Option<Vec<i64>> {
    parsed(source, tag)
}

/// All values of a text attribute as numbers; `None` where it is missing or one of them is no number.
fn parsed<T: std::str::FromStr>(source: &Source, tag: Tag) -> Option<Vec<T>> {
    let text = std::str::from_utf8(source.value(tag)?).ok()?;
    text.split('\\').map(|part| part.trim().parse().ok()).collect()
}
