//! The measures on a drawn face.

use super::definitions::DEFINITIONS;
use super::*;

/// The landmarks of a face that looks to the right, upright and easy to draw, in mm; 2 px per mm.
fn face() -> Vec<Landmark> {
    let points = [
        ("sella", [60.0, 50.0]),
        ("nasion", [130.0, 50.0]),
        ("porion", [40.0, 80.0]),
        ("orbitale", [120.0, 80.0]),
        ("subspinale", [130.0, 110.0]),
        ("supramentale", [125.0, 150.0]),
        ("pogonion", [130.0, 170.0]),
        ("gonion", [60.0, 150.0]),
        ("menton", [110.0, 180.0]),
        ("gnathion", [120.0, 180.0]),
        ("articulare", [60.0, 100.0]),
        ("posterior_nasal_spine", [80.0, 100.0]),
        ("anterior_nasal_spine", [135.0, 100.0]),
        ("lower_incisal_incision", [128.0, 130.0]),
        ("upper_incisal_incision", [131.0, 132.0]),
    ];
    points.map(|(name, [x, y])| landmark(name, [x, y])).to_vec()
}

fn landmark(name: &str, [x, y]: [f64; 2]) -> Landmark {
    Landmark {
        name: name.into(),
        x_px: 2.0 * x,
        y_px: 2.0 * y,
        x_mm: Some(x),
        y_mm: Some(y),
        expected_error_mm: Some(1.0),
        expected_error_px: 2.0,
        covariance_px2: [0.0; 3],
        confident: name != "gonion",
    }
}

fn value(of: &[Measure], name: &str) -> f64 {
    of.iter().find(|m| m.name == name).unwrap_or_else(|| panic!("no {name}")).value
}

#[test]
fn a_drawn_face_measures_as_drawn() {
    let all = measures(&face());
    assert_eq!(all.len(), DEFINITIONS.len());
    let back_by_5_in_100 = (0.05f64).atan().to_degrees();
    let jaw = (0.6f64).atan().to_degrees();
    for (name, wanted) in [
        ("SNA", 90.0),
        ("SNB", 90.0 - back_by_5_in_100),
        ("ANB", back_by_5_in_100),
        ("SN-GoGn", 0.5f64.atan().to_degrees()),
        ("FMA", jaw),
        ("facial angle", 90.0),
        ("convexity", 0.0),
        ("Y axis", (130.0f64 / 60.0).atan().to_degrees()),
        ("saddle angle", 90.0),
        ("articular angle", 180.0),
        ("gonial angle", 90.0 + jaw),
        ("MMPA", jaw),
        ("ODI", 90.0 + (5.0f64 / 40.0).atan().to_degrees() - jaw),
        ("APDI", 90.0 - (5.0f64 / 40.0).atan().to_degrees()),
        ("S-Go / N-Me", 100.0 * 100.0 / 20f64.hypot(130.0)),
        ("ANS-Me / N-Me", 100.0 * 25f64.hypot(80.0) / 20f64.hypot(130.0)),
        ("N-Me", 20f64.hypot(130.0)),
        ("overjet", 3.0),
        ("overbite", 2.0),
    ] {
        assert!((value(&all, name) - wanted).abs() < 1e-9, "{name}: {}", value(&all, name));
    }
}

#[test]
fn a_face_that_looks_to_the_left_measures_the_same() {
    let mut left = face();
    for l in &mut left {
        (l.x_px, l.x_mm) = (500.0 - l.x_px, l.x_mm.map(|x| 250.0 - x));
    }
    for (a, b) in measures(&face()).iter().zip(&measures(&left)) {
        assert!((a.value - b.value).abs() < 1e-9 && (a.sd - b.sd).abs() < 1e-6, "{a:?} {b:?}");
    }
}

#[test]
fn errors_of_the_points_become_that_of_the_measure() {
    let all = measures(&face());
    let of = |name: &str| all.iter().find(|m| m.name == name).unwrap();
    // Both ends of a length move along it.
    let along = SD_OF_MEAN_DISTANCE;
    assert!((of("N-Me").sd - along * 2f64.sqrt()).abs() < 1e-6);
    // A moves across its line from N (60 mm), S across its own (70 mm), N across both.
    let across = |gap: f64| (along / gap).to_degrees();
    let sna = across(60.0).powi(2) + across(70.0).powi(2);
    let n = (along * (1.0 / 60.0f64).hypot(1.0 / 70.0)).to_degrees();
    assert!((of("SNA").sd - (sna + n * n).sqrt()).abs() < 1e-4, "{}", of("SNA").sd);
    assert!(of("SNA").confident && !of("FMA").confident, "gonion has low confidence");
}

#[test]
fn without_a_scale_there_are_angles_and_no_lengths() {
    let mut unknown = face();
    for l in &mut unknown {
        (l.x_mm, l.y_mm, l.expected_error_mm) = (None, None, None);
    }
    let (some, all) = (measures(&unknown), measures(&face()));
    assert!(some.iter().all(|m| m.unit != Unit::Millimetres) && some.len() == all.len() - 3);
    for m in &some {
        let same = all.iter().find(|a| a.name == m.name).unwrap();
        assert!((m.value - same.value).abs() < 1e-9 && (m.sd - same.sd).abs() < 1e-4);
    }
}

#[test]
fn what_lacks_a_landmark_is_left_out() {
    let few: Vec<Landmark> = face().into_iter().take(5).collect();
    let names: Vec<&str> = measures(&few).iter().map(|m| m.name).collect();
    assert_eq!(names, ["SNA"]);
    assert_eq!(measures(&face()[4..]), [], "nothing says where the front is");
}

#[test]
fn points_that_fall_together_give_no_value() {
    let mut together = face();
    for l in &mut together {
        (l.x_mm, l.y_mm) = (Some(1.0), Some(1.0));
    }
    assert!(measures(&together).iter().all(|m| m.value.is_finite() && m.sd.is_finite()));
}
