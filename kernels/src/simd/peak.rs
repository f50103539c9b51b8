//! The decode of a heat map on vectors.

use core::slice::ChunksExactMut;

use pulp::{Arch, Simd, WithSimd};

use super::SCRATCH;
use super::vector::{load, store, whole};
use crate::peak::Peak;
use crate::peak::{MOVES, cells, support};

/// Values of the longest vector.
const LONGEST: usize = 16;
/// Numbers of the lanes of a vector.
const LANES: [f32; LONGEST] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];
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
    fn with_simd<S: Simd>(self, simd: S) -> Option<Peak> {
        let Self { logits, width, height, radius } = self;
        let top = largest(simd, logits);
        if !top.is_finite() {
            return None;
        }
        let best = logits.iter().position(|v| *v == top)?;
        let (px, py) = (best % width, best / width);
        // Rows start with whole vectors and end with as many zeros, so that no vector reaches beyond one.
        let stride = width.next_multiple_of(S::F32_LANES) + S::F32_LANES;
        let mut likely = SCRATCH.take();
        likely.resize(stride * height);
        let total = exponentials(simd, logits, top, width, likely.chunks_exact_mut(stride));

        let columns = px.saturating_sub(radius)..(px + radius + 1).min(width);
        let mut mass = 0.0;
        for y in py.saturating_sub(radius)..(py + radius + 1).min(height) {
            mass += likely[y * stride..][columns.clone()].iter().sum::<f32>();
        }
        let mut middle = [px as f32, py as f32];
        for _ in 0..MOVES {
            middle = moved(simd, &likely, [width, height], stride, middle, support(radius));
        }
        let [cx, cy] = middle;

        let mut all = Sums::new(simd);
        for (y, row) in likely.chunks_exact(stride).enumerate() {
            all.add(S::as_simd_f32s(&row[..stride - S::F32_LANES]).0, [-cx, y as f32 - cy]);
        }
        SCRATCH.set(likely);
        let Sums { error, xx, xy, yy, .. } = all;
        let [error, xx, xy, yy] = [error, xx, xy, yy].map(|sum| simd.reduce_sum_f32s(sum));
        Some(Peak {
            x: cx,
            y: cy,
            mass: mass / total,
            expected_error: error / total,
            covariance: [xx / total, xy / total, yy / total],
        })
    }
}

/// The largest value, NaN aside; negative infinity where there is none.
#[inline(always)]
fn largest<S: Simd>(simd: S, logits: &[f32]) -> f32 {
    let mut best = simd.splat_f32s(f32::NEG_INFINITY);
    let (vectors, rest) = S::as_simd_f32s(logits);
    for &values in vectors {
        best = simd.select_f32s(simd.greater_than_f32s(values, best), values, best);
    }
    let mut each = [f32::NEG_INFINITY; LONGEST];
    store(simd, &mut each[..S::F32_LANES], best);
    each.iter().chain(rest).fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a })
}

/// What each cell weighs, beside the one of the largest, and zeros behind each row; the sum.
#[inline(always)]
fn exponentials<S: Simd>(
    simd: S,
    logits: &[f32],
    top: f32,
    width: usize,
    rows: ChunksExactMut<'_, f32>,
) -> f32 {
    let (top, zero) = (simd.splat_f32s(top), simd.splat_f32s(0.0));
    let mut total = zero;
    for (from, row) in logits.chunks_exact(width).zip(rows) {
        let vectors = S::as_mut_simd_f32s(row).0;
        vectors.fill(zero);
        let (whole_, rest) = S::as_simd_f32s(from);
        for (&values, to) in whole_.iter().zip(&mut *vectors) {
            *to = exp(simd, simd.sub_f32s(values, top));
            total = simd.add_f32s(total, *to);
        }
        if !rest.is_empty() {
            // Beyond the last there is no evidence.
            let inside = simd.splat_f32s(rest.len() as f32);
            let inside = simd.less_than_f32s(whole::<S>(&LANES), inside);
            let p = exp(simd, simd.sub_f32s(load(simd, rest), top));
            vectors[whole_.len()] = simd.select_f32s(inside, p, zero);
            total = simd.add_f32s(total, vectors[whole_.len()]);
        }
    }
    simd.reduce_sum_f32s(total)
}

/// The mean of what lies under a bell about `middle`.
#[inline(always)]
fn moved<S: Simd>(
    simd: S,
    likely: &[f32],
    [width, height]: [usize; 2],
    stride: usize,
    [cx, cy]: [f32; 2],
    support: f32,
) -> [f32; 2] {
    let (columns, rows) = (cells(cx, support, width), cells(cy, support, height));
    let (one, zero) = (simd.splat_f32s(1.0), simd.splat_f32s(0.0));
    let fall = simd.splat_f32s(1.0 / (support * support));
    let step = simd.splat_f32s(S::F32_LANES as f32);
    let start = simd.add_f32s(simd.splat_f32s(columns.start as f32 - cx), whole::<S>(&LANES));
    let across = columns.len().next_multiple_of(S::F32_LANES);
    let [mut under, mut sx, mut sy] = [zero; 3];
    for y in rows {
        let dy = simd.splat_f32s(y as f32 - cy);
        // The bell at `dx` of this row: what is left of it at `dy`, less what falls along x.
        let left = simd.negate_mul_add_e_f32s(simd.mul_f32s(dy, dy), fall, one);
        let (mut dx, mut of_row) = (start, zero);
        for &p in S::as_simd_f32s(&likely[y * stride + columns.start..][..across]).0 {
            let bell = simd.negate_mul_add_e_f32s(simd.mul_f32s(dx, dx), fall, left);
            let bell = simd.max_f32s(bell, zero);
            let p = simd.mul_f32s(p, simd.mul_f32s(bell, bell));
            of_row = simd.add_f32s(of_row, p);
            sx = simd.mul_add_e_f32s(p, dx, sx);
            dx = simd.add_f32s(dx, step);
        }
        under = simd.add_f32s(under, of_row);
        sy = simd.mul_add_e_f32s(of_row, dy, sy);
    }
    let under = simd.reduce_sum_f32s(under);
    [cx + simd.reduce_sum_f32s(sx) / under, cy + simd.reduce_sum_f32s(sy) / under]
}

/// Sums over cells, by lane, of the weight times something.
struct Sums<S: Simd> {
    simd: S,
    /// The distance.
    error: S::f32s,
    xx: S::f32s,
    xy: S::f32s,
    yy: S::f32s,
}

impl<S: Simd> Sums<S> {
    #[inline(always)]
    fn new(simd: S) -> Self {
        let [error, xx, xy, yy] = [simd.splat_f32s(0.0); 4];
        Self { simd, error, xx, xy, yy }
    }

    /// Adds a row of weights, the first of which lies at `(x, y)` from where distances are taken.
    #[inline(always)]
    fn add(&mut self, row: &[S::f32s], [x, y]: [f32; 2]) {
        let simd = self.simd;
        let y = simd.splat_f32s(y);
        let (step, yy) = (simd.splat_f32s(S::F32_LANES as f32), simd.mul_f32s(y, y));
        let mut x = simd.add_f32s(simd.splat_f32s(x), whole::<S>(&LANES));
        // Of the row: what does not depend on x is taken out of the sums.
        let [mut mass, mut of_x] = [simd.splat_f32s(0.0); 2];
        for &p in row {
            let px = simd.mul_f32s(p, x);
            let distance = simd.sqrt_f32s(simd.mul_add_e_f32s(x, x, yy));
            mass = simd.add_f32s(mass, p);
            of_x = simd.add_f32s(of_x, px);
            self.error = simd.mul_add_e_f32s(p, distance, self.error);
            self.xx = simd.mul_add_e_f32s(px, x, self.xx);
            x = simd.add_f32s(x, step);
        }
        self.xy = simd.mul_add_e_f32s(of_x, y, self.xy);
        self.yy = simd.mul_add_e_f32s(mass, yy, self.yy);
    }
}

/// `exp(v)` of what is at most zero, to 2 units in the last place; zero for NaN and below [`SMALLEST`].
#[inline(always)]
fn exp<S: Simd>(simd: S, v: S::f32s) -> S::f32s {
    // `v = n · ln 2 + r`, `n` whole: adding this rounds to whole numbers, which then are the last bits.
    const ROUND: f32 = 1.5 * (1 << 23) as f32;
    // ln 2 in two parts, the first of few bits, so that `n` times it is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let round = simd.splat_f32s(ROUND);
    let shifted = simd.mul_add_e_f32s(v, simd.splat_f32s(core::f32::consts::LOG2_E), round);
    let n = simd.sub_f32s(shifted, round);
    let r = simd.negate_mul_add_e_f32s(n, simd.splat_f32s(LN_2[0]), v);
    let r = simd.negate_mul_add_e_f32s(n, simd.splat_f32s(LN_2[1]), r);
    // Taylor's series about zero, as far as `|r| ≤ ln 2 / 2` needs.
    let mut sum = simd.splat_f32s(1.0 / 5040.0);
    for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = simd.mul_add_e_f32s(sum, r, simd.splat_f32s(c));
    }
    let bits = simd.transmute_u32s_f32s(shifted);
    let bits = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    let scale = simd.transmute_f32s_u32s(simd.add_u32s(bits, simd.splat_u32s(127 << 23)));
    let value = simd.mul_f32s(sum, scale);
    let large = simd.greater_than_or_equal_f32s(v, simd.splat_f32s(SMALLEST));
    simd.select_f32s(large, value, simd.splat_f32s(0.0))
}
