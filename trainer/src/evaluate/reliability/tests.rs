use super::*;
use crate::evaluate::Found;

/// One image of 0.5 mm per px; each point has an expected error (px), its measured error (px) and
/// whether it is confident.
fn image(points: &[(Option<f64>, f64, bool)]) -> Prediction {
    let found = |&(expected_error_px, off, confident): &(Option<f64>, f64, bool)| Found {
        px: [10.0 + off, 10.0],
        expected_error_px,
        confident,
    };
    Prediction {
        image: "a.png".to_owned(),
        size_px: [100, 100],
        spacing_mm: Some([0.5, 0.5]),
        truth_px: vec![[10.0, 10.0]; points.len()],
        found: points.iter().map(found).collect(),
        refused: false,
    }
}

#[test]
fn figures_by_hand_in_mm() {
    let seen = image(&[(Some(2.0), 4.0, true), (Some(4.0), 8.0, true)]);
    // The runtime could not analyse the other image: its points are low-confidence and have no expected
    // error.
    let unseen = image(&[(None, 20.0, false), (None, 2.0, false)]);
    let r = reliability(&[seen, unseen], Unit::Mm);
    assert_eq!((r.points, r.expected, r.measured, r.ratio), (2, 1.5, 3.0, 0.5));
    assert_eq!((r.rank_correlation, r.confident_percent), (1.0, 50.0));
    assert_eq!(r.confident, Group { points: 2, mre: 3.0, sdr_2: 50.0 });
    assert_eq!(r.low_confidence, Group { points: 2, mre: 5.5, sdr_2: 50.0 });
    let first = Bin { points: 1, expected: 1.0, measured: 2.0, measured_p90: 2.0 };
    assert_eq!((r.bins.len(), r.bins[0]), (2, first));
}

#[test]
fn bins_hold_equal_counts_in_rising_order() {
    let many: Vec<_> = (0..1003).map(|i| (Some(f64::from(1002 - i)), 1.0, true)).collect();
    let r = reliability(&[image(&many)], Unit::Px);
    assert_eq!(r.bins.len(), MANY_BINS);
    assert!(r.bins.iter().all(|b| b.points == 100 || b.points == 101));
    assert_eq!(r.bins.iter().map(|b| b.points).sum::<usize>(), 1003);
    assert!(r.bins.is_sorted_by_key(|b| b.expected));
    assert_eq!(r.bins[0].expected, 49.5);
    let few = reliability(&[image(&many[..199])], Unit::Px);
    assert_eq!(few.bins.len(), FEW_BINS);
}

#[test]
fn a_bin_tells_its_mean_and_90th_percentile() {
    let pairs: Vec<[f64; 2]> = (0..=10).map(|i| [1.0, f64::from(i)]).collect();
    let expected = Bin { points: 11, expected: 1.0, measured: 5.0, measured_p90: 9.0 };
    assert_eq!(bin(&pairs), expected);
}

#[test]
fn the_order_of_points_does_not_matter_and_the_wrong_order_of_errors_shows() {
    let good: Vec<_> = (0..50).map(|i| (Some(f64::from(i)), f64::from(i), true)).collect();
    let mut turned = good.clone();
    turned.reverse();
    let r = reliability(&[image(&good)], Unit::Px);
    let turned = reliability(&[image(&turned)], Unit::Px);
    assert_eq!((&r.bins, r.confident), (&turned.bins, turned.confident));
    assert_eq!((r.ratio, r.rank_correlation), (1.0, 1.0));
    let bad: Vec<_> = (0..50).map(|i| (Some(f64::from(i)), f64::from(49 - i), true)).collect();
    assert_eq!(reliability(&[image(&bad)], Unit::Px).rank_correlation, -1.0);
}

#[test]
fn nothing_measured_is_null_and_no_panic() {
    let r = reliability(&[], Unit::Px);
    let json = serde_json::to_value(&r).unwrap();
    assert!(json["ratio"].is_null() && json["confident_percent"].is_null());
    assert_eq!((&json["points"], json["bins"].as_array().unwrap().len()), (&0.into(), 0));
    assert_eq!(json["doubtful"]["points"], 0);
    assert!(json["doubtful"]["mre_px"].is_null() && json["doubtful"]["sdr_2px"].is_null());
}

#[test]
fn json_has_the_documented_keys() {
    let r = reliability(&[image(&[(Some(2.0), 4.0, true)])], Unit::Mm);
    let json = serde_json::to_value(&r).unwrap();
    let bin = serde_json::json!(
        {"points": 1, "expected_mm": 1.0, "measured_mm": 2.0, "measured_p90_mm": 2.0});
    assert_eq!(json["bins"][0], bin);
    let confident = serde_json::json!({"points": 1, "mre_mm": 2.0, "sdr_2mm": 100.0});
    assert_eq!(json["confident"], confident);
    for key in ["points", "expected_mm", "measured_mm", "ratio", "rank_correlation", "doubtful"] {
        assert!(json.get(key).is_some(), "{key}");
    }
}
