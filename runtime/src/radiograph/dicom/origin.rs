//! What results repeat of a film: attributes as they stand in its file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::dictionary::{Tag, tags};
use super::elements::{Elements, Reader};
use super::fault::Fault;
use super::form::PixelForm;
use super::grey::Lut;
use super::{inflate, kind, syntax};

/// No value that is repeated may be longer, bytes; names of patients have at most 324 characters.
const LONGEST_VALUE: usize = 2048;
/// What the look of a film hangs on, beside its text attributes.
const LOOK: [Tag; 12] = [
    tags::SOP_CLASS_UID,
    tags::MODALITY,
    tags::ROWS,
    tags::COLUMNS,
    tags::NUMBER_OF_FRAMES,
    tags::SAMPLES_PER_PIXEL,
    tags::PHOTOMETRIC_INTERPRETATION,
    tags::PRESENTATION_LUT_SHAPE,
    tags::BITS_ALLOCATED,
    tags::PIXEL_REPRESENTATION,
    tags::MODALITY_LUT_SEQUENCE,
    tags::VOI_LUT_SEQUENCE,
];

/// Attributes of a film, by group and element, and how it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// Text values as they stand in the file, in its character set, without padding; empty ones are left out.
    pub(crate) texts: BTreeMap<(u16, u16), Vec<u8>>,
    /// `[width, height]`, px.
    pub(crate) size_px: [usize; 2],
    /// Whether low values are shown white (MONOCHROME1).
    pub(crate) white_is_low: bool,
    /// Look-up table from stored to measured values.
    pub(crate) modality_lut: Option<Lut>,
    /// First look-up table from measured to shown values.
    pub(crate) voi_lut: Option<Lut>,
}

impl Origin {
    /// Reads the attributes with these tags, which must hold text, from the bytes of a DICOM file.
    ///
    /// # Errors
    /// A sentence that names the attribute and its value: no DICOM, no radiograph, several frames, damaged, a value
    /// of more than 2048 bytes.
    pub(crate) fn read(bytes: &[u8], texts: &[(u16, u16)]) -> Result<Self, String> {
        if !syntax::is_dicom(bytes) {
            return Err("it is no DICOM file".to_owned());
        }
        Self::read_data_set(bytes, texts).map_err(|fault| fault.to_string())
    }

    fn read_data_set(bytes: &[u8], texts: &[(u16, u16)]) -> Result<Self, Fault> {
        let (syntax, data) = syntax::split(bytes)?;
        let data = if syntax.deflated { Cow::Owned(inflate(data)?) } else { Cow::Borrowed(data) };
        let reader = Reader { rest: &data, coding: syntax.coding };
        let mut wanted: Vec<Tag> =
            texts.iter().map(|&(group, element)| Tag(group, element)).collect();
        wanted.extend(LOOK);
        let elements = Elements::read(reader, &wanted, tags::PIXEL_DATA)?;
        kind::check(&elements)?;
        let form = PixelForm::read(&elements)?;
        let mut values = BTreeMap::new();
        for &(group, element) in texts {
            let tag = Tag(group, element);
            let value = elements.get(tag).map(|e| unpadded(e.value)).unwrap_or_default();
            if value.len() > LONGEST_VALUE {
                let length = format!("{} bytes long", value.len());
                let most = format!("at most {LONGEST_VALUE} are believed");
                return Err(Fault::of(tag, length, most));
            }
            if !value.is_empty() {
                values.insert((group, element), value.to_vec());
            }
        }
        let lut = |sequence| Lut::read(&elements, sequence, form.signed);
        Ok(Self {
            texts: values,
            size_px: [form.width, form.height],
            white_is_low: form.white_is_low,
            modality_lut: lut(tags::MODALITY_LUT_SEQUENCE)?,
            voi_lut: lut(tags::VOI_LUT_SEQUENCE)?,
        })
    }
}

/// Values are padded to an even length with a space or a zero.
fn unpadded(value: &[u8]) -> &[u8] {
    let is_padding = |b: &u8| *b == 0 || *b == b' ';
    let end = value.iter().rposition(|b| !is_padding(b)).map_or(0, |last| last + 1);
    &value[..end]
}
