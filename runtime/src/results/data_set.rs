//! Data sets as they are written: text in one character set, numbers, sequences, a whole file.

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

use super::identity::uid;
use crate::error::{Error, ErrorKind};

/// Characters of a decimal string (PS3.5, 6.2). A longer one makes readers refuse the whole file.
const LONGEST_DECIMAL: usize = 16;
/// Digits behind the point that an expected error deserves.
const DECIMALS: usize = 4;

/// A data set, or an item of a sequence, put together by chaining.
#[derive(Debug)]
pub(super) struct DataSet(InMemDicomObject);

impl DataSet {
    pub(super) fn new() -> Self {
        Self(InMemDicomObject::new_empty())
    }

    /// Adds text that fits the character set of the whole: ASCII, or what [`super::charset::Charset::text`] made.
    pub(super) fn text(self, tag: Tag, vr: VR, value: &str) -> Self {
        self.raw(tag, vr, value.as_bytes())
    }

    /// Adds text as it stands in another file of the same character set; several values are parted by backslashes.
    pub(super) fn raw(mut self, tag: Tag, vr: VR, value: &[u8]) -> Self {
        // As bytes: nothing on the way shall take one character set for another. The library would take bytes of
        // these two for numbers.
        let value = match vr {
            VR::DS | VR::IS => PrimitiveValue::from(String::from_utf8_lossy(value).into_owned()),
            _ => PrimitiveValue::U8(padded(value, vr).into()),
        };
        self.0.put(DataElement::new(tag, vr, value));
        self
    }

    /// Adds an attribute that must be there and is not known.
    pub(super) fn empty(mut self, tag: Tag, vr: VR) -> Self {
        self.0.put(DataElement::new(tag, vr, PrimitiveValue::Empty));
        self
    }

    /// Adds binary numbers: `US`, `SS`, `SL`, `FL`, `OW` by the kind of `value`.
    pub(super) fn numbers(mut self, tag: Tag, vr: VR, value: PrimitiveValue) -> Self {
        self.0.put(DataElement::new(tag, vr, value));
        self
    }

    /// Adds a sequence.
    pub(super) fn sequence(mut self, tag: Tag, items: Vec<DataSet>) -> Self {
        let items: Vec<InMemDicomObject> = items.into_iter().map(|item| item.0).collect();
        self.0.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(items)));
        self
    }

    /// The whole as a file of this class, explicit little endian.
    ///
    /// # Errors
    /// [`ErrorKind::Engine`] where it cannot be written, which would be a fault of fiducia.
    pub(super) fn file(self, sop_class: &str, sop_instance: &str) -> Result<Vec<u8>, Error> {
        let fail = |e: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Engine, format!("cannot write a DICOM object: {e}"))
        };
        let data_set = self.text(tags::SOP_CLASS_UID, VR::UI, sop_class).text(
            tags::SOP_INSTANCE_UID,
            VR::UI,
            sop_instance,
        );
        let meta = FileMetaTableBuilder::new()
            .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
            .media_storage_sop_class_uid(sop_class)
            .media_storage_sop_instance_uid(sop_instance)
            .implementation_class_uid(uid(&[b"implementation", b"fiducia"]))
            .implementation_version_name(concat!("FIDUCIA_", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| fail(&e))?;
        let mut bytes = Vec::new();
        data_set.0.with_exact_meta(meta).write_all(&mut bytes).map_err(|e| fail(&e))?;
        Ok(bytes)
    }
}

/// Values have an even length; UIDs and bytes are filled with a zero, text with a space (PS3.5, 6.2).
fn padded(value: &[u8], vr: VR) -> Vec<u8> {
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(if matches!(vr, VR::UI | VR::OB) { 0 } else { b' ' });
    }
    value
}

/// A decimal string of at most 16 characters; `None` for what is no number.
pub(super) fn decimal(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let plain = format!("{value:.DECIMALS$}");
    let plain = plain.trim_end_matches('0').trim_end_matches('.').to_owned();
    Some(if plain.len() <= LONGEST_DECIMAL { plain } else { format!("{value:.6e}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_never_has_more_than_sixteen_characters() {
        let values = [
            (55.000_000_000_000_01, "55"),
            (0.8, "0.8"),
            (1.0 / 3.0, "0.3333"),
            (-1e9, "-1000000000"),
            (123_456_789_012_345.6, "1.234568e14"),
            (f64::MAX, "1.797693e308"),
            (f64::MIN, "-1.797693e308"),
        ];
        for (value, want) in values {
            let text = decimal(value).unwrap();
            assert_eq!(text, want);
            assert!(text.len() <= LONGEST_DECIMAL);
        }
        assert_eq!(decimal(f64::NAN), None);
    }

    #[test]
    fn values_have_an_even_length() {
        for vr in [VR::UI, VR::LO, VR::DA, VR::DS] {
            let bytes =
                DataSet::new().raw(tags::STUDY_ID, vr, b"1.2").file("1.2", "1.2.3").unwrap();
            assert_eq!(bytes.len() % 2, 0);
        }
        assert_eq!(padded(b"1.2", VR::UI), b"1.2\0");
        assert_eq!(padded(b"abc", VR::LO), b"abc ");
        assert_eq!(padded(b"ab", VR::LO), b"ab");
    }
}
