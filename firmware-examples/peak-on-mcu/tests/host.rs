//! The code of the microcontroller on the host: the same numbers, and an error at every limit.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use peak_on_mcu::{CELLS, Fault, LINE_BYTES, Measured, Tile, line, scene};

/// Output of the host with its own square root and exponential (`examples/report.rs`).
const GOLDEN: &str = include_str!("../golden/report.txt");
/// Largest distance of a decoded peak from the centre of its Gaussian, mm: a hundredth of a cell.
const TOLERANCE_MM: f32 = 0.003;

fn measured(x_mm: f32, y_mm: f32, expected_error_mm: f32) -> Measured {
    Measured { x_mm, y_mm, expected_error_mm }
}

#[test]
fn the_lines_are_those_of_the_host() {
    assert_eq!(GOLDEN.lines().count(), scene::CASES.len());
    for (case, golden) in scene::CASES.iter().zip(GOLDEN.lines()) {
        let found = case.tile().unwrap().decode(scene::RADIUS).unwrap();
        assert_eq!(line(case.name, &found).unwrap(), golden);
    }
}

#[test]
fn a_tenth_of_a_cell_changes_a_line() {
    for (case, golden) in scene::CASES.iter().zip(GOLDEN.lines()) {
        let moved = scene::Case { peak: [case.peak[0] + 0.1, case.peak[1]], ..*case };
        let found = moved.tile().unwrap().decode(scene::RADIUS).unwrap();
        assert_ne!(line(case.name, &found).unwrap(), golden);
    }
}

#[test]
fn a_peak_inside_the_tile_is_decoded_at_its_centre() {
    for case in scene::CASES.iter().filter(|s| s.peak[0] > 8.0) {
        let found = case.tile().unwrap().decode(scene::RADIUS).unwrap();
        let [x, y] = [0, 1].map(|axis| case.corner_mm[axis] + 0.3 * case.peak[axis]);
        let off = (found.x_mm - x).hypot(found.y_mm - y);
        assert!(off < TOLERANCE_MM, "{}: off by {off} mm", case.name);
    }
}

#[test]
fn a_full_tile_is_an_error_and_stays_unchanged() {
    let mut tile = Tile::new(48, [0.0, 0.0], 0.3);
    let mut row = [0.0; 48];
    row[7] = 9.0;
    for _ in 0..CELLS / 48 {
        assert_eq!(tile.push(&row), Ok(()));
    }
    let before = tile.decode(5).unwrap();
    assert_eq!(tile.push(&[50.0; 48]), Err(Fault::Full));
    assert_eq!(tile.decode(5), Ok(before));
}

#[test]
fn wrong_shapes_are_errors() {
    assert_eq!(Tile::new(48, [0.0, 0.0], 0.3).push(&[0.0; 47]), Err(Fault::Shape));
    assert_eq!(Tile::new(48, [0.0, 0.0], 0.3).decode(5), Err(Fault::Shape));
    let mut nothing = Tile::new(0, [0.0, 0.0], 0.3);
    assert_eq!(nothing.push(&[]), Ok(()));
    assert_eq!(nothing.decode(5), Err(Fault::Shape));
}

#[test]
fn a_heat_map_without_finite_values_has_no_peak() {
    let mut tile = Tile::new(2, [0.0, 0.0], 0.3);
    tile.push(&[f32::NAN, f32::NEG_INFINITY]).unwrap();
    assert_eq!(tile.decode(5), Err(Fault::NoPeak));
}

#[test]
fn numbers_are_rounded_and_signed() {
    let text = |x, y, e| line("a", &measured(x, y, e)).unwrap();
    assert_eq!(text(83.226, 9.954, 0.8), "a 83.23 9.95 0.80");
    assert_eq!(text(-0.25, -12.5, 0.0), "a -0.25 -12.50 0.00");
    assert_eq!(text(-0.001, 0.0049, 10_000.0), "a 0.00 0.00 10000.00");
}

#[test]
fn values_out_of_range_and_long_lines_are_errors() {
    for bad in [f32::NAN, f32::INFINITY, -10_001.0] {
        assert_eq!(line("a", &measured(bad, 0.0, 0.0)), Err(Fault::Range));
    }
    // " 0.00 0.00 0.00" takes 15 bytes.
    let fits = "n".repeat(LINE_BYTES - 15);
    assert_eq!(line(&fits, &measured(0.0, 0.0, 0.0)).unwrap().len(), LINE_BYTES);
    let long = "n".repeat(LINE_BYTES - 14);
    assert_eq!(line(&long, &measured(0.0, 0.0, 0.0)), Err(Fault::Full));
}
