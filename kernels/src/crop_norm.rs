//! Normalisation of a small region of interest by its own mean and standard deviation.

use crate::math;

/// Replaces each value `v` by `(v − mean) / (sd + floor)`; `floor` in grey levels. Empty is fine.
pub fn crop_norm(crop: &mut [f32], floor: f32) {
    let count = crop.len() as f32;
    let mean = crop.iter().sum::<f32>() / count;
    let variance = crop.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / count;
    let scale = 1.0 / (math::sqrtf(variance) + floor);
    for v in crop {
        *v = (*v - mean) * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_no_mean_and_unit_spread() {
        let mut crop = [2.0, 4.0, 6.0, 8.0];
        crop_norm(&mut crop, 0.0);
        let sd = 5.0f32.sqrt();
        for (got, want) in crop.iter().zip([-3.0, -1.0, 1.0, 3.0]) {
            assert!((got - want / sd).abs() < 1e-6);
        }
    }

    #[test]
    fn a_flat_crop_is_zero() {
        let mut crop = [5.0; 9];
        crop_norm(&mut crop, 8.0);
        assert_eq!(crop, [0.0; 9]);
    }
}
