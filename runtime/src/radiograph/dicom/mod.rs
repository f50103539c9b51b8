//! Reading a projection radiograph from a DICOM file.
//!
//! ```text
//! bytes ─syntax→ data set ─elements→ attributes ─kind, form→ checked
//!   ─samples→ stored bits ─grey→ grey values, bright bone; ─spacing→ mm and where they are from
//! ```
//!
//! A file is not trusted: every length is checked against the bytes that follow, and every codestream against the
//! attributes.

mod dictionary;
mod fault;
mod syntax;
mod elements;
mod kind;
mod form;
mod rle;
mod samples;
mod grey;
mod spacing;
#[cfg(feature = "results")]
mod origin;
pub mod header;

use std::borrow::Cow;
use std::io::Read;

use flate2::read::DeflateDecoder;

use super::{DicomFacts, MAX_FILE_BYTES, Reading};
use dictionary::{Tag, tags};
use elements::{Elements, Reader};
use fault::Fault;
use form::PixelForm;
use grey::GreyTable;
use syntax::Syntax;

#[cfg(feature = "results")]
pub(crate) use grey::Lut;
#[cfg(feature = "results")]
pub(crate) use origin::Origin;
pub(super) use syntax::is_dicom;

/// Attributes that are read; all others are skipped.
const WANTED: [Tag; 32] = [
    tags::SOP_CLASS_UID,
    tags::MODALITY,
    tags::PIXEL_DATA,
    tags::ROWS,
    tags::COLUMNS,
    tags::NUMBER_OF_FRAMES,
    tags::SAMPLES_PER_PIXEL,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::PRESENTATION_LUT_SHAPE,
    tags::BITS_ALLOCATED,
    tags::BITS_STORED,
    tags::HIGH_BIT,
    tags::PIXEL_REPRESENTATION,
    tags::PIXEL_PADDING_VALUE,
    tags::PIXEL_PADDING_RANGE_LIMIT,
    tags::MODALITY_LUT_SEQUENCE,
    tags::RESCALE_SLOPE,
    tags::RESCALE_INTERCEPT,
    tags::VOI_LUT_SEQUENCE,
    tags::VOI_LUT_FUNCTION,
    tags::WINDOW_CENTER,
    tags::WINDOW_WIDTH,
    tags::PIXEL_SPACING,
    tags::PIXEL_SPACING_CALIBRATION_TYPE,
    tags::IMAGER_PIXEL_SPACING,
    tags::NOMINAL_SCANNED_PIXEL_SPACING,
    tags::ESTIMATED_MAGNIFICATION,
    tags::DISTANCE_SOURCE_TO_DETECTOR,
    tags::DISTANCE_SOURCE_TO_PATIENT,
    tags::FLOAT_PIXEL_DATA,
    tags::DOUBLE_FLOAT_PIXEL_DATA,
    tags::PIXEL_DATA_PROVIDER_URL,
];

/// A decoded image.
pub(super) struct Image {
    /// Columns, px.
    pub(super) width: usize,
    /// Rows, px.
    pub(super) height: usize,
    /// Grey values `[height, width]`, bright bone.
    pub(super) pixels: Vec<u16>,
    /// Facts from the file, for reports.
    pub(super) facts: DicomFacts,
}

/// Reads the image of a DICOM file.
///
/// # Errors
/// A message that names the attribute and its value: not a radiograph, several frames, colour, damaged, truncated.
pub(super) fn read(bytes: &[u8], reading: &Reading) -> Result<Image, String> {
    read_image(bytes, reading).map_err(|fault| fault.to_string())
}

fn read_image(bytes: &[u8], reading: &Reading) -> Result<Image, Fault> {
    let (syntax, data) = syntax::split(bytes)?;
    let data = if syntax.deflated { Cow::Owned(inflate(data)?) } else { Cow::Borrowed(data) };
    let elements = attributes(&data, &syntax)?;
    kind::check(&elements)?;
    check_pixels_inside(&elements)?;
    let form = PixelForm::read(&elements)?;
    let table = GreyTable::new(&elements, &form, reading.grey_values)?;
    let padding = grey::padding(&elements, &form)?;
    let mut pixels = samples::samples(&elements, &syntax, &form)?;
    let facts = facts(&elements, &syntax, &form, &table, reading);
    table.apply(&mut pixels, padding, &form);
    Ok(Image { width: form.width, height: form.height, pixels, facts })
}

/// `[width, height]` of the image of a DICOM file, from its attributes alone.
///
/// # Errors
/// As [`read`], as far as the attributes show it.
pub(super) fn size_px(bytes: &[u8]) -> Result<[usize; 2], String> {
    let size = || {
        let (syntax, data) = syntax::split(bytes)?;
        let data = if syntax.deflated { Cow::Owned(inflate(data)?) } else { Cow::Borrowed(data) };
        let form = PixelForm::read(&attributes(&data, &syntax)?)?;
        Ok([form.width, form.height])
    };
    size().map_err(|fault: Fault| fault.to_string())
}

/// The attributes up to the pixels; those after them are not needed.
fn attributes<'a>(data: &'a [u8], syntax: &Syntax) -> Result<Elements<'a>, Fault> {
    let reader = Reader { rest: data, coding: syntax.coding };
    Elements::read(reader, &WANTED, tags::PIXEL_DATA)
}

/// A deflated data set, up to the size of the largest file.
fn inflate(data: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    DeflateDecoder::new(data)
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| elements::cut())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let what = format!("the data set is larger than {} MiB", MAX_FILE_BYTES >> 20);
        return Err(Fault::new(what));
    }
    Ok(bytes)
}

/// Refuses a file that has something else in place of pixel data.
fn check_pixels_inside(elements: &Elements<'_>) -> Result<(), Fault> {
    let elsewhere =
        [tags::FLOAT_PIXEL_DATA, tags::DOUBLE_FLOAT_PIXEL_DATA, tags::PIXEL_DATA_PROVIDER_URL];
    match elsewhere.iter().find(|&&tag| elements.get(tag).is_some()) {
        Some(&tag) => Err(Fault::of(
            tag,
            "in place of pixel data",
            "only whole numbers in the file itself are read",
        )),
        None => Ok(()),
    }
}

fn facts(
    elements: &Elements<'_>,
    syntax: &Syntax,
    form: &PixelForm,
    table: &GreyTable,
    reading: &Reading,
) -> DicomFacts {
    let scale = spacing::scale(elements, reading.correct_magnification);
    DicomFacts {
        sop_class_uid: elements.text(tags::SOP_CLASS_UID),
        modality: elements.text(tags::MODALITY),
        transfer_syntax_uid: syntax.uid.clone(),
        photometric_interpretation: if form.white_is_low { "MONOCHROME1" } else { "MONOCHROME2" },
        bits_stored: form.bits_stored,
        grey_values: reading.grey_values,
        voi: table.voi,
        spacing_mm: scale.spacing_mm,
        mm_source: scale.source,
        mm_withheld: scale.withheld,
        magnification: scale.magnification,
    }
}
