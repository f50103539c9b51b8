//! The decode of a heat map on vectors.

use pulp::{Arch, Simd, WithSimd};

use crate::Peak;

/// Cells that are worked on together: the longest vector.
const LANES: usize = 16;
/// Below this the exponential is nothing beside 1, and its bits would not be those of a number.
const SMALLEST: f32 = -87.0;

/// As [`crate::peak`], up to rounding.
pub fn peak(logits: &[f32], width: usize, height: usize, radius: usize) -> Option<Peak> {
    Arch::new().dispatch(Decode { logits: &logits[..width * height], width, height, radius })
}

struct Decode<'a> {
    logits: &'a [f32],
    width: usize,
    height: usize,
    radius: usize,
}

impl WithSimd for Decode<'_> {
    type Output = Option<Peak>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Option<Peak> {
        let Self { logits, width, height, radius } = self;
        let top = largest(logits);
        if !top.is_finite() {
            return None;
        }
        let best = logits.iter().position(|v| *v == top)?;
        let (px, py) = (best % width, best / width);
        let columns = px.saturating_sub(radius)..(px + radius + 1).min(width);
        let rows = py.saturating_sub(radius)..(py + radius + 1).min(height);

        let mut near = Sums::default();
        for y in rows {
            let row = &logits[y * width..][columns.clone()];
            near.add(row, top, columns.start as f32 - px as f32, y as f32 - py as f32);
        }
        let [mass, x, y, ..] = near.totals();
        let (cx, cy) = (px as f32 + x / mass, py as f32 + y / mass);

        let mut all = Sums::default();
        for (y, row) in logits.chunks_exact(width).enumerate() {
            all.add(row, top, -cx, y as f32 - cy);
        }
        let [total, _, _, error, xx, xy, yy] = all.totals();
        Some(Peak {
            x: cx,
            y: cy,
            mass: mass / total,
            expected_error: error / total,
            covariance: [xx, xy, yy].map(|c| c / total),
        })
    }
}

/// The largest value, NaN aside; negative infinity where there is none.
#[inline(always)]
fn largest(logits: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut best = [f32::NEG_INFINITY; LANES];
    let (vectors, rest) = logits.as_chunks::<LANES>();
    for values in vectors {
        for (best, value) in best.iter_mut().zip(values) {
            *best = larger(*best, *value);
        }
    }
    best.iter().chain(rest).fold(f32::NEG_INFINITY, |a, b| larger(a, *b))
}

/// Sums over cells, by lane: the weight, and the weight times x, y, distance, x², x · y and y².
#[derive(Clone, Copy, Default)]
struct Sums([[f32; LANES]; 7]);

impl Sums {
    /// Adds a row of cells, the first of which lies at `(x, y)` from where distances are taken.
    #[inline(always)]
    fn add(&mut self, row: &[f32], top: f32, x: f32, y: f32) {
        let (vectors, rest) = row.as_chunks::<LANES>();
        for (i, values) in vectors.iter().enumerate() {
            self.vector(values, top, x + (i * LANES) as f32, y);
        }
        // Beyond the row there is no evidence.
        let mut last = [f32::NAN; LANES];
        last[..rest.len()].copy_from_slice(rest);
        if !rest.is_empty() {
            self.vector(&last, top, x + (vectors.len() * LANES) as f32, y);
        }
    }

    #[inline(always)]
    fn vector(&mut self, values: &[f32; LANES], top: f32, x: f32, y: f32) {
        for lane in 0..LANES {
            let p = exp(values[lane] - top);
            let x = x + lane as f32;
            let terms = [p, p * x, p * y, p * sqrt(x * x + y * y), p * x * x, p * x * y, p * y * y];
            for (sums, term) in self.0.iter_mut().zip(terms) {
                sums[lane] += term;
            }
        }
    }

    #[inline(always)]
    fn totals(&self) -> [f32; 7] {
        self.0.map(|lanes| lanes.iter().sum())
    }
}

/// `exp(v)` of what is at most zero, to 2 units in the last place; zero for NaN and below [`SMALLEST`].
#[inline(always)]
fn exp(v: f32) -> f32 {
    // `v = n · ln 2 + r`, `n` whole: adding this rounds to whole numbers, which then are the last bits.
    const ROUND: f32 = 1.5 * (1 << 23) as f32;
    // ln 2 in two parts, the first of few bits, so that `n` times it is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let shifted = v * core::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = v - n * LN_2[0] - n * LN_2[1];
    // Taylor's series about zero, as far as `|r| ≤ ln 2 / 2` needs.
    let mut sum = 1.0 / 5040.0;
    for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * r + c;
    }
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23));
    if v >= SMALLEST { sum * scale } else { 0.0 }
}

#[inline(always)]
fn sqrt(v: f32) -> f32 {
    extern crate std;
    v.sqrt()
}
