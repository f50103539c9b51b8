//! Why a DICOM file is refused: the attribute, its value, and what is wrong with it.

use std::fmt;

use super::dictionary::Tag;

/// Longer values are cut in messages, characters.
const LONGEST_SHOWN: usize = 80;

/// A refusal; its text names the attribute and its value where there is one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault(String);

impl Fault {
    /// The attribute `tag` has this `value`; `why` says what is wrong and what to do.
    pub(super) fn of(tag: Tag, value: impl fmt::Display, why: impl fmt::Display) -> Self {
        let plain = |c: char| if c.is_control() { '?' } else { c };
        let shown: String = value.to_string().chars().take(LONGEST_SHOWN).map(plain).collect();
        Self(format!("{} is {shown}: {why}", named(tag)))
    }

    /// The required attribute `tag` is missing.
    pub(super) fn missing(tag: Tag) -> Self {
        Self(format!("{} is missing: without it the pixels cannot be read", named(tag)))
    }

    /// A fault that is not in a single attribute.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `Rows (0028,0010)`.
fn named(tag: Tag) -> String {
    let number = format!("({:04X},{:04X})", tag.0, tag.1);
    match tag.keyword() {
        Some(keyword) => format!("{keyword} {number}"),
        None => number,
    }
}
