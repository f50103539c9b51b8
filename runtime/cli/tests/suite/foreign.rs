//! The shipped model on images for which it is not made: they are refused, and nothing is written.

use std::path::Path;
use std::process::{Command, Output};

use fiducia::{Backend, Detector, OrientationIssue, Pack, Radiograph};
use fiducia_test_support::{shipped::shipped, skip};
use image::{DynamicImage, GrayImage, Luma};

/// `fiducia detect` with every kind of output, all in `folder`.
fn detect(image: &Path, spacing: &str, folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fiducia"))
        .args(["detect", "--backend", "cpu", "--spacing", spacing, "--model"])
        .args([&shipped("head.fid"), image])
        .args(["--json", "r.json", "--csv", "r.csv", "--overlay", "r.png"])
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .output()
        .unwrap()
}

/// Checks that the image is refused, with `words` in the message.
fn assert_refused(image: &Path, spacing: &str, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = detect(image, spacing, folder.path());
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{}: {stderr}", image.display());
    assert!(stderr.contains("does not look like an image for the model head"), "{stderr}");
    assert!(stderr.contains(words), "{stderr}");
    assert!(output.stdout.is_empty());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "something was written");
}

fn demo() -> DynamicImage {
    image::open(shipped("demo.png")).unwrap()
}

fn negative() -> DynamicImage {
    let mut picture = demo();
    picture.invert();
    picture
}

fn assert_picture_refused(picture: &DynamicImage, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.png");
    picture.save(&path).unwrap();
    assert_refused(&path, "0.2", words);
}

#[test]
fn an_image_upside_down_is_refused() {
    assert_picture_refused(&demo().rotate180(), "looks turned by 180 degrees");
}

#[test]
fn an_image_on_its_side_is_refused() {
    assert_picture_refused(&demo().rotate90(), "looks turned by 90 degrees clockwise");
    assert_picture_refused(&demo().rotate270(), "looks turned by 90 degrees anticlockwise");
}

#[test]
fn a_mirrored_image_is_refused() {
    assert_picture_refused(&demo().fliph(), "looks mirrored");
}

#[test]
fn a_negative_is_refused() {
    assert_picture_refused(&negative(), "looks inverted: bone is dark");
    assert_picture_refused(&negative().fliph(), "looks inverted and mirrored");
}

#[test]
fn inverting_a_negative_restores_the_image() {
    let pack = Pack::open(&shipped("head.fid")).unwrap();
    let mut detector = Detector::new(&pack, Backend::Cpu).unwrap();
    let image = Radiograph::open(&shipped("demo.png"), Some([0.2, 0.2])).unwrap();
    let [there, back] =
        [image.clone(), image.inverted().inverted()].map(|r| detector.detect(&r).unwrap());
    assert!(there.plausible && back.plausible && !back.inverted);
    for (a, b) in there.landmarks.iter().zip(&back.landmarks) {
        assert_eq!([a.x_px, a.y_px], [b.x_px, b.y_px], "{}", a.name);
    }
    let report = detector.detect(&image.inverted()).unwrap();
    assert_eq!(report.presentation, Some(OrientationIssue::Inverted));
    assert!(report.inverted && !report.plausible);
}

#[test]
fn blobs_and_stripes_are_refused() {
    let blobs = GrayImage::from_fn(960, 1200, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        Luma([(128.0
            + 60.0 * (x * 0.02).sin() * (y * 0.013).cos()
            + 40.0 * (x * 0.11 + y * 0.07).sin()) as u8])
    });
    assert_picture_refused(&DynamicImage::ImageLuma8(blobs), "");
}

#[test]
fn the_original_image_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let output = detect(&shipped("demo.png").canonicalize().unwrap(), "0.2", folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn chest_radiographs_are_refused() {
    let Some(data) = std::env::var_os("FIDUCIA_DATA") else {
        skip!("FIDUCIA_DATA is not set");
    };
    let images = Path::new(&data).join("chest/images");
    let mut images: Vec<_> =
        std::fs::read_dir(&images).unwrap().map(|e| e.unwrap().path()).collect();
    images.sort();
    for image in images.iter().take(5) {
        assert_refused(&image.canonicalize().unwrap(), "1.4", "");
    }
}

#[test]
fn the_negative_of_a_chest_radiograph_is_refused_for_low_confidence() {
    let pack = Pack::open(&shipped("chest.fid")).unwrap();
    let image = Radiograph::open(&shipped("demo-chest.png"), Some([1.0; 2])).unwrap();
    let mut detector = Detector::new(&pack, Backend::Cpu).unwrap();
    assert!(detector.detect(&image).unwrap().plausible);
    let report = detector.detect(&image.inverted()).unwrap();
    assert!(report.reasons[0].contains("low-confidence landmarks"), "{:?}", report.reasons);
    assert_eq!(report.presentation, Some(OrientationIssue::Inverted));
}
