//! The container that packs and patches share: a table of sections, every one checked against its CRC.
//! The byte layout stands in [`super::layout`].

use std::{fs::File, io::Read, path::Path};

use byteorder::{ByteOrder, LittleEndian as Le};
use sha2::{Digest, Sha256};

use super::layout::{
    ALIGN, ENTRY_LEN, FileKind, HEADER_LEN, MAJOR, MAX_FILE_LEN, MAX_SECTIONS, MINOR, SectionKind,
};
use crate::error::{Error, ErrorKind};

/// Where a section lies in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// What it holds.
    pub kind: SectionKind,
    /// First byte in the file.
    pub offset: usize,
    /// Length, bytes.
    pub len: usize,
    /// CRC-32 of its bytes.
    pub crc32: u32,
}

/// A file whose table and sections are whole.
#[derive(Clone, Debug)]
pub(super) struct Container {
    bytes: Vec<u8>,
    sections: Vec<Section>,
}

pub(super) fn damaged(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unreadable, message.into())
}

impl Container {
    /// Reads the file at `path`, whatever it holds.
    pub(super) fn read_file(kind: FileKind, path: &Path) -> Result<Vec<u8>, Error> {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            File::open(path)?.take(MAX_FILE_LEN + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|e| {
            damaged(format!("cannot read {kind} {}: {e}; check the path", path.display()))
        })?;
        if bytes.len() as u64 > MAX_FILE_LEN {
            let limit = MAX_FILE_LEN >> 20;
            return Err(damaged(format!("{kind} {} is over {limit} MiB", path.display())));
        }
        Ok(bytes)
    }

    /// Checks header, table and every section of `bytes`.
    pub(super) fn new(kind: FileKind, bytes: Vec<u8>) -> Result<Self, Error> {
        let sections = read_table(kind, &bytes)?;
        for section in &sections {
            let content = &bytes[section.offset..section.offset + section.len];
            if crc32fast::hash(content) != section.crc32 {
                let name = section.kind;
                return Err(damaged(format!(
                    "section {name} is damaged (CRC mismatch); copy the {kind} again"
                )));
            }
        }
        Ok(Self { bytes, sections })
    }

    /// All sections in file order, unknown ones included.
    pub(super) fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The bytes of a section; `None` where there is none of that kind.
    pub(super) fn find(&self, kind: SectionKind) -> Option<&[u8]> {
        let section = self.sections.iter().find(|s| s.kind == kind)?;
        Some(&self.bytes[section.offset..section.offset + section.len])
    }

    /// The bytes of a section, or an error that names it.
    pub(super) fn expect(&self, kind: SectionKind) -> Result<&[u8], Error> {
        self.find(kind).ok_or_else(|| damaged(format!("section {kind} is missing")))
    }

    /// As many finite floats of a section as `count` says, or an error that names it.
    pub(super) fn expect_floats(&self, kind: SectionKind, count: usize) -> Result<(), Error> {
        let place = |e: Error| e.at(format_args!("section {kind}"));
        let bytes = self.expect(kind)?;
        if bytes.len() != 4 * count {
            return Err(place(damaged(format!("{} bytes, expected {}", bytes.len(), 4 * count))));
        }
        expect_finite(bytes).map_err(place)
    }

    /// The text of a section, or an error that names it.
    pub(super) fn expect_text(&self, kind: SectionKind) -> Result<&str, Error> {
        std::str::from_utf8(self.expect(kind)?)
            .map_err(|e| damaged(format!("section {kind} is not UTF-8: {e}")))
    }

    /// `[major, minor]` version of the format.
    pub(super) fn version(&self) -> [u16; 2] {
        [Le::read_u16(&self.bytes[8..]), Le::read_u16(&self.bytes[10..])]
    }

    /// The whole file.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the whole file, hexadecimal.
    pub(super) fn sha256(&self) -> String {
        hex(&Sha256::digest(&self.bytes))
    }

    /// Kinds and contents of all sections in file order, to be changed and assembled again.
    pub(super) fn parts(&self) -> Vec<([u8; 4], Vec<u8>)> {
        let part = |s: &Section| (s.kind.code(), self.bytes[s.offset..s.offset + s.len].to_vec());
        self.sections.iter().map(part).collect()
    }
}

/// Puts sections into a file: header, table, then the sections on their boundaries.
pub fn assemble(kind: FileKind, sections: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_LEN + ENTRY_LEN * sections.len()];
    for (i, (code, content)) in sections.iter().enumerate() {
        bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
        let offset = bytes.len() as u64;
        bytes.extend_from_slice(content);
        let entry = &mut bytes[HEADER_LEN + ENTRY_LEN * i..][..ENTRY_LEN];
        entry[..4].copy_from_slice(code);
        Le::write_u32(&mut entry[4..], crc32fast::hash(content));
        Le::write_u64(&mut entry[8..], offset);
        Le::write_u64(&mut entry[16..], content.len() as u64);
    }
    let file_len = bytes.len() as u64;
    bytes[..8].copy_from_slice(&kind.magic());
    Le::write_u16(&mut bytes[8..], MAJOR);
    Le::write_u16(&mut bytes[10..], MINOR);
    Le::write_u32(&mut bytes[12..], sections.len() as u32);
    Le::write_u64(&mut bytes[16..], file_len);
    let table = table_crc(&bytes, HEADER_LEN + ENTRY_LEN * sections.len());
    Le::write_u32(&mut bytes[24..], table);
    bytes
}

/// `bytes` as lower-case hexadecimal digits.
///
/// ```
/// assert_eq!(fiducia::pack::hex(&[0, 0x1f]), "001f");
/// ```
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(super) fn floats(bytes: &[u8]) -> Vec<f32> {
    let mut values = vec![0.0; bytes.len() / 4];
    Le::read_f32_into(bytes, &mut values);
    values
}

/// Refuses infinities and what is not a number.
pub(super) fn expect_finite(bytes: &[u8]) -> Result<(), Error> {
    match floats(bytes).iter().position(|v| !v.is_finite()) {
        Some(i) => Err(damaged(format!("value {i} is not a finite number"))),
        None => Ok(()),
    }
}

/// CRC of the header and of the table, which ends at `table_end`.
fn table_crc(bytes: &[u8], table_end: usize) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..24]);
    crc.update(&bytes[HEADER_LEN..table_end]);
    crc.finalize()
}

/// Header and table; every offset and length is checked against the file.
fn read_table(kind: FileKind, bytes: &[u8]) -> Result<Vec<Section>, Error> {
    if bytes.len() < HEADER_LEN {
        return Err(damaged(format!("{} bytes are too few for a {kind}", bytes.len())));
    }
    if bytes[..8] != kind.magic() {
        return Err(damaged(format!("this is not a fiducia {kind} (the first bytes differ)")));
    }
    let major = Le::read_u16(&bytes[8..]);
    if major > MAJOR {
        return Err(damaged(format!(
            "{kind} version {major} is newer than this runtime reads ({MAJOR}); update fiducia"
        )));
    }
    let count = Le::read_u32(&bytes[12..]);
    let file_len = Le::read_u64(&bytes[16..]);
    if file_len != bytes.len() as u64 {
        return Err(damaged(format!(
            "the {kind} is cut or extended: {} bytes, its header says {file_len}",
            bytes.len()
        )));
    }
    let table_end = HEADER_LEN + ENTRY_LEN * count.min(MAX_SECTIONS) as usize;
    if !(1..=MAX_SECTIONS).contains(&count) || table_end > bytes.len() {
        return Err(damaged(format!("the section table is damaged: {count} sections")));
    }
    let crc = table_crc(bytes, table_end);
    if major == 0 || crc != Le::read_u32(&bytes[24..]) || bytes[28..32] != [0; 4] {
        return Err(damaged(format!(
            "the header or section table is damaged (CRC mismatch); copy the {kind} again"
        )));
    }
    let mut end = table_end;
    let mut sections = Vec::new();
    for entry in bytes[HEADER_LEN..table_end].chunks_exact(ENTRY_LEN) {
        let kind = SectionKind::from_code([entry[0], entry[1], entry[2], entry[3]]);
        let (offset, len) = (Le::read_u64(&entry[8..]), Le::read_u64(&entry[16..]));
        // Sections follow each other with nothing but zero padding between, so that no byte is unchecked.
        let start = end.next_multiple_of(ALIGN);
        let stop = offset.checked_add(len).filter(|&stop| stop <= file_len);
        let (true, Some(stop)) = (offset == start as u64, stop) else {
            return Err(damaged(format!("section {kind} lies outside its place in the file")));
        };
        if bytes[end..start].iter().any(|&b| b != 0)
            || sections.iter().any(|s: &Section| s.kind == kind)
        {
            return Err(damaged(format!("section {kind} is doubled or its padding is damaged")));
        }
        end = stop as usize;
        sections.push(Section {
            kind,
            offset: start,
            len: len as usize,
            crc32: Le::read_u32(&entry[4..]),
        });
    }
    if end != bytes.len() {
        return Err(damaged("bytes follow the last section"));
    }
    Ok(sections)
}
