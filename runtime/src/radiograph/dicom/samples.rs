//! Pixel data → stored bits, one `u16` per pixel, for all transfer syntaxes.

mod codestream;

use std::borrow::Cow;

use super::dictionary::tags;
use super::elements::{Coding, Element, Elements};
use super::fault::Fault;
use super::form::PixelForm;
use super::rle;
use super::syntax::{PixelCoding, Syntax};

/// The stored bits of each pixel, `[height, width]`; a signed value is in two's complement of that many bits.
///
/// # Errors
/// If pixel data are missing, truncated, damaged, or of another size than the attributes state.
pub(super) fn samples(
    elements: &Elements<'_>,
    syntax: &Syntax,
    form: &PixelForm,
) -> Result<Vec<u16>, Fault> {
    let element = elements.get(tags::PIXEL_DATA).ok_or_else(|| Fault::missing(tags::PIXEL_DATA))?;
    if element.undefined != (syntax.pixels != PixelCoding::Native) {
        let stored = if element.undefined { "encapsulated" } else { "not encapsulated" };
        let why = format!("that does not fit the transfer syntax {}", syntax.uid);
        return Err(Fault::of(tags::PIXEL_DATA, stored, why));
    }
    if !element.undefined {
        return native(element, elements.coding(), form);
    }
    let data = frame(element)?;
    match syntax.pixels {
        PixelCoding::Rle => {
            let planes = usize::from(form.bits_allocated / 8);
            let bytes = rle::decode(&data, form.pixels(), planes).ok_or_else(|| damaged(form))?;
            Ok(stored_bits(&bytes, Coding::ExplicitLittle, form))
        }
        pixels => codestream::decode(&data, pixels, form),
    }
}

/// The single frame of encapsulated pixel data, joined from its fragments.
fn frame<'a>(element: &Element<'a>) -> Result<Cow<'a, [u8]>, Fault> {
    let fragments = element.fragments()?;
    match fragments[..] {
        [] => Err(Fault::of(tags::PIXEL_DATA, "empty", "there is no image in it")),
        [only] => Ok(Cow::Borrowed(only)),
        _ => Ok(Cow::Owned(fragments.concat())),
    }
}

fn native(element: &Element<'_>, coding: Coding, form: &PixelForm) -> Result<Vec<u16>, Fault> {
    let needed = form.pixels() * usize::from(form.bits_allocated / 8);
    let bytes = element.value.get(..needed).ok_or_else(|| damaged(form))?;
    // Bytes that were written as 16-bit words are swapped (PS3.5, 8.1.1).
    let words_of_bytes =
        coding == Coding::ExplicitBig && form.bits_allocated == 8 && element.form == *b"OW";
    if !words_of_bytes {
        return Ok(stored_bits(bytes, coding, form));
    }
    let swapped: Vec<u8> = element.value.chunks_exact(2).flat_map(|w| [w[1], w[0]]).collect();
    let bytes = swapped.get(..needed).ok_or_else(|| damaged(form))?;
    Ok(stored_bits(bytes, coding, form))
}

/// The stored bits of samples of 8 or 16 bits; other bits of a sample (overlays) are removed.
fn stored_bits(bytes: &[u8], coding: Coding, form: &PixelForm) -> Vec<u16> {
    let shift = form.high_bit + 1 - form.bits_stored;
    let stored = |sample: u16| sample >> shift & form.mask();
    match form.bits_allocated {
        8 => bytes.iter().map(|&b| stored(u16::from(b))).collect(),
        _ => bytes.chunks_exact(2).map(|b| stored(coding.u16([b[0], b[1]]))).collect(),
    }
}

/// The fault for pixel data that do not hold the image.
pub(super) fn damaged(form: &PixelForm) -> Fault {
    let size = format!("too short or damaged for {} x {} px", form.width, form.height);
    Fault::of(tags::PIXEL_DATA, size, "copy or export the file again")
}
