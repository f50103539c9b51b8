//! An X-ray image in memory, and reading it from DICOM, PNG, JPEG and TIFF files.

mod buffer;
#[cfg(feature = "dicom")]
pub mod dicom;
pub(crate) mod grey_window;
mod picture;
mod reading;
mod turn;

pub use buffer::{Depth, GreyBuffer};

use std::{fs::File, io::Read, path::Path};

pub use reading::{DicomFacts, GreyValues, MmSource, Reading, Voi};

use crate::error::{Error, ErrorKind};

/// Larger than any detector or stitched long-leg image. A header that claims more is refused before any pixel is
/// allocated.
const MAX_EDGE_PX: u32 = 16_384;
/// Pixels of the largest image, bytes: `MAX_EDGE_PX` squared in 16-bit grey. An edge board can still hold it.
const MAX_PIXEL_BYTES: u64 = 512 << 20;
/// No image within the two limits above needs a larger file.
const MAX_FILE_BYTES: u64 = MAX_PIXEL_BYTES;
/// Wider than any detector, mm per px.
const SPACING_RANGE_MM: std::ops::RangeInclusive<f64> = 1e-3..=1e2;

/// One grey X-ray image, 16 bit.
///
/// `(0, 0)` is the centre of the top-left pixel, x to the right, y down. A position in mm is the position in px times
/// `spacing_mm`.
#[derive(Clone, Debug)]
pub struct Radiograph {
    /// Name of the image in errors and reports (a path, a UID).
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
    /// Facts from the DICOM file; `None` for other files.
    pub dicom: Option<DicomFacts>,
}

/// A decoded file.
struct Decoded {
    width: usize,
    height: usize,
    pixels: Vec<u16>,
    dicom: Option<DicomFacts>,
}

impl Radiograph {
    /// Reads a DICOM, PNG, JPEG or TIFF file with the default [`Reading`], which suits most models.
    ///
    /// `spacing_mm` is `[x, y]` mm per px; it overrides the spacing in the file.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use fiducia::{MmSource, Radiograph};
    ///
    /// # fn main() -> Result<(), fiducia::Error> {
    /// # let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/demo.png"));
    /// let radiograph = Radiograph::open(path, Some([0.2, 0.2]))?;
    /// assert_eq!(radiograph.pixels.len(), radiograph.width * radiograph.height);
    /// assert_eq!(radiograph.mm_source, MmSource::User);
    /// // Pixel (100, 50) lies 20 mm to the right of the first pixel and 10 mm below it.
    /// let [x, y] = radiograph.spacing_mm.unwrap();
    /// assert_eq!([100.0 * x, 50.0 * y], [20.0, 10.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Radiograph::open_as`].
    pub fn open(path: &Path, spacing_mm: Option<[f64; 2]>) -> Result<Self, Error> {
        Self::open_as(path, &Reading { spacing_mm, ..Reading::default() })
    }

    /// Reads a DICOM file, or a PNG, JPEG or TIFF file, 8 or 16 bit, grey or colour, with or without alpha or
    /// palette.
    ///
    /// The format is detected from the content; the file name does not matter. 16-bit samples keep their precision;
    /// colour becomes luma. Of a TIFF with several pages the first is read. Pixels are read as they are stored: an
    /// orientation tag is not applied. A DICOM file must hold one grey frame of a projection radiograph. MONOCHROME1 is
    /// inverted, so that bone is bright. The spacing of the file is used if none is given.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use fiducia::{Backend, Detector, Pack, Radiograph};
    ///
    /// # fn main() -> Result<(), fiducia::Error> {
    /// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
    /// # let pack = Pack::open(&models.join("head.fid"))?;
    /// # let detector = Detector::new(&pack, Backend::Cpu)?;
    /// // The model's manifest says which grey values of a DICOM file it was trained for.
    /// let radiograph = Radiograph::open_as(&models.join("demo.png"), &detector.reading(None))?;
    /// assert!(radiograph.spacing_mm.is_none() && radiograph.dicom.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the file is missing, a folder, empty, truncated, damaged, too large or not such
    /// an image; for a DICOM file the message names attribute and value. [`ErrorKind::Usage`] for a spacing outside
    /// 0.001 to 100 mm.
    pub fn open_as(path: &Path, reading: &Reading) -> Result<Self, Error> {
        let name = path.display().to_string();
        let bytes = read_file(path).map_err(|what| unreadable(&name, &what))?;
        Self::decode_as(name, &bytes, reading)
    }

    /// Reads a file held in memory; `name` stands for it in errors and reports.
    ///
    /// # Errors
    /// As [`Radiograph::open_as`].
    pub fn decode(name: String, bytes: &[u8], spacing_mm: Option<[f64; 2]>) -> Result<Self, Error> {
        Self::decode_as(name, bytes, &Reading { spacing_mm, ..Reading::default() })
    }

    /// As [`Radiograph::decode`], with these options.
    ///
    /// # Errors
    /// As [`Radiograph::open_as`].
    pub fn decode_as(name: String, bytes: &[u8], reading: &Reading) -> Result<Self, Error> {
        let given = reading.spacing_mm;
        check_spacing(given).map_err(|e| e.at(&name))?;
        // A panic inside a third-party decoder is reported as a damaged file.
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

/// Whether a file is read as DICOM, by its first 132 bytes (or all, if it is shorter).
///
/// ```
/// let mut file = vec![0; 128];
/// file.extend(b"DICM");
/// assert!(fiducia::radiograph::is_dicom(&file));
/// assert!(!fiducia::radiograph::is_dicom(b"\x89PNG"));
/// ```
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
    let dicom::Image { width, height, pixels, facts } = dicom::read(bytes, reading)?;
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
    let (width, height, pixels) = picture::decode(bytes)?;
    Ok(Decoded { width, height, pixels, dicom: None })
}

fn header_size(bytes: &[u8]) -> Result<[usize; 2], String> {
    #[cfg(feature = "dicom")]
    if is_dicom(bytes) {
        return dicom::size_px(bytes);
    }
    picture::size_px(bytes)
}

fn unreadable(name: &str, what: &str) -> Error {
    Error::new(ErrorKind::Unreadable, format!("cannot read image {name}: {what}"))
}

fn check_spacing(spacing_mm: Option<[f64; 2]>) -> Result<(), Error> {
    match spacing_mm {
        Some([x, y]) if ![x, y].iter().all(|v| SPACING_RANGE_MM.contains(v)) => Err(Error::new(
            ErrorKind::Usage,
            format!(
                "a pixel spacing of {x} x {y} mm is impossible; give 0.001 to 100 mm per pixel"
            ),
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

#[cfg(test)]
mod tests;
