//! The character set of a result is that of its film, so that names are copied byte for byte.

use dicom_core::VR;
use dicom_dictionary_std::tags;

use super::source::{PATIENT_AND_STUDY, Source};
use crate::report::Report;

/// The character set of UTF-8.
const UTF_8: &str = "ISO_IR 192";

/// How text of ours is written beside text of the film.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Charset {
    /// Specific Character Set; `None` for plain ASCII.
    pub(super) declared: Option<Vec<u8>>,
    /// Whether other characters than ASCII can be written.
    unicode: bool,
}

impl Charset {
    /// That of the film; UTF-8 where the film needs none and names of the model do.
    pub(super) fn of(source: &Source, report: &Report) -> Self {
        if let Some(declared) = source.value(tags::SPECIFIC_CHARACTER_SET) {
            let unicode = declared == UTF_8.as_bytes();
            return Self { declared: Some(declared.to_vec()), unicode };
        }
        let copied = PATIENT_AND_STUDY.iter().filter_map(|(tag, _)| source.value(*tag));
        let film_is_ascii = copied.into_iter().all(<[u8]>::is_ascii);
        let names = report.landmarks.iter().map(|l| &l.name);
        let ours_are_ascii = names.chain([&report.model.name]).all(|name| name.is_ascii());
        let unicode = film_is_ascii && !ours_are_ascii;
        Self { declared: unicode.then(|| UTF_8.into()), unicode }
    }

    /// `text` as a value of `vr`, cut to the length that it allows. A character that cannot be written becomes a
    /// question mark; a backslash, which would part two values, a slash; control characters spaces.
    pub(super) fn text(&self, vr: VR, text: &str) -> String {
        let longest = match vr {
            VR::SH | VR::CS => 16,
            VR::LO | VR::PN => 64,
            VR::ST => 1024,
            _ => usize::MAX,
        };
        let write = |c: char| match c {
            '\\' => '/',
            c if c.is_control() => ' ',
            c if c.is_ascii() || self.unicode => c,
            _ => '?',
        };
        let text: String = text.chars().map(write).collect();
        text.trim().chars().take(longest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits_its_attribute_and_character_set() {
        let ascii = Charset { declared: None, unicode: false };
        assert_eq!(ascii.text(VR::LO, " a\\b\nc\u{e9} "), "a/b c?");
        assert_eq!(ascii.text(VR::SH, "0123456789abcdefg"), "0123456789abcdef");
        let utf8 = Charset { declared: None, unicode: true };
        assert_eq!(utf8.text(VR::LO, "\u{e9}\u{e9}"), "\u{e9}\u{e9}");
        assert_eq!(utf8.text(VR::LO, &"\u{e9}".repeat(99)).chars().count(), 64);
    }
}
