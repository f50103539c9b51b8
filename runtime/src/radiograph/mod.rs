//! An X-ray image in memory, and reading it from DICOM, PNG, JPEG and TIFF files.

mod buffer;
#[cfg(feature = "dicom")]
pub mod dicom;
mod reading;
mod turn;

pub use buffer::{Depth, GreyBuffer};

use std::{fs::File, io::Cursor, io::Read, path::Path};

use image::{DynamicImage, ImageError, ImageFormat, ImageReader, Limits};

pub use reading::{DicomFacts, GreyValues, MmSource, Reading, Voi};

use crate::{Error, ErrorKind};

/// Larger than any detector or stitched long-leg image; a header that claims more is refused before
/// any pixel is allocated.
const MAX_EDGE_PX: u32 = 16_384;
/// Pixels of the largest image, bytes: `MAX_EDGE_PX` squared in 16-bit grey, which an edge board can
/// still hold.
const MAX_PIXEL_BYTES: u64 = 512 << 20;
/// No image within the two limits above needs a larger file.
const MAX_FILE_BYTES: u64 = MAX_PIXEL_BYTES;
/// Wider than any detector, mm per px.
const SPACING_RANGE_MM: std::ops::RangeInclusive<f64> = 1e-3..=1e2;

/// One grey X-ray image, 16 bit.
#[derive(Clone, Debug)]
pub struct Radiograph {
    /// How the caller names the image (a path, a UID).
    pub name: String,
    /// Width, px.
    pub width: usize,
    /// Height, px.
    pub height: usize,
    /// Grey values `[height, width]`, row-major; 8-bit files keep their values 0 to 255.
    pub pixels: Vec<u16>,
    /// `[x, y]` mm per px at the detector, where it is known.
    pub spacing_mm: Option<[f64; 2]>,
    /// Where `spacing_mm` came from.
    pub mm_source: MmSource,
    /// Whether `pixels` are the inverted grey values of the file ([`Radiograph::inverted`]).
    pub inverted: bool,
    /// What a DICOM file says about itself; `None` for other files.
    pub dicom: Option<DicomFacts>,
}

/// What a decoder makes of a file.
struct Decoded {
    width: usize,
    height: usize,
    pixels: Vec<u16>,
    dicom: Option<DicomFacts>,
}

impl Radiograph {
    /// Reads a DICOM, PNG, JPEG or TIFF file as most models want it: [`Radiograph::open_as`] with nothing but the
    /// spacing given.
    ///
    /// # Errors
    /// As [`Radiograph::open_as`].
    pub fn open(path: &Path, spacing_mm: Option<[f64; 2]>) -> Result<Self, Error> {
        Self::open_as(path, &Reading { spacing_mm, ..Reading::default() })
    }

    /// Reads a DICOM file, or a PNG, JPEG or TIFF file, 8 or 16 bit, grey or colour, with or without alpha or
    /// palette.
    ///
    /// The form is told by the content, never by the file name. 16-bit samples keep their precision;
    /// colour becomes luma. Of a TIFF with several pages the first is read. Pixels are
    /// taken as they are stored: an orientation tag is not applied. A DICOM file must hold one grey frame of a
    /// projection radiograph; it comes out with bright bone, MONOCHROME1 or 2, and with its own spacing where
    /// none is given.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the file is missing, a folder, empty, cut, damaged, too large
    /// or no such image, of a DICOM file with attribute and value; [`ErrorKind::Usage`] for a spacing outside
    /// 0.001 to 100 mm.
    pub fn open_as(path: &Path, reading: &Reading) -> Result<Self, Error> {
        let name = path.display().to_string();
        let bytes = read_file(path).map_err(|what| unreadable(&name, &what))?;
        Self::decode_as(name, &bytes, reading)
    }

    /// Reads the bytes of such a file; `name` is how errors and reports call it.
    ///
    /// # Errors
    /// As [`Radiograph::open_as`].
    pub fn decode(name: String, bytes: &[u8], spacing_mm: Option<[f64; 2]>) -> Result<Self, Error> {
        Self::decode_as(name, bytes, &Reading { spacing_mm, ..Reading::default() })
    }

    /// As [`Radiograph::decode`], read as `reading` says.
    ///
    /// # Errors
    /// As [`Radiograph::open_as`].
    pub fn decode_as(name: String, bytes: &[u8], reading: &Reading) -> Result<Self, Error> {
        let given = reading.spacing_mm;
        check_spacing(given).map_err(|e| e.at(&name))?;
        // The decoders are not ours: a fault inside one is reported as a damaged file.
        let decoded = std::panic::catch_unwind(|| decode_file(bytes, reading))
            .unwrap_or_else(|_| Err("the file is damaged; copy or export it again".to_owned()));
        let decoded = decoded.map_err(|what| unreadable(&name, &what))?;
        let Decoded { width, height, pixels, dicom } = decoded;
        let stated = dicom.as_ref().and_then(|facts| Some((facts.spacing_mm?, facts.mm_source)));
        let (spacing_mm, mm_source) = match (given, stated) {
            (Some(given), _) => (Some(given), MmSource::User),
            (None, Some((stated, source))) => (Some(stated), source),
            (None, None) => (None, MmSource::None),
        };
        Ok(Self { name, width, height, pixels, spacing_mm, mm_source, inverted: false, dicom })
    }

    /// `[width, height]` of an image file, px, from its header alone.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the file is missing or its header damaged.
    pub fn size_px(path: &Path) -> Result<[usize; 2], Error> {
        let size = read_file(path).and_then(|bytes| {
            std::panic::catch_unwind(|| header_size(&bytes))
                .unwrap_or_else(|_| Err("the file is damaged; copy or export it again".to_owned()))
        });
        size.map_err(|what| unreadable(&path.display().to_string(), &what))
    }
}

/// Whether a file that starts with these bytes (132 of them, if it has so many) is taken for DICOM.
pub fn is_dicom(start: &[u8]) -> bool {
    #[cfg(feature = "dicom")]
    return dicom::is_dicom(start);
    #[cfg(not(feature = "dicom"))]
    return start.get(128..132) == Some(b"DICM");
}

/// The first 132 bytes of the file at `path`, as [`is_dicom`] takes them; fewer if it is shorter.
///
/// # Errors
/// If the file cannot be read.
pub fn file_start(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    std::fs::File::open(path)?.take(132).read_to_end(&mut start)?;
    Ok(start)
}

#[cfg(feature = "dicom")]
fn decode_file(bytes: &[u8], reading: &Reading) -> Result<Decoded, String> {
    if !is_dicom(bytes) {
        return decode_picture(bytes);
    }
    let dicom::Film { width, height, pixels, facts } = dicom::read(bytes, reading)?;
    Ok(Decoded { width, height, pixels, dicom: Some(facts) })
}

#[cfg(not(feature = "dicom"))]
fn decode_file(bytes: &[u8], _: &Reading) -> Result<Decoded, String> {
    if is_dicom(bytes) { Err(NO_DICOM.to_owned()) } else { decode_picture(bytes) }
}

#[cfg(not(feature = "dicom"))]
const NO_DICOM: &str =
    "it is a DICOM file, and this program was built without the feature `dicom`; convert it to PNG";

fn decode_picture(bytes: &[u8]) -> Result<Decoded, String> {
    let (width, height, pixels) = decode_pixels(bytes)?;
    Ok(Decoded { width, height, pixels, dicom: None })
}

fn header_size(bytes: &[u8]) -> Result<[usize; 2], String> {
    #[cfg(feature = "dicom")]
    if is_dicom(bytes) {
        return dicom::size_px(bytes);
    }
    let reader = ImageReader::with_format(Cursor::new(bytes), known_format(bytes)?);
    let size = reader.into_dimensions().map_err(|e| format!("{e}; copy or export it again"))?;
    Ok([size.0 as usize, size.1 as usize])
}

fn unreadable(name: &str, what: &str) -> Error {
    Error::new(ErrorKind::Unreadable, format!("cannot read image {name}: {what}"))
}

fn check_spacing(spacing_mm: Option<[f64; 2]>) -> Result<(), Error> {
    match spacing_mm {
        Some([x, y]) if ![x, y].iter().all(|v| SPACING_RANGE_MM.contains(v)) => Err(Error::new(
            ErrorKind::Usage,
            format!("a pixel spacing of {x} x {y} mm cannot be; give 0.001 to 100 mm per pixel"),
        )),
        _ => Ok(()),
    }
}

/// All bytes of a file, or what is wrong with it and what to do.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::ErrorKind as Io;
    let explain = |e: std::io::Error| match e.kind() {
        Io::NotFound => "there is no such file; check the path".to_owned(),
        Io::PermissionDenied => "no permission to read it; change its permissions".to_owned(),
        _ => format!("{e}; check the file and the disk"),
    };
    if std::fs::metadata(path).map_err(explain)?.is_dir() {
        return Err("it is a folder; name an image file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(explain)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(explain)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("the file is larger than {} MiB", MAX_FILE_BYTES >> 20));
    }
    Ok(bytes)
}

/// `(width, height, grey values)` of an image file held in memory.
fn decode_pixels(bytes: &[u8]) -> Result<(usize, usize, Vec<u16>), String> {
    let format = known_format(bytes)?;
    if format == ImageFormat::Jpeg && jpeg_end(bytes).is_none() {
        return Err("the JPEG is cut short (its end marker is missing); copy it again".to_owned());
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_EDGE_PX);
    limits.max_image_height = Some(MAX_EDGE_PX);
    limits.max_alloc = Some(MAX_PIXEL_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let image = reader.decode().map_err(|e| match e {
        ImageError::Limits(_) => format!(
            "the image is too large; at most {MAX_EDGE_PX} px along each edge and {} MiB of pixels",
            MAX_PIXEL_BYTES >> 20
        ),
        ImageError::Unsupported(e) => format!("{e}; export it as 8- or 16-bit grey PNG"),
        e => format!("the file is cut or damaged ({e}); copy or export it again"),
    })?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    Ok((width, height, grey_values(image)?))
}

/// The form of the file, told by its first bytes.
fn known_format(bytes: &[u8]) -> Result<ImageFormat, String> {
    use ImageFormat::{Jpeg, Png, Tiff};
    if bytes.is_empty() {
        return Err("the file is empty; copy or export it again".to_owned());
    }
    match image::guess_format(bytes) {
        Ok(format @ (Png | Jpeg | Tiff)) => Ok(format),
        Ok(other) => Err(format!("it is a {other:?} file; convert it to PNG, JPEG or TIFF")),
        Err(_) => {
            Err("it is no DICOM, PNG, JPEG or TIFF image, whatever its name says; check the file"
                .to_owned())
        }
    }
}

/// Where the end marker of a JPEG stands. The decoder paints the missing part of a cut file grey
/// without a word, so the marker must be looked for (ITU-T T.81, B.1.1).
fn jpeg_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        // Entropy-coded data has no length: it goes on to the next marker.
        while *bytes.get(at)? != 0xFF {
            at += 1;
        }
        at += match *bytes.get(at + 1)? {
            0xD9 => return Some(at),
            // A fill byte before a marker.
            0xFF => 1,
            // A data byte of 255, or one of the markers that stand alone.
            0x00 | 0x01 | 0xD0..=0xD8 => 2,
            _ => 2 + usize::from(u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?])),
        };
    }
}

fn grey_values(image: DynamicImage) -> Result<Vec<u16>, String> {
    use DynamicImage as Image;
    match image {
        Image::ImageLuma8(_)
        | Image::ImageLumaA8(_)
        | Image::ImageRgb8(_)
        | Image::ImageRgba8(_) => {
            Ok(image.into_luma8().into_raw().into_iter().map(u16::from).collect())
        }
        Image::ImageLuma16(_)
        | Image::ImageLumaA16(_)
        | Image::ImageRgb16(_)
        | Image::ImageRgba16(_) => Ok(image.into_luma16().into_raw()),
        other => Err(format!(
            "samples of form {:?} have no fixed grey scale; export it as 8- or 16-bit grey",
            other.color()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn ramp8() -> DynamicImage {
        image::GrayImage::from_fn(96, 80, |x, y| image::Luma([(x + 2 * y) as u8])).into()
    }

    fn refusal(bytes: &[u8]) -> String {
        let error = Radiograph::decode("x.png".into(), bytes, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(error.to_string().starts_with("cannot read image x.png: "), "{error}");
        error.to_string()
    }

    #[test]
    fn keeps_sixteen_bits_and_leaves_eight_as_they_are() {
        let deep = image::ImageBuffer::<image::Luma<u16>, _>::from_fn(70, 65, |x, y| {
            image::Luma([(1000 * x + y) as u16])
        });
        for format in [ImageFormat::Png, ImageFormat::Tiff] {
            let bytes = encode(&deep.clone().into(), format);
            let read = Radiograph::decode("x".into(), &bytes, None).unwrap();
            assert_eq!((read.width, read.height, &read.pixels), (70, 65, deep.as_raw()));
            let read = Radiograph::decode("x".into(), &encode(&ramp8(), format), None).unwrap();
            assert_eq!(read.pixels[95], 95);
        }
    }

    #[test]
    fn grey_in_any_colour_form_is_the_same_grey() {
        let grey = ramp8();
        let want = Radiograph::decode("x".into(), &encode(&grey, ImageFormat::Png), None).unwrap();
        let forms: [DynamicImage; 3] =
            [grey.to_rgb8().into(), grey.to_rgba8().into(), grey.to_luma_alpha8().into()];
        for form in forms {
            let bytes = encode(&form, ImageFormat::Png);
            assert_eq!(Radiograph::decode("x".into(), &bytes, None).unwrap().pixels, want.pixels);
        }
        let deep = DynamicImage::from(grey.to_luma16());
        let bytes = encode(&deep.to_rgb16().into(), ImageFormat::Tiff);
        let read = Radiograph::decode("x".into(), &bytes, None).unwrap();
        assert_eq!(&read.pixels, deep.as_luma16().unwrap().as_raw());
    }

    #[test]
    fn every_cut_of_a_file_is_refused() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff] {
            let bytes = encode(&ramp8(), format);
            // The last bytes of a PNG (IEND) and of a TIFF (tags that are not needed) hold no pixels.
            let pixels_end = match format {
                ImageFormat::Jpeg => bytes.len() - 1,
                ImageFormat::Png => bytes.len() - 13,
                _ => 8 + 96 * 80,
            };
            for len in 0..pixels_end {
                refusal(&bytes[..len]);
            }
        }
    }

    #[test]
    fn damage_never_panics() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff] {
            let bytes = encode(&ramp8(), format);
            for i in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[i] ^= 0x55;
                let _ = Radiograph::decode("x".into(), &damaged, None);
            }
        }
    }

    #[test]
    fn says_what_a_file_is_not() {
        assert!(refusal(b"").contains("empty"));
        assert!(refusal(b"these are words").contains("no DICOM, PNG, JPEG or TIFF"));
        assert!(refusal(b"GIF89a..").contains("Gif"));
        let float: DynamicImage = ramp8().to_rgb32f().into();
        assert!(refusal(&encode(&float, ImageFormat::Tiff)).contains("16-bit grey"));
    }

    #[test]
    fn a_jpeg_may_hold_another_one_as_thumbnail() {
        let inner = encode(&ramp8(), ImageFormat::Jpeg);
        let mut outer = inner[..2].to_vec();
        outer.extend([0xFF, 0xEE]);
        outer.extend((inner.len() as u16 + 2).to_be_bytes());
        outer.extend(&inner);
        outer.extend(&inner[2..]);
        assert_eq!(jpeg_end(&outer), Some(outer.len() - 2));
        assert!(refusal(&outer[..outer.len() - 2]).contains("cut short"));
    }

    #[test]
    fn spacing_must_be_possible() {
        let bytes = encode(&ramp8(), ImageFormat::Png);
        for spacing in
            [[0.0, 0.1], [0.1, f64::NAN], [f64::INFINITY, 1.0], [-0.1, 0.1], [101.0, 1.0]]
        {
            let error = Radiograph::decode("x".into(), &bytes, Some(spacing)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        }
        let read = Radiograph::decode("x".into(), &bytes, Some([0.1, 0.2])).unwrap();
        assert_eq!(read.mm_source, MmSource::User);
    }
}
