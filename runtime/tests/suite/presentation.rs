//! Pictures that are presented wrongly are refused and called what they are.

use fiducia::pack::SectionKind;
use fiducia::{Backend, Detector, ErrorKind, MmSource, OrientationIssue, Pack, Radiograph};

use fiducia_test_support::toy;

use crate::images::detector;

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
    for presentation in OrientationIssue::ALL {
        let report = detector.detect(&presentation.apply(&radiograph())).unwrap();
        assert_eq!(report.presentation, Some(presentation), "{:?}", report.reasons);
        assert!(!report.plausible);
        assert_eq!(report.reasons.last(), Some(&presentation.to_string()));
        assert_eq!(report.inverted, presentation.is_inverted());
    }
}

#[test]
fn a_model_that_knows_the_side_says_when_it_is_wrong() {
    let pack = Pack::from_bytes(toy::sided_pack()).unwrap();
    let mut detector = Detector::new(&pack, Backend::Cpu).unwrap();
    let mut side = |film: &Radiograph| {
        let seen = detector.observe(film).unwrap();
        let reasons = detector.report(film, &seen).reasons;
        let said = reasons.iter().any(|r| r.starts_with("left and right exchanged: -1.0"));
        (seen.side.unwrap(), said)
    };
    let (upright, mirrored) = (side(&radiograph()), side(&radiograph().mirrored()));
    assert!((upright.0 - 1.0).abs() < 1e-3 && !upright.1, "{upright:?}");
    assert!((mirrored.0 + 1.0).abs() < 1e-3 && mirrored.1, "{mirrored:?}");
}

#[test]
fn a_backbone_that_does_not_give_the_side_it_should_is_unreadable() {
    let mut manifest = toy::manifest();
    manifest.plausibility.min_side = Some(0.0);
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let pack = Pack::from_bytes(toy::with(SectionKind::Manifest, manifest)).unwrap();
    let error = Detector::new(&pack, Backend::Cpu).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    assert!(error.to_string().contains("backbone graph: 1 outputs, expected 2"), "{error}");
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
    assert!(report.reasons.iter().any(|r| r.starts_with("too much white")));
}
