//! The film that results belong to.

use std::path::Path;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

use crate::error::{Error, ErrorKind};
use crate::radiograph::dicom::Origin;
use crate::radiograph::read_file;

/// Patient and study, which every object must state (PS3.3, C.7.1.1 and C.7.2.1), with those that are there even
/// where they are not known.
pub(super) const PATIENT_AND_STUDY: [(Tag, VR); 10] = [
    (tags::PATIENT_NAME, VR::PN),
    (tags::PATIENT_ID, VR::LO),
    (tags::PATIENT_BIRTH_DATE, VR::DA),
    (tags::PATIENT_SEX, VR::CS),
    (tags::STUDY_INSTANCE_UID, VR::UI),
    (tags::STUDY_DATE, VR::DA),
    (tags::STUDY_TIME, VR::TM),
    (tags::STUDY_ID, VR::SH),
    (tags::ACCESSION_NUMBER, VR::SH),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
];
/// What belongs to the image; a result refers to it or shows it as the film wants to be shown.
const IMAGE: [Tag; 21] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::INSTANCE_NUMBER,
    tags::BODY_PART_EXAMINED,
    tags::LATERALITY,
    tags::IMAGE_LATERALITY,
    tags::PATIENT_ORIENTATION,
    tags::BURNED_IN_ANNOTATION,
    tags::LOSSY_IMAGE_COMPRESSION,
    tags::LOSSY_IMAGE_COMPRESSION_RATIO,
    tags::LOSSY_IMAGE_COMPRESSION_METHOD,
    tags::PIXEL_ASPECT_RATIO,
    tags::RESCALE_INTERCEPT,
    tags::RESCALE_SLOPE,
    tags::RESCALE_TYPE,
    tags::WINDOW_CENTER,
    tags::WINDOW_WIDTH,
    tags::VOILUT_FUNCTION,
    tags::SHUTTER_SHAPE,
];
/// The edges of a shutter, whole numbers.
pub(super) const SHUTTER: [Tag; 7] = [
    tags::SHUTTER_LEFT_VERTICAL_EDGE,
    tags::SHUTTER_RIGHT_VERTICAL_EDGE,
    tags::SHUTTER_UPPER_HORIZONTAL_EDGE,
    tags::SHUTTER_LOWER_HORIZONTAL_EDGE,
    tags::CENTER_OF_CIRCULAR_SHUTTER,
    tags::RADIUS_OF_CIRCULAR_SHUTTER,
    tags::VERTICES_OF_THE_POLYGONAL_SHUTTER,
];

/// What a result repeats of the film it belongs to: patient, study, reference to the image, how it is shown.
#[derive(Clone, Debug)]
pub struct Source {
    origin: Origin,
    sop_class: String,
    sop_instance: String,
    series: String,
    study: String,
}

impl Source {
    /// Reads the attributes of a DICOM file (Part 10), as it was received; pixels are not looked at.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where it is no DICOM file, no projection radiograph, damaged, or without one of
    /// the four UIDs that a result has to name.
    pub fn read(file: &[u8]) -> Result<Self, Error> {
        Self::of(file).map_err(|what| {
            let what = format!("no DICOM result can refer to the film: {what}");
            Error::new(ErrorKind::Unreadable, what)
        })
    }

    /// Reads the file at `path`, as [`Source::read`].
    ///
    /// # Errors
    /// As [`Source::read`], and where the file cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let fail = |what: String| Error::new(ErrorKind::Unreadable, what);
        read_file(path)
            .map_err(fail)
            .and_then(|file| Self::read(&file))
            .map_err(|e| e.at(path.display()))
    }

    fn of(file: &[u8]) -> Result<Self, String> {
        let wanted: Vec<(u16, u16)> = PATIENT_AND_STUDY
            .iter()
            .map(|(tag, _)| *tag)
            .chain(IMAGE)
            .chain(SHUTTER)
            .map(|tag| (tag.0, tag.1))
            .collect();
        let origin = Origin::read(file, &wanted)?;
        let uid = |tag: Tag, name: &str| {
            let value = origin.texts.get(&(tag.0, tag.1)).map(Vec::as_slice).unwrap_or_default();
            checked_uid(value).ok_or_else(|| {
                let shown: String =
                    String::from_utf8_lossy(value).chars().take(80).map(plain).collect();
                format!("{name} {tag} is '{shown}', no UID; have the film exported again")
            })
        };
        Ok(Self {
            study: uid(tags::STUDY_INSTANCE_UID, "StudyInstanceUID")?,
            series: uid(tags::SERIES_INSTANCE_UID, "SeriesInstanceUID")?,
            sop_class: uid(tags::SOP_CLASS_UID, "SOPClassUID")?,
            sop_instance: uid(tags::SOP_INSTANCE_UID, "SOPInstanceUID")?,
            origin,
        })
    }

    /// SOP Class UID of the film.
    pub fn sop_class(&self) -> &str {
        &self.sop_class
    }

    /// SOP Instance UID of the film.
    pub fn sop_instance(&self) -> &str {
        &self.sop_instance
    }

    /// Series Instance UID of the film.
    pub fn series(&self) -> &str {
        &self.series
    }

    /// Study Instance UID of the film.
    pub fn study(&self) -> &str {
        &self.study
    }

    /// The value of a text attribute as it stands in the file; `None` where it is missing or empty.
    pub(super) fn value(&self, tag: Tag) -> Option<&[u8]> {
        self.origin.texts.get(&(tag.0, tag.1)).map(Vec::as_slice)
    }

    /// How the film is stored and shown.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }
}

fn plain(c: char) -> char {
    if c.is_control() { '?' } else { c }
}

/// Numbers between dots, at most 64 characters.
fn checked_uid(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (text.len() <= 64 && text.split('.').all(is_number)).then(|| text.to_owned())
}
