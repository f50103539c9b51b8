//! One picture in many forms gives the same landmarks.

use std::io::Cursor;

use fiducia::{Backend, Detector, Error, ErrorKind, Pack, Radiograph, Report};
use image::{DynamicImage, ImageFormat};

use fiducia_test_support::toy::{self, claim_size, encode, worst_error};

/// Farthest that a landmark may lie from the middle of its spot, units (px of a 300 px high picture).
/// Half a unit is a quarter of a heat-map cell: what is left after rounding, JPEG and sub-pixel decoding.
const TOLERANCE_UNITS: f64 = 0.5;

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
