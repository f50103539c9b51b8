//! Values in 8 bits: integer levels from −127 to 127 and a scale, the value of one level.

use crate::math;

/// The largest level; −128 is not used, so that the range is symmetric.
const LARGEST: f32 = 127.0;

/// The inverse scale and the scale of a group of values whose largest magnitude is `top`. Zeros stay zeros.
pub(crate) fn scales(top: f32) -> (f32, f32) {
    let inverse = if top > 0.0 { LARGEST / top } else { 0.0 };
    (inverse, top / LARGEST)
}

/// The level nearest to `value` times the inverse scale, ties to even.
pub(crate) fn level(value: f32, inverse: f32) -> i8 {
    math::rintf(value * inverse).clamp(-LARGEST, LARGEST) as i8
}

/// Writes the levels of the row `weights` to `levels`, which is as long, and returns their scale.
///
/// Quantising a row again that was quantised with a scale of its own gives the same levels.
pub fn quantise(weights: &[f32], levels: &mut [i8]) -> f32 {
    let (inverse, scale) = scales(weights.iter().fold(0.0, |top, w| top.max(w.abs())));
    levels.iter_mut().zip(weights).for_each(|(to, &w)| *to = level(w, inverse));
    scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bits_survive() {
        let scale = 0.003_7;
        let row: [f32; 255] = core::array::from_fn(|i| (i as f32 - 127.0) * scale);
        let mut levels = [0; 255];
        let found = quantise(&row, &mut levels);
        assert!((found / scale - 1.0).abs() < 1e-6);
        assert!(levels.iter().enumerate().all(|(i, &level)| i32::from(level) == i as i32 - 127));
    }

    #[test]
    fn zeros_stay_zeros() {
        let mut levels = [1; 3];
        assert_eq!(quantise(&[0.0; 3], &mut levels), 0.0);
        assert_eq!(levels, [0; 3]);
    }
}
