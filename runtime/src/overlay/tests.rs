//! The picture as a whole.

use super::*;
use crate::engine::device::BackendInfo;
use crate::engine::observation::Timings;
use crate::radiograph::MmSource;
use crate::report::ModelInfo;

fn radiograph(width: usize, height: usize) -> Radiograph {
    let pixels = (0..width * height).map(|i| (i % width) as u16 * 7 + 300).collect();
    let (spacing_mm, mm_source) = (Some([0.1, 0.1]), MmSource::User);
    Radiograph {
        name: "x".into(),
        width,
        height,
        pixels,
        spacing_mm,
        mm_source,
        inverted: false,
        dicom: None,
    }
}

fn report(size_px: [usize; 2], points: &[[f64; 2]]) -> Report {
    let landmark = |(i, p): (usize, &[f64; 2])| Landmark {
        name: format!("point_{i}"),
        x_px: p[0],
        y_px: p[1],
        x_mm: None,
        y_mm: None,
        expected_error_mm: None,
        expected_error_px: 10.0,
        covariance_px2: [400.0, 100.0, 225.0],
        confident: i % 2 == 0,
    };
    Report {
        schema: "fiducia.report/1",
        image: "x".into(),
        size_px,
        spacing_mm: Some([0.1, 0.1]),
        mm_source: MmSource::User,
        inverted: false,
        dicom: None,
        model: ModelInfo { name: "toy".into(), sha256: "0123456789".into() },
        backend: BackendInfo {
            kind: "cpu",
            device: String::new(),
            driver: String::new(),
            precision: "f32",
            chosen_because: None,
        },
        timings_ms: Timings::default(),
        plausible: true,
        reasons: vec![],
        presentation: None,
        measures: vec![],
        landmarks: points.iter().enumerate().map(landmark).collect(),
    }
}

fn near(picture: &image::RgbImage, at: [u32; 2], reach: u32, colour: Rgb) -> bool {
    let mut pixels = (at[1] - reach..=at[1] + reach)
        .flat_map(|y| (at[0] - reach..=at[0] + reach).map(move |x| (x, y)));
    pixels.any(|(x, y)| picture.get_pixel(x, y).0 == colour)
}

#[test]
fn marks_stand_at_their_landmarks_in_their_colours() {
    let picture =
        overlay(&radiograph(1000, 1200), &report([1000, 1200], &[[200.0, 300.0], [700.0, 800.0]]));
    assert_eq!(picture.dimensions(), (1000, 1200));
    assert!(near(&picture, [200, 300], 8, CONFIDENT));
    assert!(near(&picture, [700, 800], 8, LOW_CONFIDENCE));
    // The pixel itself stays as it was: grey.
    let [r, g, b] = picture.get_pixel(200, 300).0;
    assert!(r == g && g == b);
}

#[test]
fn a_small_image_is_enlarged_by_a_whole_factor() {
    let picture = overlay(&radiograph(200, 256), &report([200, 256], &[[50.0, 60.0]]));
    assert_eq!(picture.dimensions(), (800, 1024));
    // The centre of pixel 50 of the image is 50 · 4 + 1.5 in the picture.
    assert!(near(&picture, [202, 242], 8, CONFIDENT));
}

#[test]
fn points_outside_and_not_a_number_are_no_trouble() {
    let points = [[-1e9, 5.0], [f64::NAN, 1.0], [1e18, 1e18], [99.0, 64.0]];
    let mut report = report([100, 65], &points);
    report.landmarks[3].covariance_px2 = [1e12, 0.0, f64::INFINITY];
    report.landmarks[0].covariance_px2 = [1e9, 0.0, 1e9];
    overlay(&radiograph(100, 65), &report);
}

#[test]
fn an_ellipse_has_the_axes_of_its_covariance() {
    let [a, b, angle] = half_axes([9.0, 0.0, 4.0]).unwrap();
    assert!((a / 3.0 - CHI2_95.sqrt()).abs() < 1e-12 && (b / 2.0 - CHI2_95.sqrt()).abs() < 1e-12);
    assert_eq!(angle, 0.0);
    let [_, _, angle] = half_axes([4.0, 0.0, 9.0]).unwrap();
    assert!((angle - std::f64::consts::FRAC_PI_2).abs() < 1e-12);
}

/// Orange pixels in rows `from..to` of a picture without landmarks: letters of the mark.
#[cfg(feature = "results")]
fn letters(picture: &image::RgbImage, from: u32, to: u32) -> usize {
    let rows = (from..to).flat_map(|y| (0..picture.width()).map(move |x| (x, y)));
    let is_ink = |[r, g, b]: Rgb| r > 150 && g > 90 && b < 60;
    rows.filter(|(x, y)| is_ink(picture.get_pixel(*x, *y).0)).count()
}

#[cfg(feature = "results")]
#[test]
fn a_mark_takes_two_lines_where_one_would_be_cut() {
    let mark = ["AI RESULT", "NOT FOR DIAGNOSIS"];
    let line = Font::for_picture([1000.0, 1000.0]).line_height() as u32;
    for (width, lines) in [(1000, 1), (200, 2)] {
        let film = radiograph(width, 1000);
        let picture = overlay_marked(&film, &report([width, 1000], &[]), &mark);
        assert_eq!(letters(&overlay(&film, &report([width, 1000], &[])), 0, 3 * line), 0);
        let (first, second) =
            (letters(&picture, 0, line), letters(&picture, line + line / 4, 3 * line));
        assert!(first > 100, "{first}");
        assert_eq!(second > 100, lines == 2, "{second}");
    }
}
