use std::io::Cursor;

use image::{DynamicImage, ImageFormat};

use super::picture::jpeg_end;
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
    for spacing in [[0.0, 0.1], [0.1, f64::NAN], [f64::INFINITY, 1.0], [-0.1, 0.1], [101.0, 1.0]] {
        let error = Radiograph::decode("x".into(), &bytes, Some(spacing)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    }
    let read = Radiograph::decode("x".into(), &bytes, Some([0.1, 0.2])).unwrap();
    assert_eq!(read.mm_source, MmSource::User);
}
