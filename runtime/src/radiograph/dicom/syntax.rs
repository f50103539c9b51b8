//! The transfer syntax: the encoding of data set and pixels, stated by the file's meta information.

use super::dictionary::{syntaxes, tags};
use super::elements::{Coding, Reader};
use super::fault::Fault;

/// Encoding of the pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum PixelCoding {
    Native,
    Rle,
    /// Values beyond the stored bits are clamped: lossy coding overshoots.
    JpegLossy,
    JpegLossless,
    JpegLs,
    JpegLsNear,
    Jpeg2000Lossless,
    Jpeg2000,
}

/// A transfer syntax that can be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Syntax {
    pub(super) uid: String,
    pub(super) coding: Coding,
    pub(super) deflated: bool,
    pub(super) pixels: PixelCoding,
}

/// Whether these are the first bytes of a DICOM file: `DICM` after a preamble of 128 bytes, or, without a
/// preamble, an element of group 2 or 8 as it stands first in such files.
pub(crate) fn is_dicom(bytes: &[u8]) -> bool {
    if bytes.get(128..132) == Some(b"DICM") {
        return true;
    }
    let &[a, b, c, d, e, f, g, h, ..] = bytes else { return false };
    let explicit = e.is_ascii_uppercase() && f.is_ascii_uppercase();
    match (a, b, c, d) {
        (0x02, 0, 0..=0x20, 0) => explicit,
        // Short values only: the first elements of group 8 are dates, character sets and UIDs.
        (0x08, 0, 0..=0x18, 0) => explicit || (f, g, h) == (0, 0, 0) && e <= 64,
        (0, 0x08, 0, 0..=0x18) => explicit,
        _ => false,
    }
}

/// Splits a file into its syntax and the bytes of its data set.
///
/// # Errors
/// If the syntax is not supported, or the meta information is damaged.
pub(super) fn split(bytes: &[u8]) -> Result<(Syntax, &[u8]), Fault> {
    let start = if bytes.get(128..132) == Some(b"DICM") { 132 } else { 0 };
    let mut meta = Reader { rest: &bytes[start..], coding: Coding::ExplicitLittle };
    let mut uid = None;
    while meta.next_group() == Some(2) {
        let Some((tag, element)) = meta.next()? else { break };
        if tag == tags::TRANSFER_SYNTAX_UID {
            uid = Some(String::from_utf8_lossy(element.value).into_owned());
        }
    }
    let syntax = match uid {
        Some(uid) => known(uid.trim_matches(['\0', ' ']))?,
        None => guessed(meta.rest),
    };
    Ok((syntax, meta.rest))
}

/// The syntax with this UID.
///
/// # Errors
/// If it is not supported.
pub(super) fn known(uid: &str) -> Result<Syntax, Fault> {
    use PixelCoding as P;
    let pixels = match uid {
        syntaxes::JPEG_BASELINE | syntaxes::JPEG_EXTENDED => P::JpegLossy,
        syntaxes::JPEG_LOSSLESS | syntaxes::JPEG_LOSSLESS_FIRST => P::JpegLossless,
        syntaxes::JPEG_LS => P::JpegLs,
        syntaxes::JPEG_LS_NEAR => P::JpegLsNear,
        syntaxes::JPEG_2000_LOSSLESS => P::Jpeg2000Lossless,
        syntaxes::JPEG_2000 => P::Jpeg2000,
        syntaxes::RLE => P::Rle,
        syntaxes::IMPLICIT_LITTLE
        | syntaxes::EXPLICIT_LITTLE
        | syntaxes::DEFLATED
        | syntaxes::EXPLICIT_BIG => P::Native,
        other => {
            return Err(Fault::of(
                tags::TRANSFER_SYNTAX_UID,
                other,
                "this transfer syntax is not read; have the file sent or exported without compression or in JPEG Lossless",
            ));
        }
    };
    let coding = match uid {
        syntaxes::IMPLICIT_LITTLE => Coding::ImplicitLittle,
        syntaxes::EXPLICIT_BIG => Coding::ExplicitBig,
        _ => Coding::ExplicitLittle,
    };
    let deflated = uid == syntaxes::DEFLATED;
    Ok(Syntax { uid: uid.to_owned(), coding, deflated, pixels })
}

/// The syntax of a data set without meta information: implicit, unless it has letters where explicit syntaxes have them.
fn guessed(data: &[u8]) -> Syntax {
    let explicit =
        matches!(data, [_, _, _, _, a, b, ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase());
    let (coding, uid) = match data {
        [0, 8, ..] if explicit => (Coding::ExplicitBig, syntaxes::EXPLICIT_BIG),
        _ if explicit => (Coding::ExplicitLittle, syntaxes::EXPLICIT_LITTLE),
        _ => (Coding::ImplicitLittle, syntaxes::IMPLICIT_LITTLE),
    };
    Syntax { uid: uid.to_owned(), coding, deflated: false, pixels: PixelCoding::Native }
}
