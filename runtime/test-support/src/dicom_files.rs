//! Writes DICOM files for tests, in every pixel coding for which there is an encoder in Rust. Files of other programs
//! are tested in `dicom_peers.rs`.

use std::collections::BTreeMap;

use fiducia::Radiograph;

/// Group and element.
pub type Tag = (u16, u16);

/// Tags by name.
#[allow(missing_docs, reason = "the names are the keywords of DICOM's dictionary")]
pub mod tags {
    use super::Tag;

    pub const SOP_CLASS_UID: Tag = (0x0008, 0x0016);
    pub const SOP_INSTANCE_UID: Tag = (0x0008, 0x0018);
    pub const MODALITY: Tag = (0x0008, 0x0060);
    pub const PATIENT_NAME: Tag = (0x0010, 0x0010);
    pub const PATIENT_ID: Tag = (0x0010, 0x0020);
    pub const DISTANCE_SOURCE_TO_DETECTOR: Tag = (0x0018, 0x1110);
    pub const DISTANCE_SOURCE_TO_PATIENT: Tag = (0x0018, 0x1111);
    pub const IMAGER_PIXEL_SPACING: Tag = (0x0018, 0x1164);
    pub const SAMPLES_PER_PIXEL: Tag = (0x0028, 0x0002);
    pub const PHOTOMETRIC_INTERPRETATION: Tag = (0x0028, 0x0004);
    pub const NUMBER_OF_FRAMES: Tag = (0x0028, 0x0008);
    pub const ROWS: Tag = (0x0028, 0x0010);
    pub const COLUMNS: Tag = (0x0028, 0x0011);
    pub const PIXEL_SPACING: Tag = (0x0028, 0x0030);
    pub const BITS_ALLOCATED: Tag = (0x0028, 0x0100);
    pub const BITS_STORED: Tag = (0x0028, 0x0101);
    pub const HIGH_BIT: Tag = (0x0028, 0x0102);
    pub const PIXEL_REPRESENTATION: Tag = (0x0028, 0x0103);
    pub const PIXEL_PADDING_VALUE: Tag = (0x0028, 0x0120);
    pub const WINDOW_CENTER: Tag = (0x0028, 0x1050);
    pub const WINDOW_WIDTH: Tag = (0x0028, 0x1051);
    pub const RESCALE_INTERCEPT: Tag = (0x0028, 0x1052);
    pub const RESCALE_SLOPE: Tag = (0x0028, 0x1053);
    pub const MODALITY_LUT_SEQUENCE: Tag = (0x0028, 0x3000);
    pub const LUT_DESCRIPTOR: Tag = (0x0028, 0x3002);
    pub const LUT_DATA: Tag = (0x0028, 0x3006);
    pub const VOI_LUT_SEQUENCE: Tag = (0x0028, 0x3010);
    pub const PRESENTATION_LUT_SHAPE: Tag = (0x2050, 0x0020);
    pub const PIXEL_DATA: Tag = (0x7FE0, 0x0010);
}

/// UIDs by name.
#[allow(missing_docs, reason = "the names are those of DICOM's dictionary")]
pub mod uids {
    pub const CR: &str = "1.2.840.10008.5.1.4.1.1.1";
    pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
    pub const IMPLICIT_LITTLE: &str = "1.2.840.10008.1.2";
    pub const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
    pub const EXPLICIT_BIG: &str = "1.2.840.10008.1.2.2";
    pub const RLE: &str = "1.2.840.10008.1.2.5";
    pub const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
    pub const JPEG_EXTENDED: &str = "1.2.840.10008.1.2.4.51";
    pub const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
    pub const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
    pub const JPEG_2000: &str = "1.2.840.10008.1.2.4.90";
}

/// A data set: VR and value by tag.
#[derive(Clone, Default)]
pub struct Object(BTreeMap<Tag, ([u8; 2], Value)>);

#[derive(Clone)]
enum Value {
    Text(String),
    Words(Vec<u16>),
    Bytes(Vec<u8>),
    /// One coded frame.
    Frame(Vec<u8>),
    /// A sequence of one item.
    Item(Object),
}

impl Object {
    fn put(&mut self, tag: Tag, form: &[u8; 2], value: Value) {
        self.0.insert(tag, (*form, value));
    }

    /// Removes an element.
    pub fn remove(&mut self, tag: Tag) {
        self.0.remove(&tag);
    }

    /// The encoded elements.
    fn bytes(&self, syntax: &str) -> Vec<u8> {
        let big = syntax == uids::EXPLICIT_BIG;
        let word = |v: u16| if big { v.to_be_bytes() } else { v.to_le_bytes() };
        let long = |v: u32| if big { v.to_be_bytes() } else { v.to_le_bytes() };
        let item = |length: u32| [&word(0xFFFE)[..], &word(0xE000), &long(length)].concat();
        let end = [&word(0xFFFE)[..], &word(0xE0DD), &[0; 4]].concat();
        let mut out = Vec::new();
        for (&(group, element), (form, value)) in &self.0 {
            let coded = matches!(value, Value::Frame(_));
            let mut bytes = match value {
                Value::Text(text) => text.clone().into_bytes(),
                Value::Words(words) => words.iter().flat_map(|&v| word(v)).collect(),
                Value::Bytes(bytes) => bytes.clone(),
                Value::Frame(frame) => {
                    let even = frame.len().next_multiple_of(2);
                    let pad = vec![0; even - frame.len()];
                    [item(0), item(even as u32), frame.clone(), pad, end.clone()].concat()
                }
                Value::Item(object) => {
                    let inside = object.bytes(syntax);
                    [item(inside.len() as u32), inside].concat()
                }
            };
            if bytes.len() % 2 == 1 {
                bytes.push(if form == b"UI" || form == b"OB" { 0 } else { b' ' });
            }
            let length = if coded { u32::MAX } else { bytes.len() as u32 };
            out.extend([word(group), word(element)].concat());
            match (syntax, form) {
                (uids::IMPLICIT_LITTLE, _) => out.extend(long(length)),
                (_, b"OB" | b"OW" | b"SQ") => {
                    out.extend([&form[..], &[0; 2], &long(length)].concat());
                }
                _ => out.extend([&form[..], &word(length as u16)].concat()),
            }
            out.extend(bytes);
        }
        out
    }
}

/// Columns and rows of the files.
pub const SIZE: [usize; 2] = [40, 36];
/// [`picture`] in JPEG 2000 (`runtime/tests/dicom/tiny.py`).
const TINY_J2K: &[u8] = include_bytes!("tiny.j2k");

/// A 12-bit image, `[height, width]`.
pub fn picture() -> Vec<u16> {
    let at = |i: usize| (i % SIZE[0], i / SIZE[0]);
    (0..SIZE[0] * SIZE[1]).map(at).map(|(x, y)| ((37 * x + 11 * y + x * y) % 4096) as u16).collect()
}

/// A CR image without pixels, of this size, 12 bits of 16, MONOCHROME2.
pub fn bare([width, height]: [usize; 2]) -> Object {
    let mut object = Object::default();
    put(&mut object, tags::SOP_CLASS_UID, b"UI", uids::CR);
    put(&mut object, tags::SOP_INSTANCE_UID, b"UI", "2.25.1");
    put(&mut object, tags::MODALITY, b"CS", "CR");
    put(&mut object, tags::PHOTOMETRIC_INTERPRETATION, b"CS", "MONOCHROME2");
    put_u16(&mut object, tags::SAMPLES_PER_PIXEL, 1);
    put_u16(&mut object, tags::ROWS, height as u16);
    put_u16(&mut object, tags::COLUMNS, width as u16);
    put_u16(&mut object, tags::PIXEL_REPRESENTATION, 0);
    put_bits(&mut object, 16, 12);
    object
}

/// Sets a text attribute.
pub fn put(object: &mut Object, tag: Tag, form: &[u8; 2], value: &str) {
    object.put(tag, form, Value::Text(value.to_owned()));
}

/// Sets a 16-bit number.
pub fn put_u16(object: &mut Object, tag: Tag, value: u16) {
    object.put(tag, b"US", Value::Words(vec![value]));
}

/// Sets bits allocated, bits stored and high bit.
pub fn put_bits(object: &mut Object, allocated: u16, stored: u16) {
    put_u16(object, tags::BITS_ALLOCATED, allocated);
    put_u16(object, tags::BITS_STORED, stored);
    put_u16(object, tags::HIGH_BIT, stored - 1);
}

/// Sets uncompressed pixels as words.
pub fn put_words(object: &mut Object, pixels: &[u16]) {
    object.put(tags::PIXEL_DATA, b"OW", Value::Words(pixels.to_vec()));
}

/// Sets uncompressed pixels as bytes.
pub fn put_bytes(object: &mut Object, pixels: &[u8]) {
    object.put(tags::PIXEL_DATA, b"OB", Value::Bytes(pixels.to_vec()));
}

/// Sets one compressed frame.
pub fn put_frame(object: &mut Object, frame: Vec<u8>) {
    object.put(tags::PIXEL_DATA, b"OB", Value::Frame(frame));
}

/// Sets a look-up table with `bits` bits per entry, whose first entry is for the value `first`.
pub fn put_lut(object: &mut Object, sequence: Tag, entries: &[u16], [first, bits]: [u16; 2]) {
    let mut item = Object::default();
    let descriptor = vec![entries.len() as u16, first, bits];
    item.put(tags::LUT_DESCRIPTOR, b"US", Value::Words(descriptor));
    item.put(tags::LUT_DATA, b"OW", Value::Words(entries.to_vec()));
    object.put(sequence, b"SQ", Value::Item(item));
}

/// Preamble, mark and meta information.
pub fn head(syntax: &str) -> Vec<u8> {
    let mut meta = Object::default();
    put(&mut meta, (0x0002, 0x0002), b"UI", uids::CR);
    put(&mut meta, (0x0002, 0x0003), b"UI", "2.25.1");
    put(&mut meta, (0x0002, 0x0010), b"UI", syntax);
    let meta = meta.bytes(uids::EXPLICIT_LITTLE);
    let length = [&[2, 0, 0, 0, b'U', b'L', 4, 0][..], &(meta.len() as u32).to_le_bytes()].concat();
    [vec![0; 128], b"DICM".to_vec(), length, meta].concat()
}

/// The encoded data set.
pub fn data_set(object: &Object, syntax: &str) -> Vec<u8> {
    object.bytes(syntax)
}

/// The whole file.
pub fn written(object: &Object, syntax: &str) -> Vec<u8> {
    [head(syntax), data_set(object, syntax)].concat()
}

/// Transfer syntax, file with [`picture`], and the largest error of the coding.
pub fn codings() -> Vec<(&'static str, Vec<u8>, u16)> {
    let pixels = picture();
    let signed: Vec<i16> = pixels.iter().map(|&v| v as i16).collect();
    let [width, height] = SIZE;
    let grey = libjpeg_turbo_rs::Subsampling::S444;
    let mut jpeg_ls = Vec::new();
    let size = (width as u32, height as u32);
    jpegls::encode(&pixels, size.0, size.1, &mut jpeg_ls).unwrap();
    let lossy =
        libjpeg_turbo_rs::precision::compress_12bit(&signed, width, height, 1, 100, grey).unwrap();
    let lossless = libjpeg_turbo_rs::precision::compress_lossless_arbitrary(
        &pixels, width, height, 1, 12, 1, 0,
    );
    let mut files = vec![];
    for syntax in [uids::IMPLICIT_LITTLE, uids::EXPLICIT_LITTLE, uids::EXPLICIT_BIG] {
        let mut object = bare(SIZE);
        put_words(&mut object, &pixels);
        files.push((syntax, written(&object, syntax), 0));
    }
    for (syntax, frame, error) in [
        (uids::RLE, run_lengths(&pixels), 0),
        (uids::JPEG_LOSSLESS, lossless.unwrap(), 0),
        (uids::JPEG_EXTENDED, lossy, 8),
        (uids::JPEG_LS, jpeg_ls, 0),
        (uids::JPEG_2000, TINY_J2K.to_vec(), 0),
    ] {
        let mut object = bare(SIZE);
        put_frame(&mut object, frame);
        files.push((syntax, written(&object, syntax), error));
    }
    files
}

/// The upper eight bits of [`picture`] in JPEG baseline.
pub fn jpeg_of_eight_bits() -> Vec<u8> {
    let pixels: Vec<u8> = picture().iter().map(|v| (v >> 4) as u8).collect();
    let (format, sampling) =
        (libjpeg_turbo_rs::PixelFormat::Grayscale, libjpeg_turbo_rs::Subsampling::S444);
    let frame = libjpeg_turbo_rs::compress(&pixels, SIZE[0], SIZE[1], format, 95, sampling);
    let mut object = bare(SIZE);
    put_bits(&mut object, 8, 8);
    put_frame(&mut object, frame.unwrap());
    written(&object, uids::JPEG_BASELINE)
}

/// An RLE frame that consists of literal runs.
fn run_lengths(pixels: &[u16]) -> Vec<u8> {
    let pack = |bytes: Vec<u8>| -> Vec<u8> {
        bytes.chunks(128).flat_map(|part| [&[part.len() as u8 - 1], part].concat()).collect()
    };
    let high = pack(pixels.iter().map(|v| (v >> 8) as u8).collect());
    let low = pack(pixels.iter().map(|v| *v as u8).collect());
    let mut words = vec![2u32, 64, 64 + high.len() as u32];
    words.resize(16, 0);
    let header: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    [header, high, low].concat()
}

/// The radiograph, which has 8-bit values, as a DICOM file with `stored` bits (8, 12 or 16), MONOCHROME1 if
/// `white_is_low`, with this Imager Pixel Spacing (mm).
pub fn as_dicom(
    radiograph: &Radiograph,
    stored: u16,
    white_is_low: bool,
    spacing: &str,
) -> Vec<u8> {
    let top = ((1u32 << stored) - 1) as u16;
    let scale = |v: u16| match stored {
        8 => v,
        12 => v * 16,
        _ => v * 257,
    };
    let coded = |v: u16| if white_is_low { top - scale(v) } else { scale(v) };
    let pixels: Vec<u16> = radiograph.pixels.iter().map(|&v| coded(v)).collect();
    let mut object = bare([radiograph.width, radiograph.height]);
    put_bits(&mut object, 16, stored);
    put(&mut object, tags::IMAGER_PIXEL_SPACING, b"DS", spacing);
    if white_is_low {
        put(&mut object, tags::PHOTOMETRIC_INTERPRETATION, b"CS", "MONOCHROME1");
    }
    put_words(&mut object, &pixels);
    written(&object, uids::EXPLICIT_LITTLE)
}
