//! The one type that owns a change of frame.

use crate::math;

/// An affine map of the plane, `x' = m[0][0]·x + m[0][1]·y + m[0][2]` and likewise for `y'`.
///
/// Pixels to millimetres, crop to image, model frame to image: every change of frame in fiducia is
/// one of these, and its way back is [`Affine::inverse`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Row-major 2 × 3 matrix; the third column is the shift.
    pub m: [[f64; 3]; 2],
}

impl Affine {
    /// The map that changes nothing.
    pub const IDENTITY: Self = Self::scale(1.0, 1.0);

    /// Scales x and y about the origin.
    pub const fn scale(x: f64, y: f64) -> Self {
        Self { m: [[x, 0.0, 0.0], [0.0, y, 0.0]] }
    }

    /// Moves every point by `(x, y)`.
    pub const fn shift(x: f64, y: f64) -> Self {
        Self { m: [[1.0, 0.0, x], [0.0, 1.0, y]] }
    }

    /// Rotates by `angle_rad` (x towards y) and scales, such that `from` lands on `to`.
    pub fn similarity(angle_rad: f64, scale: f64, from: [f64; 2], to: [f64; 2]) -> Self {
        let (c, s) = (scale * math::cos(angle_rad), scale * math::sin(angle_rad));
        let turn = Self { m: [[c, -s, 0.0], [s, c, 0.0]] };
        let moved = turn.apply(from);
        Self::shift(to[0] - moved[0], to[1] - moved[1]).after(&turn)
    }

    /// The map that applies `first` and then `self`.
    pub fn after(&self, first: &Self) -> Self {
        let (a, b) = (&self.m, &first.m);
        let mut m = [[0.0; 3]; 2];
        for (row, out) in m.iter_mut().enumerate() {
            for (col, cell) in out.iter_mut().enumerate() {
                *cell = a[row][0] * b[0][col] + a[row][1] * b[1][col];
            }
            out[2] += a[row][2];
        }
        Self { m }
    }

    /// Where `point` lands.
    #[inline]
    pub fn apply(&self, point: [f64; 2]) -> [f64; 2] {
        let m = &self.m;
        [
            m[0][0] * point[0] + m[0][1] * point[1] + m[0][2],
            m[1][0] * point[0] + m[1][1] * point[1] + m[1][2],
        ]
    }

    /// Where a 2 × 2 covariance `[xx, xy, yy]` lands (the shift plays no part).
    pub fn apply_covariance(&self, c: [f64; 3]) -> [f64; 3] {
        let [[a, b, _], [d, e, _]] = self.m;
        [
            a * a * c[0] + 2.0 * a * b * c[1] + b * b * c[2],
            a * d * c[0] + (a * e + b * d) * c[1] + b * e * c[2],
            d * d * c[0] + 2.0 * d * e * c[1] + e * e * c[2],
        ]
    }

    /// By how much areas grow; negative where the map mirrors.
    pub fn determinant(&self) -> f64 {
        self.m[0][0] * self.m[1][1] - self.m[0][1] * self.m[1][0]
    }

    /// The way back, or `None` where the map flattens the plane or holds a value that is not finite.
    pub fn inverse(&self) -> Option<Self> {
        let det = self.determinant();
        if !det.is_normal() {
            return None;
        }
        let [[a, b, x], [c, d, y]] = self.m;
        let (ia, ib, ic, id) = (d / det, -b / det, -c / det, a / det);
        Some(Self { m: [[ia, ib, -(ia * x + ib * y)], [ic, id, -(ic * x + id * y)]] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_undoes_the_map() {
        let map = Affine::similarity(0.3, 1.7, [4.0, -2.0], [100.0, 50.0]);
        let back = map.inverse().unwrap();
        let there = map.apply([4.0, -2.0]);
        assert!((there[0] - 100.0).abs() < 1e-12 && (there[1] - 50.0).abs() < 1e-12);
        let round = back.apply(map.apply([12.5, 7.25]));
        assert!((round[0] - 12.5).abs() < 1e-12 && (round[1] - 7.25).abs() < 1e-12);
    }

    #[test]
    fn after_applies_the_argument_first() {
        let map = Affine::scale(2.0, 3.0).after(&Affine::shift(1.0, 1.0));
        assert_eq!(map.apply([1.0, 2.0]), [4.0, 9.0]);
    }

    #[test]
    fn covariance_turns_with_the_axes() {
        let quarter = Affine { m: [[0.0, -1.0, 5.0], [1.0, 0.0, 5.0]] };
        assert_eq!(quarter.apply_covariance([4.0, 1.0, 9.0]), [9.0, -1.0, 4.0]);
    }

    #[test]
    fn a_flat_map_has_no_inverse() {
        assert!(Affine::scale(0.0, 1.0).inverse().is_none());
        assert!(Affine::scale(f64::NAN, 1.0).inverse().is_none());
    }
}
