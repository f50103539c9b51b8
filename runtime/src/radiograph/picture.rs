//! Reading PNG, JPEG and TIFF files.

use std::io::Cursor;

use image::{DynamicImage, ImageError, ImageFormat, ImageReader, Limits};

use super::{MAX_EDGE_PX, MAX_PIXEL_BYTES};

/// `(width, height, grey values)` of an image file held in memory.
pub(super) fn decode(bytes: &[u8]) -> Result<(usize, usize, Vec<u16>), String> {
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

/// The file format, detected from the first bytes.
fn known_format(bytes: &[u8]) -> Result<ImageFormat, String> {
    use ImageFormat::{Jpeg, Png, Tiff};
    if bytes.is_empty() {
        return Err("the file is empty; copy or export it again".to_owned());
    }
    match image::guess_format(bytes) {
        Ok(format @ (Png | Jpeg | Tiff)) => Ok(format),
        Ok(other) => Err(format!("it is a {other:?} file; convert it to PNG, JPEG or TIFF")),
        Err(_) => {
            Err("its content is no DICOM, PNG, JPEG or TIFF image; check the file".to_owned())
        }
    }
}

/// Offset of the end marker of a JPEG. The decoder fills the missing part of a truncated file with grey and reports no
/// error, so the marker is checked here (ITU-T T.81, B.1.1).
pub(super) fn jpeg_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    loop {
        // Entropy-coded data has no length: it ends at the next marker.
        while *bytes.get(at)? != 0xFF {
            at += 1;
        }
        at += match *bytes.get(at + 1)? {
            0xD9 => return Some(at),
            // A fill byte before a marker.
            0xFF => 1,
            // A data byte of 255, or one of the markers without a length.
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
            "samples of type {:?} have no fixed grey scale; export it as 8- or 16-bit grey",
            other.color()
        )),
    }
}

/// `[width, height]` of an image file, px, from its header alone.
pub(super) fn size_px(bytes: &[u8]) -> Result<[usize; 2], String> {
    let reader = ImageReader::with_format(Cursor::new(bytes), known_format(bytes)?);
    let size = reader.into_dimensions().map_err(|e| format!("{e}; copy or export it again"))?;
    Ok([size.0 as usize, size.1 as usize])
}
