//! The optimiser, and the schedules of learning rate and heat-map width.

use std::f64::consts::PI;

use burn::optim::{AdamWConfig, ModuleOptimizer};

/// Warm-up steps of the learning rate.
const WARM_UP: f64 = 15.0;

/// The optimiser of every training (AdamW, Loshchilov and Hutter 2019).
pub fn optimiser() -> ModuleOptimizer {
    AdamWConfig::new().with_weight_decay(1e-3).with_epsilon(1e-8).init()
}

/// Learning rate at `step` of `steps`: linear warm-up, then half a cosine down to a hundredth of `peak`.
pub fn learning_rate(peak: f64, step: usize, steps: usize) -> f64 {
    let cosine = 0.5 * (1.0 + (PI * step as f64 / steps.max(1) as f64).cos());
    peak * (0.99 * cosine.min((step + 1) as f64 / WARM_UP) + 0.01)
}

/// Standard deviation of the target heat map at `step` of `steps`: from `wide` to `narrow` over the first 70
/// %.
pub fn heat_map_sigma(wide: f64, narrow: f64, step: usize, steps: usize) -> f64 {
    let done = step as f64 / (0.7 * steps.max(1) as f64);
    wide + (narrow - wide) * done.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_then_falls() {
        assert!(learning_rate(1.0, 0, 300) < 0.1);
        assert!((learning_rate(1.0, 15, 300) - 1.0).abs() < 0.02);
        assert!(learning_rate(1.0, 299, 300) < 0.011);
    }

    #[test]
    fn narrows_over_seventy_percent() {
        assert_eq!(heat_map_sigma(2.0, 1.0, 0, 100), 2.0);
        assert_eq!(heat_map_sigma(2.0, 1.0, 70, 100), 1.0);
        assert_eq!(heat_map_sigma(2.0, 1.0, 99, 100), 1.0);
    }
}
