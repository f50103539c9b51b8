//! A radiograph from grey pixels in memory.

use super::{MAX_EDGE_PX, MmSource, Radiograph, check_spacing};
use crate::error::{Error, ErrorKind};

/// Pixel format of a [`GreyBuffer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// One byte.
    Eight,
    /// Two bytes, native byte order, any alignment.
    Sixteen,
}

/// Grey pixels in memory, row by row from the top.
#[derive(Clone, Copy, Debug)]
pub struct GreyBuffer<'a> {
    /// All rows; bytes after the last pixel of the last row are ignored.
    pub bytes: &'a [u8],
    /// Width, px.
    pub width: usize,
    /// Height, px.
    pub height: usize,
    /// Pixel format.
    pub depth: Depth,
    /// Distance between the starts of two rows, bytes.
    pub stride: usize,
}

impl Depth {
    /// Bytes per pixel.
    pub fn bytes(self) -> usize {
        match self {
            Self::Eight => 1,
            Self::Sixteen => 2,
        }
    }
}

impl GreyBuffer<'_> {
    /// Refuses sizes that do not fit together.
    fn check(&self) -> Result<(), String> {
        let Self { bytes, width, height, depth, stride } = *self;
        let largest = MAX_EDGE_PX as usize;
        if width == 0 || height == 0 || width > largest || height > largest {
            return Err(format!("{width} x {height} px is no image; give 1 to {largest} px"));
        }
        let row = width * depth.bytes();
        if stride < row {
            return Err(format!(
                "a stride of {stride} bytes is too small for rows of {row} bytes ({width} px)"
            ));
        }
        // The last row may end without padding.
        let needed = stride.checked_mul(height - 1).and_then(|n| n.checked_add(row));
        match needed {
            Some(needed) if needed <= bytes.len() => Ok(()),
            _ => Err(format!(
                "{height} rows of {row} bytes, {stride} bytes apart, do not fit into {} bytes",
                bytes.len()
            )),
        }
    }
}

impl Radiograph {
    /// Copies the pixels of `buffer`. `name` stands for the image in errors and reports. `spacing_mm` is `[x, y]` mm per
    /// px in the detector plane, if known.
    ///
    /// ```
    /// # use std::path::Path;
    /// use fiducia::{Backend, Depth, Detector, GreyBuffer, Pack, Radiograph};
    ///
    /// # fn main() -> Result<(), fiducia::Error> {
    /// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
    /// # let file = Radiograph::open(&models.join("demo.png"), None)?;
    /// # let frame: Vec<u8> = file.pixels.iter().flat_map(|v| v.to_ne_bytes()).collect();
    /// # let (width, height) = (file.width, file.height);
    /// // `frame` holds 16-bit pixels without padding between rows, as a camera driver gives them.
    /// let depth = Depth::Sixteen;
    /// let buffer = GreyBuffer { bytes: &frame, width, height, depth, stride: 2 * width };
    /// let radiograph = Radiograph::from_buffer("exposure 7".to_owned(), &buffer, Some([0.2, 0.2]))?;
    ///
    /// let mut detector = Detector::new(&Pack::open(&models.join("head.fid"))?, Backend::Cpu)?;
    /// let report = detector.detect(&radiograph)?;
    /// assert_eq!(report.image, "exposure 7");
    /// assert!(report.landmarks[0].x_mm.is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if width, height, stride and length do not fit together, for an edge above 16,384 px, and
    /// for a spacing outside 0.001 to 100 mm.
    pub fn from_buffer(
        name: String,
        buffer: &GreyBuffer,
        spacing_mm: Option<[f64; 2]>,
    ) -> Result<Self, Error> {
        check_spacing(spacing_mm).map_err(|e| e.at(&name))?;
        buffer.check().map_err(|what| Error::new(ErrorKind::Usage, format!("{name}: {what}")))?;
        let &GreyBuffer { bytes, width, height, depth, stride } = buffer;
        let mut pixels = Vec::with_capacity(width * height);
        for row in bytes.chunks(stride).take(height) {
            let row = &row[..width * depth.bytes()];
            match depth {
                Depth::Eight => pixels.extend(row.iter().map(|&v| u16::from(v))),
                Depth::Sixteen => {
                    let (pairs, _) = row.as_chunks::<2>();
                    pixels.extend(pairs.iter().map(|&v| u16::from_ne_bytes(v)));
                }
            }
        }
        let mm_source = if spacing_mm.is_some() { MmSource::User } else { MmSource::None };
        Ok(Self {
            name,
            width,
            height,
            pixels,
            spacing_mm,
            mm_source,
            inverted: false,
            dicom: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows of three 8-bit pixels, with a gap of two bytes after the first.
    const PADDED: GreyBuffer = GreyBuffer {
        bytes: &[1, 2, 3, 0, 0, 4, 5, 6],
        width: 3,
        height: 2,
        depth: Depth::Eight,
        stride: 5,
    };

    fn read(buffer: GreyBuffer) -> Result<Vec<u16>, Error> {
        Radiograph::from_buffer("x".into(), &buffer, None).map(|r| r.pixels)
    }

    #[test]
    fn gaps_between_rows_are_left_out() {
        assert_eq!(read(PADDED).unwrap(), [1, 2, 3, 4, 5, 6]);
        let tight = GreyBuffer { bytes: &[1, 2, 3, 4, 5, 6], stride: 3, ..PADDED };
        assert_eq!(read(tight).unwrap(), [1, 2, 3, 4, 5, 6]);
        let longer = GreyBuffer { bytes: &[1, 2, 3, 0, 0, 4, 5, 6, 9, 9, 9, 9, 9], ..PADDED };
        assert_eq!(read(longer).unwrap(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn sixteen_bits_may_lie_at_an_odd_address() {
        let mut bytes = vec![0];
        for value in [1_u16, 0x0203, 0xFFFE, 7] {
            bytes.extend(value.to_ne_bytes());
        }
        let bytes = &bytes[1..];
        let buffer = GreyBuffer { bytes, width: 2, height: 2, depth: Depth::Sixteen, stride: 4 };
        assert_eq!(read(buffer).unwrap(), [1, 0x0203, 0xFFFE, 7]);
        // An odd stride is unusual, and no harm.
        let buffer = GreyBuffer { width: 1, stride: 3, height: 2, ..buffer };
        let second = u16::from_ne_bytes([bytes[3], bytes[4]]);
        assert_eq!(read(buffer).unwrap(), [1, second]);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        for (buffer, words) in [
            (GreyBuffer { width: 0, ..PADDED }, "no image"),
            (GreyBuffer { height: 16_385, ..PADDED }, "no image"),
            (GreyBuffer { stride: 2, ..PADDED }, "stride of 2 bytes"),
            (GreyBuffer { stride: 0, ..PADDED }, "stride of 0 bytes"),
            (GreyBuffer { stride: 6, ..PADDED }, "do not fit into 8 bytes"),
            (GreyBuffer { stride: usize::MAX, height: 3, ..PADDED }, "do not fit"),
            (GreyBuffer { depth: Depth::Sixteen, ..PADDED }, "stride of 5 bytes"),
        ] {
            let error = read(buffer).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(words), "{error}");
        }
        let spacing = Some([0.0, 1.0]);
        let error = Radiograph::from_buffer("x".into(), &PADDED, spacing).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}
