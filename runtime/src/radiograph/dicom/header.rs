//! What a DICOM file says about its image, without a look at the pixels.

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

/// What the node asks of an image before it takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// SOP Class UID (0008,0016).
    pub sop_class: String,
    /// SOP Instance UID (0008,0018).
    pub sop_instance: String,
    /// Study Instance UID (0020,000D).
    pub study_instance: String,
    /// Modality (0008,0060).
    pub modality: String,
    /// Body Part Examined (0018,0015).
    pub body_part: String,
    /// Study Description (0008,1030).
    pub study_description: String,
    /// Series Description (0008,103E).
    pub series_description: String,
}

/// A file as transfer syntax and data set.
pub struct Parts<'a> {
    /// Transfer Syntax UID.
    pub syntax: String,
    /// The data set, coded in that transfer syntax.
    pub data: &'a [u8],
}

/// Whether files of this transfer syntax are read.
pub fn is_read(syntax: &str) -> bool {
    syntax::known(syntax).is_ok()
}

/// Splits a file behind its meta information.
///
/// # Errors
/// A sentence: of no known transfer syntax, or damaged.
pub fn parts(file: &[u8]) -> Result<Parts<'_>, String> {
    let (syntax, data) = syntax::split(file).map_err(|fault| fault.to_string())?;
    Ok(Parts { syntax: syntax.uid, data })
}

impl Header {
    /// Reads a data set up to its pixels, all of which must be there.
    ///
    /// # Errors
    /// A sentence that names the attribute: cut, damaged, without pixels, no projection radiograph.
    pub fn read(data: &[u8], syntax: &str) -> Result<Self, String> {
        const WANTED: [Tag; 8] = [
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
            let elements = Elements::read(reader, &WANTED, tags::PIXEL_DATA)?;
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
