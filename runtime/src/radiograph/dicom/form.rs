//! The pixel format of an image: size, bits, polarity.

use super::dictionary::{Tag, tags};
use super::elements::Elements;
use super::fault::Fault;
use crate::radiograph::MAX_EDGE_PX;

/// Size and bits of an image of one frame and one sample per pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PixelForm {
    /// Columns, px.
    pub(super) width: usize,
    /// Rows, px.
    pub(super) height: usize,
    /// 8 or 16.
    pub(super) bits_allocated: u16,
    /// 1 to `bits_allocated`.
    pub(super) bits_stored: u16,
    /// Position of the highest stored bit.
    pub(super) high_bit: u16,
    /// Whether stored bits are two's complement.
    pub(super) signed: bool,
    /// Whether the lowest value is white (MONOCHROME1).
    pub(super) white_is_low: bool,
}

impl PixelForm {
    /// Reads and checks the attributes of the image.
    ///
    /// # Errors
    /// Naming the attribute that is missing, impossible or not supported: several frames, colour, a size
    /// beyond the limits, other than 8 or 16 bits allocated, contradictory polarity.
    pub(super) fn read(elements: &Elements<'_>) -> Result<Self, Fault> {
        check_single_grey(elements)?;
        let needed = |tag: Tag| elements.u16(tag)?.ok_or_else(|| Fault::missing(tag));
        let edge = |tag: Tag| match u32::from(needed(tag)?) {
            edge @ 1..=MAX_EDGE_PX => Ok(edge as usize),
            edge => Err(Fault::of(tag, edge, format!("it must be 1 to {MAX_EDGE_PX}"))),
        };
        let (height, width) = (edge(tags::ROWS)?, edge(tags::COLUMNS)?);
        let bits_allocated = match needed(tags::BITS_ALLOCATED)? {
            bits @ (8 | 16) => bits,
            bits => return Err(Fault::of(tags::BITS_ALLOCATED, bits, "only 8 and 16 are read")),
        };
        let bits_stored = elements.u16(tags::BITS_STORED)?.unwrap_or(bits_allocated);
        if !(1..=bits_allocated).contains(&bits_stored) {
            let why = format!("it must be 1 to {bits_allocated}, the bits allocated");
            return Err(Fault::of(tags::BITS_STORED, bits_stored, why));
        }
        let high_bit = elements.u16(tags::HIGH_BIT)?.unwrap_or(bits_stored - 1);
        if !(bits_stored - 1..bits_allocated).contains(&high_bit) {
            let why = format!("{bits_stored} bits of {bits_allocated} cannot end there");
            return Err(Fault::of(tags::HIGH_BIT, high_bit, why));
        }
        let signed = match elements.u16(tags::PIXEL_REPRESENTATION)?.unwrap_or(0) {
            representation @ (0 | 1) => representation == 1,
            other => return Err(Fault::of(tags::PIXEL_REPRESENTATION, other, "it must be 0 or 1")),
        };
        let white_is_low = white_is_low(elements)?;
        Ok(Self { width, height, bits_allocated, bits_stored, high_bit, signed, white_is_low })
    }

    /// Number of pixels.
    pub(super) fn pixels(&self) -> usize {
        self.width * self.height
    }

    /// The stored bits, all ones.
    pub(super) fn mask(&self) -> u16 {
        (u32::from(u16::MAX) >> (16 - self.bits_stored)) as u16
    }

    /// The value that the stored bits `code` mean.
    pub(super) fn value(&self, code: u16) -> i32 {
        let negative = self.signed && code >> (self.bits_stored - 1) & 1 == 1;
        i32::from(code) - if negative { i32::from(self.mask()) + 1 } else { 0 }
    }

    /// Smallest and largest value that can be stored.
    pub(super) fn range(&self) -> [i32; 2] {
        let span = i32::from(self.mask());
        let low = if self.signed { -(span + 1) / 2 } else { 0 };
        [low, low + span]
    }
}

/// Refuses several frames and colour.
fn check_single_grey(elements: &Elements<'_>) -> Result<(), Fault> {
    if let Some(frames) = elements.text(tags::NUMBER_OF_FRAMES)
        && frames.parse::<i64>() != Ok(1)
    {
        let why = "only files of one frame are read; export the frame as an image of its own";
        return Err(Fault::of(tags::NUMBER_OF_FRAMES, frames, why));
    }
    let samples = elements.u16(tags::SAMPLES_PER_PIXEL)?.unwrap_or(1);
    if samples != 1 {
        let why = "only grey images are read, with one sample per pixel; export it as grey";
        return Err(Fault::of(tags::SAMPLES_PER_PIXEL, samples, why));
    }
    Ok(())
}

/// Whether low values are displayed white. Two attributes state it; images in which they contradict each other are
/// refused, since programs display them differently.
fn white_is_low(elements: &Elements<'_>) -> Result<bool, Fault> {
    let tag = tags::PHOTOMETRIC_INTERPRETATION;
    let white_is_low = match elements.text(tag).as_deref() {
        Some("MONOCHROME1") => true,
        Some("MONOCHROME2") => false,
        Some(other) => {
            let why = "only MONOCHROME1 and MONOCHROME2 are read; export it as grey";
            return Err(Fault::of(tag, other, why));
        }
        None => return Err(Fault::missing(tag)),
    };
    let shape = elements.text(tags::PRESENTATION_LUT_SHAPE);
    match shape.as_deref() {
        None => Ok(white_is_low),
        Some("IDENTITY") if !white_is_low => Ok(false),
        Some("INVERSE") if white_is_low => Ok(true),
        Some(other) => {
            let stated = if white_is_low { "MONOCHROME1" } else { "MONOCHROME2" };
            let why = format!(
                "that contradicts PhotometricInterpretation (0028,0004), which is {stated}; have it exported again, or as PNG"
            );
            Err(Fault::of(tags::PRESENTATION_LUT_SHAPE, other, why))
        }
    }
}
