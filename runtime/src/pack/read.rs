//! Reading a pack: the table first, every section checked against its CRC before it is used.

use std::{fs::File, io::Read, path::Path};

use byteorder::{ByteOrder, LittleEndian as Le};
use sha2::{Digest, Sha256};

use super::delta::Deltas;
use super::layout::{
    ALIGN, ENTRY_LEN, HEADER_LEN, MAGIC, MAJOR, MAX_FILE_LEN, MAX_SECTIONS, SectionKind,
};
use super::manifest::{Calibration, Manifest};
use crate::{Error, ErrorKind, ShapeModel};

/// A verified pack in memory.
#[derive(Debug)]
pub struct Pack {
    bytes: Vec<u8>,
    sections: Vec<Section>,
    manifest: Manifest,
    sha256: String,
}

/// Where a section lies in the pack.
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

fn damaged(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unreadable, message.into())
}

impl Pack {
    /// Reads and verifies the pack at `path`.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the file is missing, not a pack, of a newer major version or
    /// damaged; the message names file and section.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            File::open(path)?.take(MAX_FILE_LEN + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|e| {
            damaged(format!("cannot read pack {}: {e}; check the path", path.display()))
        })?;
        if bytes.len() as u64 > MAX_FILE_LEN {
            let limit = MAX_FILE_LEN >> 20;
            return Err(damaged(format!("pack {} is over {limit} MiB", path.display())));
        }
        Self::from_bytes(bytes).map_err(|e| e.at(format_args!("pack {}", path.display())))
    }

    /// Verifies a pack held in memory.
    ///
    /// # Errors
    /// As [`Pack::open`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        let sections = read_table(&bytes)?;
        for section in &sections {
            if crc32fast::hash(&bytes[section.offset..section.offset + section.len])
                != section.crc32
            {
                return Err(damaged(format!(
                    "section {} is damaged (CRC mismatch); copy the pack again",
                    section.kind
                )));
            }
        }
        let slice = |kind| find(&sections, kind).map(|s| &bytes[s.offset..s.offset + s.len]);
        let manifest: Manifest = serde_json::from_slice(slice(SectionKind::Manifest)?)
            .map_err(|e| damaged(format!("section MANI is not a manifest: {e}")))?;
        manifest.check().map_err(|e| e.at("section MANI"))?;
        let landmarks = manifest.landmarks.len();
        if let Ok(bytes) = slice(SectionKind::Deltas) {
            Deltas::read(bytes, &manifest.adapter, landmarks).map_err(|e| e.at("section DELT"))?;
        } else {
            expect_floats(slice(SectionKind::Adapters)?, landmarks * manifest.adapter_len())
                .map_err(|e| e.at("section ADAP"))?;
        }
        for (kind, values) in [
            (SectionKind::Shape, ShapeModel::len(manifest.guides().len(), manifest.shape_modes)),
            (SectionKind::Calibration, landmarks * 4),
        ] {
            expect_floats(slice(kind)?, values)
                .map_err(|e| e.at(format_args!("section {kind}")))?;
        }
        for kind in [SectionKind::Backbone, SectionKind::Refine] {
            slice(kind)?;
        }
        for kind in [SectionKind::Provenance, SectionKind::Card] {
            std::str::from_utf8(slice(kind)?)
                .map_err(|e| damaged(format!("section {kind} is not UTF-8: {e}")))?;
        }
        let sha256 = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self { bytes, sections, manifest, sha256 })
    }

    /// Names, frames and limits of the model.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// All sections in file order, unknown ones included.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// `[major, minor]` version of the format.
    pub fn version(&self) -> [u16; 2] {
        [Le::read_u16(&self.bytes[8..]), Le::read_u16(&self.bytes[10..])]
    }

    /// SHA-256 of the whole file, hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Length of the whole file, bytes.
    pub fn file_len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of a section; empty where the pack has none of that kind.
    pub fn section(&self, kind: SectionKind) -> &[u8] {
        find(&self.sections, kind).map_or(&[], |s| &self.bytes[s.offset..s.offset + s.len])
    }

    /// The private values of landmark number `landmark`, its one contiguous slice.
    pub fn adapter(&self, landmark: usize) -> Vec<f32> {
        if let Some(deltas) = self.deltas() {
            return deltas.values(landmark);
        }
        let len = 4 * self.manifest.adapter_len();
        floats(&self.section(SectionKind::Adapters)[landmark * len..][..len])
    }

    /// The private values as few-bit differences, where the pack keeps them so.
    pub fn deltas(&self) -> Option<Deltas<'_>> {
        let section = find(&self.sections, SectionKind::Deltas).ok()?;
        let bytes = &self.bytes[section.offset..section.offset + section.len];
        Deltas::lay_out(bytes, &self.manifest.adapter, self.manifest.landmarks.len()).ok()
    }

    /// Bytes of one landmark's private values in the file.
    pub fn adapter_bytes(&self) -> usize {
        self.deltas().map_or(4 * self.manifest.adapter_len(), |deltas| deltas.slice_len())
    }

    /// The shape model.
    pub fn shape(&self) -> ShapeModel {
        let values = floats(self.section(SectionKind::Shape));
        ShapeModel::from_values(self.manifest.guides().len(), self.manifest.shape_modes, &values)
    }

    /// Confidence calibration per landmark.
    pub fn calibration(&self) -> Vec<Calibration> {
        let values = floats(self.section(SectionKind::Calibration));
        let one = |v: &[f32]| Calibration {
            gain: v[0],
            floor: v[1],
            max_expected_error: v[2],
            max_shape_residual: v[3],
        };
        values.chunks_exact(4).map(one).collect()
    }

    /// JSON text: how the pack was made.
    pub fn provenance(&self) -> &str {
        std::str::from_utf8(self.section(SectionKind::Provenance)).unwrap_or_default()
    }

    /// Markdown text: the model card.
    pub fn card(&self) -> &str {
        std::str::from_utf8(self.section(SectionKind::Card)).unwrap_or_default()
    }
}

fn find(sections: &[Section], kind: SectionKind) -> Result<&Section, Error> {
    sections
        .iter()
        .find(|s| s.kind == kind)
        .ok_or_else(|| damaged(format!("section {kind} is missing")))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let mut values = vec![0.0; bytes.len() / 4];
    Le::read_f32_into(bytes, &mut values);
    values
}

fn expect_floats(bytes: &[u8], count: usize) -> Result<(), Error> {
    if bytes.len() != 4 * count {
        return Err(damaged(format!("{} bytes, expected {}", bytes.len(), 4 * count)));
    }
    match floats(bytes).iter().position(|v| !v.is_finite()) {
        Some(i) => Err(damaged(format!("value {i} is not a finite number"))),
        None => Ok(()),
    }
}

/// Header and table; every offset and length is checked against the file.
fn read_table(bytes: &[u8]) -> Result<Vec<Section>, Error> {
    if bytes.len() < HEADER_LEN {
        return Err(damaged(format!("{} bytes are too few for a pack", bytes.len())));
    }
    if bytes[..8] != MAGIC {
        return Err(damaged("this is not a fiducia pack (the first bytes differ)"));
    }
    let major = Le::read_u16(&bytes[8..]);
    if major > MAJOR {
        return Err(damaged(format!(
            "pack version {major} is newer than this runtime reads ({MAJOR}); update fiducia"
        )));
    }
    let count = Le::read_u32(&bytes[12..]);
    let file_len = Le::read_u64(&bytes[16..]);
    if file_len != bytes.len() as u64 {
        return Err(damaged(format!(
            "the pack is cut or extended: {} bytes, its header says {file_len}",
            bytes.len()
        )));
    }
    let table_end = HEADER_LEN + ENTRY_LEN * count.min(MAX_SECTIONS) as usize;
    if !(1..=MAX_SECTIONS).contains(&count) || table_end > bytes.len() {
        return Err(damaged(format!("the section table is damaged: {count} sections")));
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..24]);
    crc.update(&bytes[HEADER_LEN..table_end]);
    if major == 0 || crc.finalize() != Le::read_u32(&bytes[24..]) || bytes[28..32] != [0; 4] {
        return Err(damaged(
            "the header or section table is damaged (CRC mismatch); copy the pack again",
        ));
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
