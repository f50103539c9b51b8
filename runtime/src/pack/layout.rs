//! Offsets, sizes and limits of the container that packs and patches share.
//!
//! ```text
//! offset  size  field
//!      0     8  magic            89 46 49 44 0D 0A 1A 0A  ("\x89FID\r\n\x1a\n"), of patches 89 46 49 50 …
//!      8     2  major version    a reader refuses a larger one
//!     10     2  minor version    a reader accepts any
//!     12     4  section count n  1 to 64
//!     16     8  file length      in bytes, the whole file
//!     24     4  table crc        CRC-32 (IEEE) of bytes 0 to 24 and of the table
//!     28     4  zero
//!     32  24·n  table, one entry per section:
//!               0  4  kind       four ASCII characters
//!               4  4  crc        CRC-32 of the section
//!               8  8  offset     from the start of the file, a multiple of 16
//!              16  8  length     in bytes
//!        …      sections in table order, each after zeros up to the next multiple of 16;
//!               the file ends with the last one
//! ```
//! All integers are little-endian.

/// First bytes of every pack. The high first byte and the line ends show up transfers as text.
pub const MAGIC: [u8; 8] = *b"\x89FID\r\n\x1a\n";
/// First bytes of every patch.
pub const PATCH_MAGIC: [u8; 8] = *b"\x89FIP\r\n\x1a\n";
/// Readers refuse packs whose major version is larger.
pub const MAJOR: u16 = 1;
/// Grows when sections or manifest fields are added that an older reader may ignore.
pub const MINOR: u16 = 5;
/// Bytes before the table.
pub const HEADER_LEN: usize = 32;
/// Bytes of one table entry.
pub const ENTRY_LEN: usize = 24;
/// More sections than any pack has; keeps a hostile table small.
pub const MAX_SECTIONS: u32 = 64;
/// Every section starts at a multiple of this, so that it can be read from a memory map.
pub const ALIGN: usize = 16;
/// Packs are a few megabytes; a larger file is refused before it is read.
pub const MAX_FILE_LEN: u64 = 1 << 30;
/// More landmarks than any set has; keeps a hostile manifest small.
pub const MAX_LANDMARKS: usize = 1024;

/// What a container holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A trained model.
    Pack,
    /// One landmark more for a trained model.
    Patch,
}

impl FileKind {
    /// The first eight bytes.
    pub fn magic(self) -> [u8; 8] {
        match self {
            Self::Pack => MAGIC,
            Self::Patch => PATCH_MAGIC,
        }
    }
}

impl std::fmt::Display for FileKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pack => "pack",
            Self::Patch => "patch",
        })
    }
}

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKind {
    /// JSON: [`crate::pack::Manifest`].
    Manifest,
    /// ONNX: the whole image to coarse heat maps, run once.
    Backbone,
    /// ONNX: regions of interest and adapters to fine heat maps.
    Refine,
    /// `f32`: the private state of each landmark, one contiguous slice per landmark in manifest order.
    Adapters,
    /// The same as few-bit differences to their common mean ([`crate::pack::Deltas`]); stands for `Adapters`.
    Deltas,
    /// `f32`: [`crate::shape::ShapeModel`].
    Shape,
    /// `f32`: [`crate::pack::Calibration`], one per landmark.
    Calibration,
    /// JSON: how the pack was made.
    Provenance,
    /// UTF-8 Markdown: the model card.
    Card,
    /// Patches that were added, whole: see [`crate::pack::Patch`].
    Patches,
    /// Of a patch, JSON: [`crate::pack::PatchInfo`].
    PatchInfo,
    /// Of a patch: the private values as few-bit differences, one slice of [`SectionKind::Deltas`].
    Slice,
    /// Of a patch, `f32`: [`crate::shape::DerivedLandmark`].
    DerivedLandmark,
    /// Public key and Ed25519 signature of the other sections, patches excepted.
    Signature,
    /// A kind this version does not know; it is skipped.
    Unknown([u8; 4]),
}

impl SectionKind {
    /// All kinds this version knows, in the order the writer uses.
    pub const KNOWN: [Self; 14] = [
        Self::Manifest,
        Self::Backbone,
        Self::Refine,
        Self::Adapters,
        Self::Deltas,
        Self::Shape,
        Self::Calibration,
        Self::Provenance,
        Self::Card,
        Self::Patches,
        Self::PatchInfo,
        Self::Slice,
        Self::DerivedLandmark,
        Self::Signature,
    ];

    /// The four characters in the table.
    pub fn code(self) -> [u8; 4] {
        match self {
            Self::Manifest => *b"MANI",
            Self::Backbone => *b"BACK",
            Self::Refine => *b"REFI",
            Self::Adapters => *b"ADAP",
            Self::Deltas => *b"DELT",
            Self::Shape => *b"SHAP",
            Self::Calibration => *b"CALI",
            Self::Provenance => *b"PROV",
            Self::Card => *b"CARD",
            Self::Patches => *b"PTCH",
            Self::PatchInfo => *b"PATC",
            Self::Slice => *b"SLIC",
            Self::DerivedLandmark => *b"FOLL",
            Self::Signature => *b"SIGN",
            Self::Unknown(code) => code,
        }
    }

    /// The kind with these four characters.
    pub fn from_code(code: [u8; 4]) -> Self {
        Self::KNOWN.into_iter().find(|kind| kind.code() == code).unwrap_or(Self::Unknown(code))
    }
}

impl std::fmt::Display for SectionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code().escape_ascii())
    }
}
