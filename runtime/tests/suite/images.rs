//! One picture in many forms gives the same landmarks.

use std::io::Cursor;

use fiducia::{Backend, Detector, Error, ErrorKind, Pack, Radiograph, Report};
use image::{DynamicImage, ImageFormat};

use crate::toy;

/// Farthest that a landmark may lie from the middle of its spot, units (px of a 300 px high picture).
/// Half a unit is a quarter of a heat-map cell: what is left after rounding, JPEG and sub-pixel decoding.
const TOLERANCE_UNITS: f64 = 0.5;

pub(crate) fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The worst distance to the truth, units.
pub(crate) fn worst_error(points: &[[f64; 2]], height: u32) -> f64 {
    assert_eq!(points.len(), 3);
    let units_per_px = f64::from(toy::REFERENCE[1]) / f64::from(height);
    let distance = |(p, t): (&[f64; 2], [f64; 2])| (p[0] - t[0]).hypot(p[1] - t[1]) * units_per_px;
    points.iter().zip(toy::truth(height)).map(distance).fold(0.0, f64::max)
}

pub(crate) fn detector() -> Detector {
    Detector::new(&Pack::from_bytes(toy::pack()).unwrap(), Backend::Cpu).unwrap()
}

fn detect(detector: &mut Detector, bytes: &[u8]) -> Result<Report, Error> {
    detector.detect(&Radiograph::decode("picture".into(), bytes, None)?)
}

fn assert_found(report: &Report, height: u32, form: &str) {
    let points: Vec<[f64; 2]> = report.landmarks.iter().map(|l| [l.x_px, l.y_px]).collect();
    let worst = worst_error(&points, height);
    assert!(report.plausible, "{form}: {:?}", report.reasons);
    assert!(worst < TOLERANCE_UNITS, "{form}: off by {worst:.3} units: {points:?}");
}

#[test]
fn every_form_of_the_picture_gives_the_same_landmarks() {
    let grey = DynamicImage::from(toy::picture(240, 300));
    let mut detector = detector();
    for (picture, form) in [
        (grey.clone(), "grey 8"),
        (grey.to_luma16().into(), "grey 16"),
        (grey.to_luma_alpha8().into(), "grey 8 with alpha"),
        (grey.to_rgb8().into(), "colour 8"),
        (grey.to_rgba8().into(), "colour 8 with alpha"),
        (grey.to_rgb16().into(), "colour 16"),
    ] as [(DynamicImage, &str); 6]
    {
        let report = detect(&mut detector, &encode(&picture, ImageFormat::Png)).unwrap();
        assert_found(&report, 300, &format!("{form} PNG"));
        // TIFF and JPEG have no encoder for some forms.
        for format in [ImageFormat::Tiff, ImageFormat::Jpeg] {
            let mut bytes = Cursor::new(Vec::new());
            if picture.write_to(&mut bytes, format).is_ok() {
                let report = detect(&mut detector, &bytes.into_inner()).unwrap();
                assert_found(&report, 300, &format!("{form} {format:?}"));
            }
        }
    }
}

#[test]
fn every_size_gives_the_same_landmarks() {
    let mut detector = detector();
    for (width, height) in
        [(241, 301), (239, 299), (480, 600), (1201, 1501), (200, 251), (333, 300)]
    {
        let picture = toy::picture(width, height).into();
        let report = detect(&mut detector, &encode(&picture, ImageFormat::Png)).unwrap();
        assert_found(&report, height, &format!("{width} x {height}"));
    }
}

#[test]
fn a_claim_of_twenty_thousand_pixels_is_refused_in_every_form() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff] {
        let bytes = claim_size(format, 20_000);
        let error = Radiograph::decode("huge".into(), &bytes, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(error.to_string().contains("too large"), "{format:?}: {error}");
    }
}

/// A small picture whose header claims `edge` x `edge` px.
pub(crate) fn claim_size(format: ImageFormat, edge: u16) -> Vec<u8> {
    let mut bytes = encode(&toy::picture(240, 300).into(), format);
    let find = |bytes: &[u8], what: &[u8]| {
        bytes.windows(what.len()).position(|w| w == what).expect("the field is in the header")
    };
    match format {
        ImageFormat::Png => {
            // Signature 8, chunk length 4, "IHDR" 4, width 4, height 4, …, CRC after 13 bytes.
            bytes[16..20].copy_from_slice(&u32::from(edge).to_be_bytes());
            bytes[20..24].copy_from_slice(&u32::from(edge).to_be_bytes());
            let crc = crc32fast::hash(&bytes[12..29]);
            bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        }
        ImageFormat::Jpeg => {
            // Marker SOF0 2, length 2, precision 1, height 2, width 2.
            let at = find(&bytes, &[0xFF, 0xC0]) + 5;
            bytes[at..at + 2].copy_from_slice(&edge.to_be_bytes());
            bytes[at + 2..at + 4].copy_from_slice(&edge.to_be_bytes());
        }
        _ => {
            // Tags 256 (width), 257 (height) and 278 (rows per strip), type 4 (LONG), one value each.
            for tag in [[0, 1], [1, 1], [22, 1]] {
                let at = find(&bytes, &[tag[0], tag[1], 4, 0, 1, 0, 0, 0]) + 8;
                bytes[at..at + 4].copy_from_slice(&u32::from(edge).to_le_bytes());
            }
        }
    }
    bytes
}
