//! The attributes of a DICOM image that identify it, read without decoding its pixels.

use std::borrow::Cow;

use super::{
    dictionary::{Tag, tags},
    elements::{Elements, Reader},
    inflate, kind, syntax,
};

const SOP_INSTANCE_UID: Tag = Tag(0x0008, 0x0018);
const STUDY_DESCRIPTION: Tag = Tag(0x0008, 0x1030);
const SERIES_DESCRIPTION: Tag = Tag(0x0008, 0x103E);
const BODY_PART: Tag = Tag(0x0018, 0x0015);
const STUDY_INSTANCE_UID: Tag = Tag(0x0020, 0x000D);

/// What identifies an image, and what rules select images by. Missing attributes are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// SOP Class UID.
    pub sop_class: String,
    /// SOP Instance UID.
    pub sop_instance: String,
    /// Study Instance UID.
    pub study_instance: String,
    /// Modality, such as `DX`.
    pub modality: String,
    /// Body Part Examined.
    pub body_part: String,
    /// Study Description.
    pub study_description: String,
    /// Series Description.
    pub series_description: String,
}

/// A file as transfer syntax and data set.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// Transfer Syntax UID.
    pub syntax: String,
    /// The data set, encoded in that syntax.
    pub data: &'a [u8],
}

/// Whether files of this transfer syntax can be read.
///
/// ```
/// use fiducia::radiograph::dicom::header::is_read;
///
/// assert!(is_read("1.2.840.10008.1.2.1"), "Explicit VR Little Endian");
/// assert!(!is_read("1.2.840.10008.1.2.4.100"), "MPEG2");
/// ```
pub fn is_read(syntax: &str) -> bool {
    syntax::known(syntax).is_ok()
}

/// Splits a file after its meta information.
///
/// # Errors
/// A message: the transfer syntax is unknown, or the file is damaged.
pub fn parts(file: &[u8]) -> Result<Parts<'_>, String> {
    let (syntax, data) = syntax::split(file).map_err(|fault| fault.to_string())?;
    Ok(Parts { syntax: syntax.uid, data })
}

impl Header {
    /// Reads a data set up to and including its pixels, which must be complete.
    ///
    /// # Errors
    /// A message that names the attribute: truncated, damaged, without pixels, or not a projection radiograph.
    pub fn read(data: &[u8], syntax: &str) -> Result<Self, String> {
        const WANTED: &[Tag] = &[
            tags::SOP_CLASS_UID,
            SOP_INSTANCE_UID,
            tags::MODALITY,
            STUDY_DESCRIPTION,
            SERIES_DESCRIPTION,
            BODY_PART,
            STUDY_INSTANCE_UID,
            tags::PIXEL_DATA,
        ];
        let read = || {
            let syntax = syntax::known(syntax)?;
            let data =
                if syntax.deflated { Cow::Owned(inflate(data)?) } else { Cow::Borrowed(data) };
            let reader = Reader { rest: &data, coding: syntax.coding };
            let elements = Elements::read(reader, WANTED, tags::PIXEL_DATA)?;
            kind::check(&elements)?;
            if elements.get(tags::PIXEL_DATA).is_none() {
                return Err(super::fault::Fault::missing(tags::PIXEL_DATA));
            }
            let text = |tag| elements.text(tag).unwrap_or_default();
            Ok(Self {
                sop_class: text(tags::SOP_CLASS_UID),
                sop_instance: text(SOP_INSTANCE_UID),
                study_instance: text(STUDY_INSTANCE_UID),
                modality: text(tags::MODALITY),
                body_part: text(BODY_PART),
                study_description: text(STUDY_DESCRIPTION),
                series_description: text(SERIES_DESCRIPTION),
            })
        };
        read().map_err(|fault: super::fault::Fault| fault.to_string())
    }
}
