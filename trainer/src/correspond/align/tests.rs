use super::*;
use crate::pyramid::synthetic;

/// Height and width of the synthetic image, px; pixels are normalised units.
const SIDE: usize = 240;
/// Period of the synthetic ribs, normalised units.
const PERIOD: f64 = 24.0;

/// Ribs across a body, moved down by `shift` normalised units: identical except for one, whose centre is
/// moved by `odd` normalised units.
fn ribs(shift: f64, odd: f64) -> ImagePyramid {
    synthetic(SIDE, |x, y| {
        let rib = (std::f64::consts::TAU * (y - shift) / PERIOD).sin();
        let body = (-((x - 120.0) / 60.0).powi(2)).exp();
        let faint = (-((y - 120.0 - odd) / 30.0).powi(2)).exp();
        20_000.0 + 12_000.0 * body * rib * (1.0 - 0.6 * faint)
    })
}

#[test]
fn framing_tells_alike_structures_apart() {
    let near = 4.0;
    let far = near - PERIOD;
    let (template, image) = (ribs(0.0, 0.0), ribs(near, far));
    let moved = |framing| {
        let found = Aligner::new(&template, Framing(framing)).align(&image);
        found.to_image.apply([120.0, 120.0])[1] - 120.0
    };
    let (framed, free) = (moved(Some(20.0)), moved(None));
    assert!((framed - near).abs() < 1.5, "{framed}: expected {near}, the nearest period");
    assert!((free - far).abs() < 1.5, "{free}: expected {far}, the most similar period");
}

#[test]
fn framing_holds_the_size() {
    let stretched = synthetic(SIDE, |x, y| {
        let y = 120.0 + (y - 120.0) / 1.1;
        let rib = (std::f64::consts::TAU * y / PERIOD).sin();
        20_000.0 + 12_000.0 * (-((x - 120.0) / 60.0).powi(2)).exp() * rib
    });
    let template = ribs(0.0, 1e9);
    let height = |framing| {
        let found = Aligner::new(&template, Framing(framing)).align(&stretched).to_image;
        (found.apply([120.0, 240.0])[1] - found.apply([120.0, 0.0])[1]) / 240.0
    };
    let (framed, free) = (height(Some(2.0)), height(None));
    assert!((free - 1.1).abs() < 0.02, "{free}: the image is stretched by 1.1");
    assert!((framed - 1.0).abs() < 0.03, "{framed}: all images have the same framing");
}

#[test]
fn without_framing_distance_costs_nothing() {
    assert_eq!(Framing(None).cost([80.0; 2]), 0.0);
    assert_eq!(Framing(Some(20.0)).cost([20.0; 2]), 0.5);
}
