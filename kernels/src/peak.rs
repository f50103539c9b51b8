//! From a heat map to a landmark: integer peak, sub-pixel position, expected radial error.

use crate::math;

/// The decoded heat map of one landmark. Positions and distances are in cells of the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// Sub-cell position, x.
    pub x: f32,
    /// Sub-cell position, y.
    pub y: f32,
    /// Probability that lies in the window around the integer peak, 0 to 1.
    pub mass: f32,
    /// Σ p · distance to `(x, y)` over the whole map, in cells (McCouat and Voiculescu,
    /// "Contour-Hugging Heatmaps", CVPR 2022).
    pub expected_error: f32,
    /// Σ p · (offset · offsetᵀ) about `(x, y)` as `[xx, xy, yy]`, in cells².
    pub covariance: [f32; 3],
}

/// Steps of the mean shift. It has then converged on all but the flattest maps.
pub(crate) const MOVES: usize = 8;

/// Radius of the bell-shaped window, cells: the distance at which its weight is zero.
pub(crate) fn support(radius: usize) -> f32 {
    (3 * radius + 1) as f32
}

/// Decodes `logits` `[height, width]`, whose softmax is the probability of the landmark per cell.
///
/// The position is found by mean shift (Comaniciu and Meer, TPAMI 2002): a bell-shaped window starts on the largest logit and
/// moves repeatedly to the mean of the probability under it. At `d` cells from its centre its weight is
/// `(1 - d² / support²)²`, with a support of `3 · radius + 1` cells. The result is exact to a fraction of a cell where the map
/// is smooth, and on a broad peak it hardly depends on which cell is the largest. The first of equal maxima in row order
/// wins; NaN has probability 0. `None` where all cells are NaN or −∞, or where one is +∞.
pub fn peak(logits: &[f32], width: usize, height: usize, radius: usize) -> Option<Peak> {
    let (best, top) = argmax(&logits[..width * height])?;
    let (px, py) = (best % width, best / width);
    let weight = |x: usize, y: usize| {
        let v = logits[y * width + x];
        if v.is_nan() { 0.0 } else { math::expf(v - top) }
    };

    let mut mass = 0.0f32;
    for y in py.saturating_sub(radius)..(py + radius + 1).min(height) {
        for x in px.saturating_sub(radius)..(px + radius + 1).min(width) {
            mass += weight(x, y);
        }
    }

    let support = support(radius);
    let (mut cx, mut cy) = (px as f32, py as f32);
    for _ in 0..MOVES {
        let (mut under, mut sx, mut sy) = (0.0f32, 0.0f32, 0.0f32);
        for y in cells(cy, support, height) {
            for x in cells(cx, support, width) {
                let (dx, dy) = (x as f32 - cx, y as f32 - cy);
                let bell = (1.0 - (dx * dx + dy * dy) / (support * support)).max(0.0);
                let p = weight(x, y) * bell * bell;
                under += p;
                sx += p * dx;
                sy += p * dy;
            }
        }
        // The weight under the window never falls: mean shift does not move downhill.
        (cx, cy) = (cx + sx / under, cy + sy / under);
    }

    let (mut total, mut error, mut cov) = (0.0f32, 0.0f32, [0.0f32; 3]);
    for y in 0..height {
        for x in 0..width {
            let p = weight(x, y);
            let (dx, dy) = (x as f32 - cx, y as f32 - cy);
            total += p;
            error += p * math::sqrtf(dx * dx + dy * dy);
            cov = [cov[0] + p * dx * dx, cov[1] + p * dx * dy, cov[2] + p * dy * dy];
        }
    }
    Some(Peak {
        x: cx,
        y: cy,
        mass: mass / total,
        expected_error: error / total,
        covariance: cov.map(|c| c / total),
    })
}

/// The cells of an axis of `count` cells within `support` of `middle`, which lies on the axis.
pub(crate) fn cells(middle: f32, support: f32, count: usize) -> core::ops::Range<usize> {
    (middle - support).max(0.0) as usize..((middle + support) as usize + 1).min(count)
}

/// Index and value of the first largest finite logit.
fn argmax(logits: &[f32]) -> Option<(usize, f32)> {
    let mut best = None;
    for (i, &v) in logits.iter().enumerate() {
        if v > best.map_or(f32::NEG_INFINITY, |(_, top)| top) {
            best = Some((i, v));
        }
    }
    best.filter(|(_, top)| top.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::vec::Vec;

    /// Logits of a Gaussian of `sigma` cells about `(cx, cy)`.
    fn gaussian(w: usize, h: usize, cx: f32, cy: f32, sigma: f32) -> Vec<f32> {
        let cell = |i: usize| {
            let (dx, dy) = ((i % w) as f32 - cx, (i / w) as f32 - cy);
            -(dx * dx + dy * dy) / (2.0 * sigma * sigma)
        };
        (0..w * h).map(cell).collect()
    }

    #[test]
    fn finds_a_gaussian_between_cells() {
        let found = peak(&gaussian(40, 30, 17.3, 11.8, 1.2), 40, 30, 5).unwrap();
        assert!((found.x - 17.3).abs() < 0.01 && (found.y - 11.8).abs() < 0.01, "{found:?}");
        assert!(found.mass > 0.99);
    }

    #[test]
    fn moments_of_a_gaussian() {
        let found = peak(&gaussian(41, 41, 20.0, 20.0, 2.0), 41, 41, 8).unwrap();
        // A circular Gaussian has mean radius sigma · sqrt(pi / 2).
        assert!((found.expected_error - 2.0 * (core::f32::consts::FRAC_PI_2).sqrt()).abs() < 0.01);
        assert!((found.covariance[0] - 4.0).abs() < 0.02 && found.covariance[1].abs() < 0.01);
    }

    #[test]
    fn a_broad_top_says_the_same_whichever_cell_is_the_largest() {
        let flat = gaussian(64, 64, 30.4, 33.1, 5.0);
        let tipped = |x: usize, y: usize| {
            let mut map = flat.clone();
            map[y * 64 + x] = 0.01;
            let found = peak(&map, 64, 64, 4).unwrap();
            [found.x, found.y]
        };
        let [a, b] = [tipped(28, 33), tipped(33, 34)];
        assert!((a[0] - 30.4).abs() < 0.05 && (a[1] - 33.1).abs() < 0.05, "{a:?}");
        assert!((a[0] - b[0]).hypot(a[1] - b[1]) < 0.05, "{a:?} {b:?}");
    }

    #[test]
    fn the_nearer_of_two_places_does_not_pull_beyond_the_reach() {
        let one = gaussian(64, 64, 20.0, 20.0, 1.5);
        let other = gaussian(64, 64, 20.0 + 2.0 * support(4), 20.0, 1.5);
        let both: Vec<f32> = one.iter().zip(other).map(|(a, b)| a.max(b - 0.1)).collect();
        let found = peak(&both, 64, 64, 4).unwrap();
        assert!((found.x - 20.0).abs() < 0.01 && (found.y - 20.0).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn first_of_equal_maxima_wins_and_nan_is_no_evidence() {
        let mut map = [0.0f32; 25];
        map[7] = 30.0;
        map[17] = 30.0;
        map[0] = f32::NAN;
        let found = peak(&map, 5, 5, 0).unwrap();
        assert_eq!((found.x, found.y), (2.0, 1.0));
        assert!((found.mass - 0.5).abs() < 1e-6);
    }

    #[test]
    fn no_number_no_peak() {
        assert!(peak(&[f32::NAN; 4], 2, 2, 1).is_none());
        assert!(peak(&[f32::NEG_INFINITY; 4], 2, 2, 1).is_none());
        assert!(peak(&[0.0, f32::INFINITY], 2, 1, 1).is_none());
        assert!(peak(&[], 0, 0, 1).is_none());
    }
}
