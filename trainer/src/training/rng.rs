//! Random numbers that depend only on seed, stage and step, so that a resumed run draws the same numbers as
//! an uninterrupted one.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use sha2::{Digest, Sha256};

/// A generator for one item of one step of one stage.
pub fn item_rng(seed: u64, stage: &str, step: usize, item: usize) -> StdRng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(stage.as_bytes());
    hash.update((step as u64).to_le_bytes());
    hash.update((item as u64).to_le_bytes());
    StdRng::from_seed(hash.finalize().into())
}

/// A normal deviate with mean 0 and standard deviation `sigma`.
pub fn normal(rng: &mut impl Rng, sigma: f64) -> f64 {
    let z: f64 = StandardNormal.sample(rng);
    z * sigma
}

/// Random change of grey values, so that a network does not rely on them.
#[derive(Clone, Copy, Debug)]
pub struct GreyJitter {
    gamma: f32,
    gain: f32,
    offset: f32,
    noise: f32,
}

impl GreyJitter {
    /// Draws a change. `gamma_strength` scales the gamma curve only; 1 is usual.
    pub fn draw(rng: &mut impl Rng, gamma_strength: f64) -> Self {
        use rand::RngExt;
        let mut within = |width: f64| rng.random_range(-width..width) as f32;
        Self {
            gamma: within(0.4 * gamma_strength).exp(),
            gain: within(0.35).exp(),
            offset: within(0.15),
            noise: within(0.12).abs(),
        }
    }

    /// Applies the gamma curve to grey values (0 to 255), before normalisation.
    pub fn before(&self, grey: &mut [f32]) {
        for v in grey {
            *v = 255.0 * (*v / 255.0).clamp(0.0, 1.0).powf(self.gamma);
        }
    }

    /// Applies gain, offset and noise to normalised values, whose usual spread is `unit`.
    pub fn after(&self, values: &mut [f32], unit: f32, rng: &mut impl Rng) {
        for v in values {
            let z: f32 = StandardNormal.sample(rng);
            *v = *v * self.gain + unit * (self.offset + self.noise * z);
        }
    }
}
