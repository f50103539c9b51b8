//! Pictures that are presented wrongly are refused and called what they are.

use fiducia::{MmSource, Presentation, Radiograph};

use crate::{images::detector, toy};

fn radiograph() -> Radiograph {
    let picture = toy::picture(240, 300);
    Radiograph {
        name: "spots".into(),
        width: 240,
        height: 300,
        pixels: picture.into_raw().into_iter().map(u16::from).collect(),
        spacing_mm: None,
        mm_source: MmSource::None,
        inverted: false,
        dicom: None,
    }
}

#[test]
fn every_presentation_is_recognised_and_stays_refused() {
    let mut detector = detector();
    for presentation in Presentation::ALL {
        let report = detector.detect(&presentation.apply(&radiograph())).unwrap();
        assert_eq!(report.presentation, Some(presentation), "{:?}", report.reasons);
        assert!(!report.plausible);
        assert_eq!(report.reasons.last(), Some(&presentation.to_string()));
        assert_eq!(report.inverted, presentation.is_inverted());
    }
}

#[test]
fn a_sound_picture_has_no_presentation() {
    let report = detector().detect(&radiograph()).unwrap();
    assert!(report.plausible && report.reasons.is_empty());
    assert_eq!(report.presentation, None);
}

#[test]
fn what_no_presentation_explains_gets_no_name() {
    let noise = |i: usize| ((i * 7919 + i / 240 * 104_729) % 251) as u16;
    let pixels = (0..240 * 300).map(noise).collect();
    let report = detector().detect(&Radiograph { pixels, ..radiograph() }).unwrap();
    assert!(!report.plausible);
    assert_eq!(report.presentation, None, "{:?}", report.reasons);
}

#[test]
fn a_burnt_out_picture_is_refused() {
    let mut burnt = radiograph();
    let (width, height) = (burnt.width, burnt.height);
    burnt.pixels[..width * height * 2 / 5].fill(255);
    let report = detector().detect(&burnt).unwrap();
    assert!(report.reasons.iter().any(|r| r.starts_with("share of white too large")));
}
