//! Values in 8 bits: whole numbers from −127 to 127, and what one step of them is worth.

use crate::math;

/// The largest whole number; −128 is left out, so that both signs reach equally far.
const LARGEST: f32 = 127.0;

/// What divides a group of values whose largest magnitude is `top` into whole numbers, and what one of these is
/// worth. Zeros stay zeros.
pub(crate) fn steps(top: f32) -> (f32, f32) {
    let inverse = if top > 0.0 { LARGEST / top } else { 0.0 };
    (inverse, top / LARGEST)
}

/// The whole number nearest to `value` times `inverse`, the even one of two.
pub(crate) fn level(value: f32, inverse: f32) -> i8 {
    math::rintf(value * inverse).clamp(-LARGEST, LARGEST) as i8
}

/// Writes the row `weights` as whole numbers to `levels`, which is as long, and returns what one is worth.
///
/// A row that came out of 8 bits with a scale of its own comes back as it was.
pub fn quantise(weights: &[f32], levels: &mut [i8]) -> f32 {
    let (inverse, worth) = steps(weights.iter().fold(0.0, |top, w| top.max(w.abs())));
    levels.iter_mut().zip(weights).for_each(|(to, &w)| *to = level(w, inverse));
    worth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bits_survive() {
        let scale = 0.003_7;
        let row: [f32; 255] = core::array::from_fn(|i| (i as f32 - 127.0) * scale);
        let mut levels = [0; 255];
        let worth = quantise(&row, &mut levels);
        assert!((worth / scale - 1.0).abs() < 1e-6);
        assert!(levels.iter().enumerate().all(|(i, &level)| i32::from(level) == i as i32 - 127));
    }

    #[test]
    fn zeros_stay_zeros() {
        let mut levels = [1; 3];
        assert_eq!(quantise(&[0.0; 3], &mut levels), 0.0);
        assert_eq!(levels, [0; 3]);
    }
}
