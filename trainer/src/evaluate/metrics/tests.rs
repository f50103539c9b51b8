use super::*;
use crate::evaluate::Found;

fn prediction(image: &str, spacing_mm: Option<[f64; 2]>, offsets: &[[f64; 2]]) -> Prediction {
    let truth = [100.0, 50.0];
    Prediction {
        image: image.to_owned(),
        size_px: [400, 200],
        spacing_mm,
        truth_px: vec![truth; offsets.len()],
        found: offsets
            .iter()
            .map(|o| Found {
                px: [truth[0] + o[0], truth[1] + o[1]],
                expected_error_px: Some(1.0),
                confident: true,
            })
            .collect(),
        refused: image == "b.png",
    }
}

fn names() -> Vec<String> {
    vec!["p".to_owned(), "q".to_owned()]
}

/// Errors 5, 2, 0 and 3 px, at 0.5 mm 2.5, 1, 0 and 1.5 mm.
fn pair(spacing_mm: Option<[f64; 2]>) -> Vec<Prediction> {
    vec![
        prediction("a.png", spacing_mm, &[[3.0, 4.0], [0.0, -2.0]]),
        prediction("b.png", spacing_mm, &[[0.0, 0.0], [-3.0, 0.0]]),
    ]
}

#[test]
fn figures_by_hand_in_mm() {
    let summary = summarise(&names(), &pair(Some([0.5, 0.5])));
    assert_eq!((summary.unit, summary.images), (Unit::Mm, 2));
    assert_eq!(summary.mre, 1.25);
    // Deviations 1.25, -0.25, -1.25, 0.25: squares 3.25, over 3.
    assert!((summary.sd - (3.25_f64 / 3.0).sqrt()).abs() < 1e-12);
    assert_eq!(summary.median, 1.25);
    assert_eq!(summary.sdr, [75.0, 100.0, 100.0, 100.0]);
    let p = &summary.per_landmark[0];
    assert_eq!((p.mre, p.median, p.sdr), (1.25, 1.25, [50.0, 100.0, 100.0, 100.0]));
    assert_eq!(summary.refused, ["b.png"]);
    assert_eq!(summary.percent_height, None);
}

#[test]
fn figures_by_hand_in_px() {
    let summary = summarise(&names(), &pair(None));
    assert_eq!((summary.unit, summary.mre, summary.median), (Unit::Px, 2.5, 2.5));
    assert_eq!(summary.sdr, [50.0, 50.0, 75.0, 75.0]);
    let percent = summary.percent_height.unwrap();
    assert_eq!((percent.mre, percent.median), (1.25, 1.25));
}

#[test]
fn one_image_without_scale_makes_all_px() {
    let mut both = pair(Some([0.5, 0.5]));
    both[1].spacing_mm = None;
    assert_eq!(summarise(&names(), &both).unit, Unit::Px);
}

#[test]
fn x_and_y_have_their_own_spacing() {
    let skewed = prediction("a.png", Some([0.1, 0.2]), &[[30.0, 20.0]]);
    assert!((radial_error(&skewed, 0, Unit::Mm) - 5.0).abs() < 1e-12);
    let swapped = prediction("a.png", Some([0.2, 0.1]), &[[30.0, 20.0]]);
    assert!((radial_error(&swapped, 0, Unit::Mm) - 5.0).abs() > 1.0);
}

#[test]
fn the_expected_error_has_the_unit_of_the_measured_one() {
    let mut p = prediction("a.png", Some([0.1, 0.3]), &[[30.0, 20.0]]);
    assert_eq!(expected_error(&p, 0, Unit::Px), Some(1.0));
    assert!((expected_error(&p, 0, Unit::Mm).unwrap() - 0.2).abs() < 1e-12);
    p.found[0].expected_error_px = None;
    assert_eq!(expected_error(&p, 0, Unit::Mm), None);
}

#[test]
fn the_threshold_itself_is_a_success() {
    assert_eq!(success_rate(&[2.0, 2.0000001], 2.0), 50.0);
}

#[test]
fn quantiles_interpolate() {
    let values = [4.0, 1.0, 3.0, 2.0];
    assert_eq!(quantile(&values, 0.5), 2.5);
    assert_eq!((quantile(&values, 0.0), quantile(&values, 1.0)), (1.0, 4.0));
    assert_eq!(quantile(&values, 0.25), 1.75);
    assert_eq!(quantile(&[7.0], 0.3), 7.0);
}

#[test]
fn bootstrap_repeats_itself_and_covers_the_mean() {
    let values: Vec<f64> = (0..100).map(|i| f64::from(i % 10)).collect();
    let interval = bootstrap_mean(&values, 2000, 1);
    assert_eq!(interval, bootstrap_mean(&values, 2000, 1));
    assert_ne!(interval, bootstrap_mean(&values, 2000, 2));
    // Mean 4.5, standard error 2.87 / 10: the interval is about 4.5 ± 1.96 · 0.287.
    assert!((interval[0] - 3.94).abs() < 0.06 && (interval[1] - 5.06).abs() < 0.06, "{interval:?}");
    assert_eq!(bootstrap_mean(&[3.0], 10, 1), [3.0, 3.0]);
}

#[test]
fn nothing_measured_is_null_and_no_panic() {
    let summary = summarise(&names(), &[]);
    assert!(summary.mre.is_nan() && summary.median.is_nan());
    let json = serde_json::to_value(&summary).unwrap();
    assert!(json["mre_mm"].is_null());
}

#[test]
fn json_has_the_documented_keys_in_order() {
    let keys = |spacing| {
        let text = serde_json::to_string(&summarise(&names(), &pair(spacing))).unwrap();
        let places: Vec<_> = [
            "\"images\"",
            "mre_",
            "sd_",
            "median_",
            "sdr_2",
            "ci95",
            "\"per_",
            "\"refused\"",
            "\"reliability\"",
        ]
        .iter()
        .map(|k| text.find(k).unwrap())
        .collect();
        assert!(places.is_sorted(), "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        (keys, value)
    };
    let (mut mm, value) = keys(Some([0.5, 0.5]));
    mm.sort();
    let mut expected = [
        "images",
        "mre_mm",
        "sd_mm",
        "median_mm",
        "sdr_2mm",
        "sdr_2_5mm",
        "sdr_3mm",
        "sdr_4mm",
        "ci95_mre_mm",
        "per_landmark",
        "refused",
        "reliability",
    ];
    expected.sort_unstable();
    assert_eq!(mm, expected);
    assert_eq!(value["per_landmark"]["p"], serde_json::json!({"mre_mm": 1.25, "sdr_2mm": 50.0}));
    let (px, value) = keys(None);
    assert!(px.iter().all(|k| !k.contains("mm")), "{px:?}");
    assert_eq!(value["per_landmark"]["p"]["sdr_2px"], 50.0);
    assert_eq!(value["mre_percent_height"], 1.25);
}
