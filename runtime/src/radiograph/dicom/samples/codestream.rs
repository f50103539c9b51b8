//! JPEG, JPEG-LS and JPEG 2000 pixel data.
//!
//! The decoders are crates. What a codestream announces is held against the attributes of the file before one of
//! them takes memory for it: the same size, one component, and not more pixels than its bytes could hold.

use hayro_jpeg2000::{DecodeSettings, DecoderContext};
use libjpeg_turbo_rs::{DecodeLimits, Decoder, PixelFormat};

use super::damaged;
use crate::radiograph::dicom::dictionary::tags;
use crate::radiograph::dicom::{fault::Fault, form::PixelForm, syntax::PixelCoding};

/// More pixels to a byte no radiograph has, however coded (1/32 bit per pixel); a codestream that claims more is
/// refused before anything is taken for its pixels.
const MAX_PIXELS_PER_BYTE: usize = 256;
/// Scans of a progressive JPEG; more is a hostile file.
const MAX_SCANS: usize = 100;

/// Decoded samples, and how they are coded.
struct Decoded {
    samples: Vec<i32>,
    /// Bits per sample that the codestream states.
    precision: u32,
    /// Whether the samples are signed numbers; else they are bit patterns.
    signed: bool,
}

/// The stored bits of each pixel.
///
/// # Errors
/// As [`super::samples`].
pub(super) fn decode(
    data: &[u8],
    pixels: PixelCoding,
    form: &PixelForm,
) -> Result<Vec<u16>, Fault> {
    if form.high_bit + 1 != form.bits_stored {
        let why = format!("in compressed files it must be {}", form.bits_stored - 1);
        return Err(Fault::of(tags::HIGH_BIT, form.high_bit, why));
    }
    if form.pixels() / MAX_PIXELS_PER_BYTE > data.len() {
        return Err(damaged(form));
    }
    let decoded = match pixels {
        PixelCoding::Jpeg2000Lossless | PixelCoding::Jpeg2000 => jpeg2000(data, form)?,
        PixelCoding::JpegLs | PixelCoding::JpegLsNear => jpeg_ls(data, form)?,
        _ => jpeg(data, form)?,
    };
    let lossless = matches!(
        pixels,
        PixelCoding::JpegLossless | PixelCoding::JpegLs | PixelCoding::Jpeg2000Lossless
    );
    Ok(stored_bits(&decoded, lossless, form))
}

/// Lossless samples keep their bits. Lossy ones overshoot, and are clamped to what can be stored: masked, a white
/// pixel would come out black.
fn stored_bits(decoded: &Decoded, lossless: bool, form: &PixelForm) -> Vec<u16> {
    let [low, high] = form.range();
    let sign_bit = 1 << (decoded.precision - 1);
    let stored = |&sample: &i32| {
        let value = match (lossless, form.signed && !decoded.signed) {
            (true, _) => sample,
            (false, false) => sample.clamp(low, high),
            // A bit pattern that means a signed number.
            (false, true) => {
                (sample - if sample >= sign_bit { 2 * sign_bit } else { 0 }).clamp(low, high)
            }
        };
        value as u16 & form.mask()
    };
    decoded.samples.iter().map(stored).collect()
}

fn jpeg(data: &[u8], form: &PixelForm) -> Result<Decoded, Fault> {
    let fail = |e: libjpeg_turbo_rs::JpegError| refused(e, form);
    let limits = DecodeLimits {
        max_width: form.width,
        max_height: form.height,
        max_scans: MAX_SCANS,
        ..DecodeLimits::default()
    };
    let head = Decoder::new_header_only(data, limits).map_err(fail)?;
    let head = head.header();
    let (precision, lossless) = (u32::from(head.precision), head.is_lossless);
    check_size([head.width.into(), head.height.into()], head.components.len(), form)?;
    let samples: Vec<i32> = match precision {
        _ if lossless => {
            let image = libjpeg_turbo_rs::precision::decompress_lossless_arbitrary(data);
            image.map_err(fail)?.data.into_iter().map(i32::from).collect()
        }
        12 => {
            let image = libjpeg_turbo_rs::precision::decompress_12bit_with_limits(data, &limits);
            image.map_err(fail)?.data.into_iter().map(i32::from).collect()
        }
        _ => {
            let mut decoder = Decoder::new_with_limits(data, limits).map_err(fail)?;
            decoder.set_output_format(PixelFormat::Grayscale);
            let image = decoder.decode_image().map_err(fail)?;
            if !image.warnings.is_empty() {
                return Err(damaged(form));
            }
            image.data.into_iter().map(i32::from).collect()
        }
    };
    whole(Decoded { samples, precision, signed: false }, form)
}

fn jpeg_ls(data: &[u8], form: &PixelForm) -> Result<Decoded, Fault> {
    let (width, height) = (form.width as u32, form.height as u32);
    let (samples, ..) = jpegls::decode(data, width, height).map_err(|e| refused(e, form))?;
    let samples = samples.into_iter().map(i32::from).collect();
    whole(Decoded { samples, precision: form.bits_stored.into(), signed: false }, form)
}

fn jpeg2000(data: &[u8], form: &PixelForm) -> Result<Decoded, Fault> {
    let at = data.windows(4).position(|w| w == SOC_SIZ).ok_or_else(|| damaged(form))?;
    let data = &data[at..];
    let size = Size::read(data).ok_or_else(|| damaged(form))?;
    check_size(size.image, size.components, form)?;
    if !(1..=16).contains(&size.precision) || size.tiles > MAX_TILES {
        return Err(damaged(form));
    }
    let settings = DecodeSettings { strict: true, ..DecodeSettings::default() };
    let image = hayro_jpeg2000::Image::new(data, &settings).map_err(|e| refused(e, form))?;
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(|e| refused(e, form))?;
    let [grey] = decoded.components() else { return Err(damaged(form)) };
    // The decoder shifts every component as if it were unsigned.
    let shift = if size.signed { 1 << (size.precision - 1) } else { 0 };
    let samples = grey.samples().iter().map(|v| v.round() as i32 - shift).collect();
    whole(Decoded { samples, precision: size.precision, signed: size.signed }, form)
}

/// Start of a codestream and of its size segment (ITU-T T.800, A.4.1 and A.5.1).
const SOC_SIZ: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];
/// Tiles have a cost of their own; an image of the largest size has fewer of usual size.
const MAX_TILES: u64 = 16_384;

/// What the size segment of a JPEG 2000 codestream says.
struct Size {
    image: [usize; 2],
    components: usize,
    precision: u32,
    signed: bool,
    tiles: u64,
}

impl Size {
    fn read(data: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(data.get(at..at + 4)?.try_into().ok()?));
        let [right, bottom, left, top] = [word(8)?, word(12)?, word(16)?, word(20)?];
        let [tile_width, tile_height] = [word(24)?, word(28)?];
        let &[high, low, depth, ..] = data.get(40..)? else { return None };
        let across = |far: u32, tile: u32| Some(u64::from(far).div_ceil(tile.into()));
        if tile_width == 0 || tile_height == 0 {
            return None;
        }
        Some(Self {
            image: [right.checked_sub(left)? as usize, bottom.checked_sub(top)? as usize],
            components: u16::from_be_bytes([high, low]).into(),
            precision: u32::from(depth & 0x7F) + 1,
            signed: depth & 0x80 != 0,
            tiles: across(right, tile_width)? * across(bottom, tile_height)?,
        })
    }
}

fn check_size(image: [usize; 2], components: usize, form: &PixelForm) -> Result<(), Fault> {
    if (image, components) == ([form.width, form.height], 1) {
        return Ok(());
    }
    let [width, height] = image;
    let coded = format!("coded as {width} x {height} px with {components} components");
    let why = format!("the attributes say {} x {} px of grey", form.width, form.height);
    Err(Fault::of(tags::PIXEL_DATA, coded, why))
}

fn whole(decoded: Decoded, form: &PixelForm) -> Result<Decoded, Fault> {
    if decoded.samples.len() == form.pixels() { Ok(decoded) } else { Err(damaged(form)) }
}

fn refused(error: impl std::fmt::Display, form: &PixelForm) -> Fault {
    let size = format!("damaged for {} x {} px ({error})", form.width, form.height);
    Fault::of(tags::PIXEL_DATA, size, "copy or export the file again")
}
