//! Coded concepts: those of the standard, and the project's own from `models/codes.csv`.

use dicom_core::VR;
use dicom_dictionary_std::tags;
use sha2::{Digest, Sha256};

use super::charset::Charset;
use super::data_set::DataSet;
use super::identity::uid;
use super::task::MAKER;

/// The table of our scheme, with its version in the first line.
const TABLE: &str = include_str!("../../../models/codes.csv");
/// Our coding scheme.
pub(super) const OWN: &str = "99FIDUCIA";
/// Codes made of landmark names that the table does not know.
pub(super) const NAMES: &str = "99FIDUCIA-NAMES";
/// Characters of a code value and of the name of a scheme.
const LONGEST_CODE: usize = 16;

/// A coded concept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Code<'a> {
    pub(super) value: &'a str,
    pub(super) scheme: &'a str,
    pub(super) meaning: &'a str,
}

/// A concept of the standard or of a scheme that it uses.
pub(super) const fn code(
    value: &'static str,
    scheme: &'static str,
    meaning: &'static str,
) -> Code<'static> {
    Code { value, scheme, meaning }
}

/// What a landmark is called.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LandmarkCode {
    pub(super) value: String,
    /// [`OWN`] or [`NAMES`].
    pub(super) scheme: &'static str,
    pub(super) meaning: String,
    /// Where it lies, with the patient's side where that counts.
    pub(super) site: Option<(Code<'static>, Option<Code<'static>>)>,
}

impl Code<'_> {
    /// As an item of a code sequence (PS3.3, 8.8).
    pub(super) fn item(&self, charset: &Charset) -> DataSet {
        DataSet::new()
            .text(tags::CODE_VALUE, VR::SH, self.value)
            .text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, self.scheme)
            .text(tags::CODE_MEANING, VR::LO, &charset.text(VR::LO, self.meaning))
    }
}

impl LandmarkCode {
    /// The row of the table, or a code made of the name.
    pub(super) fn of(landmark: &str) -> Self {
        match rows().find(|row| !landmark.is_empty() && row.landmark == landmark) {
            Some(row) => Self {
                value: row.code.to_owned(),
                scheme: OWN,
                meaning: row.meaning.to_owned(),
                site: row.site(),
            },
            None => Self {
                value: made_of(landmark),
                scheme: NAMES,
                meaning: landmark.replace('_', " "),
                site: None,
            },
        }
    }

    pub(super) fn code(&self) -> Code<'_> {
        Code { value: &self.value, scheme: self.scheme, meaning: &self.meaning }
    }
}

/// A concept of the table that is no landmark.
pub(super) fn own(value: &'static str) -> Code<'static> {
    let meaning = rows().find(|row| row.code == value).map_or(value, |row| row.meaning);
    Code { value, scheme: OWN, meaning }
}

/// The private schemes of a report on these landmarks, as it must declare them (PS3.3, C.12.1).
pub(super) fn schemes<'a>(landmarks: impl Iterator<Item = &'a str>) -> Vec<DataSet> {
    let scheme = |designator, version, name| {
        DataSet::new()
            .text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, designator)
            .text(tags::CODING_SCHEME_UID, VR::UI, &uid(&[b"scheme", designator.as_bytes()]))
            .text(tags::CODING_SCHEME_NAME, VR::ST, name)
            .text(tags::CODING_SCHEME_VERSION, VR::SH, version)
            .text(tags::CODING_SCHEME_RESPONSIBLE_ORGANIZATION, VR::ST, MAKER)
    };
    let mut schemes = vec![scheme(OWN, version(), "Landmarks and measurements of fiducia")];
    let mut landmarks = landmarks.map(LandmarkCode::of);
    if landmarks.any(|landmark| landmark.scheme == NAMES) {
        schemes.push(scheme(NAMES, "1", "Codes made of the names of landmarks in a model"));
    }
    schemes
}

/// The name itself where it can be a code, else its beginning and 8 hexadecimal digits of its SHA-256.
fn made_of(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if !name.is_empty() && name.len() <= LONGEST_CODE && name.chars().all(is_plain) {
        return name.to_owned();
    }
    let digest = Sha256::digest(name.as_bytes());
    let mut value: String = name.chars().filter(|c| is_plain(*c)).take(7).collect();
    value.push('~');
    digest[..4].iter().for_each(|byte| value += &format!("{byte:02x}"));
    value
}

struct Row {
    code: &'static str,
    landmark: &'static str,
    meaning: &'static str,
    side: &'static str,
    site: [&'static str; 3],
}

impl Row {
    fn site(&self) -> Option<(Code<'static>, Option<Code<'static>>)> {
        let [scheme, value, meaning] = self.site;
        let side = match self.side {
            "R" => Some(code("24028007", "SCT", "Right")),
            "L" => Some(code("7771000", "SCT", "Left")),
            _ => None,
        };
        (!value.is_empty()).then(|| (code(value, scheme, meaning), side))
    }
}

/// Rows of the table; no field holds a comma or a quotation mark.
fn rows() -> impl Iterator<Item = Row> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines.filter_map(|line| {
        let fields: Vec<&'static str> = line.split(',').collect();
        let &[code, landmark, meaning, side, scheme, value, site] = &fields[..] else {
            return None;
        };
        Some(Row { code, landmark, meaning, side, site: [scheme, value, site] })
    })
}

/// The version that the first line states.
fn version() -> &'static str {
    let after = TABLE.split_once("version ").map_or("", |(_, after)| after);
    after.split_once(':').map_or("", |(version, _)| version)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::pack::Pack;

    #[test]
    fn every_row_is_read_and_fits_its_attributes() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(rows().count(), lines - 1);
        assert!(version().parse::<u32>().is_ok(), "{}", version());
        let (mut codes, mut landmarks) = (BTreeSet::new(), BTreeSet::new());
        for row in rows() {
            assert!((1..=16).contains(&row.code.len()), "{}", row.code);
            // Some readers fold case.
            assert!(codes.insert(row.code.to_lowercase()), "{} stands there twice", row.code);
            assert!(row.landmark.is_empty() || landmarks.insert(row.landmark), "{}", row.landmark);
            assert!((1..=64).contains(&row.meaning.len()) && row.meaning.is_ascii());
            assert!(["", "R", "L"].contains(&row.side));
            assert_eq!(row.landmark.is_empty(), row.site().is_none(), "{}", row.code);
            assert!(row.site.iter().all(|field| field.len() <= 64));
        }
        for designator in [OWN, NAMES] {
            assert!(designator.len() <= 16 && designator.starts_with("99"));
        }
    }

    #[test]
    fn every_landmark_of_the_shipped_models_has_a_row() {
        for model in ["head", "chest", "spine"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../models/{model}.fid"));
            let pack = Pack::open(&path).unwrap();
            for landmark in &pack.manifest().landmarks {
                let code = LandmarkCode::of(landmark);
                assert_eq!(code.scheme, OWN, "{landmark} of {model}");
                assert!(code.site.is_some());
            }
        }
    }

    #[test]
    fn concepts_that_are_no_landmarks_stand_in_the_table() {
        for value in ["EXPECTED-ERROR", "CONFIDENCE", "CONFIDENT", "DOUBTFUL"] {
            assert_ne!(own(value).meaning, value);
        }
    }

    #[test]
    fn other_landmarks_get_codes_of_their_names() {
        let code = LandmarkCode::of("nose_tip");
        assert_eq!((&*code.value, code.scheme, &*code.meaning), ("nose_tip", NAMES, "nose tip"));
        let long = ["a_very_long_landmark_1", "a_very_long_landmark_2", "\u{9f3b}\u{5c16}", ""];
        let values: BTreeSet<String> =
            long.iter().map(|name| LandmarkCode::of(name).value).collect();
        assert_eq!(values.len(), long.len());
        assert!(values.iter().all(|v| v.len() <= 16 && v.is_ascii()), "{values:?}");
    }
}
