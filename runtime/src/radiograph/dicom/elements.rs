//! The data elements of a DICOM file, as slices of its bytes.
//!
//! A value that claims more bytes than are left is refused before memory is allocated for it, and sequences are read
//! without recursion: neither memory nor stack grows with what a hostile file claims.

use std::collections::BTreeMap;

use super::dictionary::Tag;
use super::fault::Fault;

/// Largest nesting of sequences; real images have three or four levels.
const MAX_DEPTH: usize = 64;
/// Start of an item, end of an item, end of a sequence (PS3.5, 7.5).
const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);

/// Encoding of elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Coding {
    ImplicitLittle,
    ExplicitLittle,
    ExplicitBig,
}

/// One element: its value lies in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    /// Value representation, two letters; [`UNKNOWN`] in implicit files.
    pub(super) form: [u8; 2],
    /// The value; for an undefined length everything up to the delimiter.
    pub(super) value: &'a [u8],
    /// Whether the length was undefined: a sequence, or encapsulated pixel data.
    pub(super) undefined: bool,
}

/// Reads elements one after another.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
    pub(super) coding: Coding,
}

/// The requested elements of one data set or item, by tag.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    coding: Coding,
    found: BTreeMap<Tag, Element<'a>>,
}

/// The unknown value representation.
const UNKNOWN: [u8; 2] = *b"UN";
/// Value representations with a 16-bit length; all others have 32 bits, after two zero bytes (PS3.5, 7.1.2).
const SHORT: [&[u8; 2]; 21] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN",
    b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US",
];
/// The undefined length: a delimiter ends the value.
const UNDEFINED: u32 = u32::MAX;

/// Header of an element.
#[derive(Clone, Copy)]
struct Header {
    tag: Tag,
    form: [u8; 2],
    /// `None` where it is undefined.
    length: Option<u32>,
}

impl Coding {
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::ExplicitBig => u16::from_be_bytes(bytes),
            _ => u16::from_le_bytes(bytes),
        }
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::ExplicitBig => u32::from_be_bytes(bytes),
            _ => u32::from_le_bytes(bytes),
        }
    }

    /// The header that stands first, and the bytes behind it; `None` where they end within it.
    fn header(self, bytes: &[u8]) -> Option<(Header, &[u8])> {
        let (&[a, b, c, d], rest) = bytes.split_first_chunk()?;
        let tag = Tag(self.u16([a, b]), self.u16([c, d]));
        let implicit = self == Self::ImplicitLittle || tag.0 == ITEM.0;
        let (&[e, f, g, h], rest) = rest.split_first_chunk()?;
        let (form, length, rest) = match [e, f] {
            _ if implicit => (UNKNOWN, self.u32([e, f, g, h]), rest),
            form if SHORT.contains(&&form) => (form, self.u16([g, h]).into(), rest),
            form => {
                let (&length, rest) = rest.split_first_chunk()?;
                (form, self.u32(length), rest)
            }
        };
        Some((Header { tag, form, length: (length != UNDEFINED).then_some(length) }, rest))
    }
}

impl<'a> Reader<'a> {
    /// Group of the next element; `None` at the end.
    pub(super) fn next_group(&self) -> Option<u16> {
        let &[a, b, ..] = self.rest else { return None };
        Some(self.coding.u16([a, b]))
    }

    /// The next element, or `None` at the end of the bytes or of the item.
    ///
    /// # Errors
    /// Where the bytes end too early.
    pub(super) fn next(&mut self) -> Result<Option<(Tag, Element<'a>)>, Fault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let header = self.header()?;
        let Header { tag, form, length } = header;
        if tag == ITEM_END {
            return Ok(None);
        }
        let (value, undefined) = match length {
            Some(length) => (self.take(tag, length)?, false),
            None => (self.undefined(header)?, true),
        };
        Ok(Some((tag, Element { form, value, undefined })))
    }

    fn header(&mut self) -> Result<Header, Fault> {
        let (header, rest) = self.coding.header(self.rest).ok_or_else(cut)?;
        self.rest = rest;
        Ok(header)
    }

    fn take(&mut self, tag: Tag, length: u32) -> Result<&'a [u8], Fault> {
        let (value, rest) = self.rest.split_at_checked(length as usize).ok_or_else(|| {
            let left = self.rest.len();
            let what = format!("bytes long, of which {left} are there");
            Fault::of(tag, format!("{length} {what}"), "the file is cut; copy or export it again")
        })?;
        self.rest = rest;
        Ok(value)
    }

    /// All up to the delimiter that ends an element of undefined length, which is passed over.
    fn undefined(&mut self, header: Header) -> Result<&'a [u8], Fault> {
        let (start, outer) = (self.rest, self.coding);
        // Each level: whether it is a list of items (else the elements of one), and its coding.
        let mut levels = vec![(true, inner_coding(outer, header.form))];
        while let Some(&(items, coding)) = levels.last() {
            let before = self.rest;
            self.coding = coding;
            let header = self.header()?;
            let tag = header.tag;
            match (items, tag) {
                (true, SEQUENCE_END) | (false, ITEM_END) => {
                    levels.pop();
                    if levels.is_empty() {
                        self.coding = outer;
                        return Ok(&start[..start.len() - before.len()]);
                    }
                }
                (true, ITEM) | (false, _) => match header.length {
                    Some(length) => {
                        self.take(tag, length)?;
                    }
                    None if levels.len() >= MAX_DEPTH => {
                        let what = format!("inside {MAX_DEPTH} sequences");
                        return Err(Fault::of(tag, what, "the file is damaged"));
                    }
                    None if items => levels.push((false, coding)),
                    None => levels.push((true, inner_coding(coding, header.form))),
                },
                (true, _) => {
                    return Err(Fault::of(
                        tag,
                        "between items",
                        "the file is damaged; copy it again",
                    ));
                }
            }
        }
        Err(cut())
    }
}

/// Sequences of unknown kind are written implicitly, whatever surrounds them (PS3.5, 6.2.2).
fn inner_coding(coding: Coding, form: [u8; 2]) -> Coding {
    match form {
        UNKNOWN if coding == Coding::ExplicitLittle => Coding::ImplicitLittle,
        _ => coding,
    }
}

pub(super) fn cut() -> Fault {
    Fault::new("the DICOM file is cut or damaged; copy or export it again")
}

impl<'a> Elements<'a> {
    /// Reads elements up to and including `last`, and keeps those that are `wanted`.
    ///
    /// # Errors
    /// Where the bytes end within an element.
    pub(super) fn read(mut reader: Reader<'a>, wanted: &[Tag], last: Tag) -> Result<Self, Fault> {
        let coding = reader.coding;
        let mut found = BTreeMap::new();
        while let Some((tag, element)) = reader.next()? {
            if wanted.contains(&tag) {
                found.insert(tag, element);
            }
            if tag == last {
                break;
            }
        }
        Ok(Self { coding, found })
    }

    pub(super) fn coding(&self) -> Coding {
        self.coding
    }

    pub(super) fn get(&self, tag: Tag) -> Option<&Element<'a>> {
        self.found.get(&tag)
    }

    /// Text without padding; `None` where the element is missing or empty.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        self.get(tag).and_then(Element::text)
    }

    /// The whole number of an element of 16 bits.
    ///
    /// # Errors
    /// Where it is there and has not two bytes or more.
    pub(super) fn u16(&self, tag: Tag) -> Result<Option<u16>, Fault> {
        match self.get(tag).map(|e| e.value) {
            None | Some([]) => Ok(None),
            Some(&[a, b, ..]) => Ok(Some(self.coding.u16([a, b]))),
            Some([_]) => Err(Fault::of(tag, "one byte long", "it must have two")),
        }
    }

    /// The numbers of an element that are written as text.
    ///
    /// # Errors
    /// Where one of them is no number.
    pub(super) fn numbers(&self, tag: Tag) -> Result<Option<Vec<f64>>, Fault> {
        let Some(text) = self.text(tag) else { return Ok(None) };
        let parse = |part: &str| part.trim().parse::<f64>();
        let parsed: Result<Vec<f64>, _> = text.split('\\').take(16).map(parse).collect();
        parsed.map(Some).map_err(|_| Fault::of(tag, &text, "that is no number"))
    }

    /// The first item of a sequence, with its elements that are `wanted`; `None` without an item.
    ///
    /// # Errors
    /// Where the sequence is damaged.
    pub(super) fn first_item(
        &self,
        tag: Tag,
        wanted: &[Tag],
    ) -> Result<Option<Elements<'a>>, Fault> {
        let Some(sequence) = self.get(tag) else { return Ok(None) };
        let coding = inner_coding(self.coding, sequence.form);
        let mut reader = Reader { rest: sequence.value, coding };
        if reader.rest.is_empty() {
            return Ok(None);
        }
        let header = reader.header()?;
        if header.tag != ITEM {
            return Err(Fault::of(tag, "without items", "the file is damaged; copy it again"));
        }
        if let Some(length) = header.length {
            reader.rest = reader.take(ITEM, length)?;
        }
        Elements::read(reader, wanted, ITEM_END).map(Some)
    }
}

impl<'a> Element<'a> {
    fn text(&self) -> Option<String> {
        let text = String::from_utf8_lossy(self.value);
        let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The pieces of encapsulated pixel data, without the offset table that comes first.
    ///
    /// # Errors
    /// Where the pieces are damaged.
    pub(super) fn fragments(&self) -> Result<Vec<&'a [u8]>, Fault> {
        // Delimiters of items are little-endian in every encapsulated syntax.
        let mut reader = Reader { rest: self.value, coding: Coding::ExplicitLittle };
        let mut fragments = Vec::new();
        while !reader.rest.is_empty() {
            let header = reader.header()?;
            match (header.tag, header.length) {
                (ITEM, Some(length)) => fragments.push(reader.take(ITEM, length)?),
                (tag, _) => return Err(Fault::of(tag, "among pixel data", "the file is damaged")),
            }
        }
        Ok(fragments.split_off(1.min(fragments.len())))
    }
}
