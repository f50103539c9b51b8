//! Reproducible random numbers of the probes. Those of the self-test are the same on every device and in every run.

extern crate std;
use std::vec::Vec;

/// A linear congruential generator, with its state.
pub(in crate::gpu) struct Rng(pub(in crate::gpu) u64);

impl Rng {
    /// 31 random bits.
    fn next(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// From `low` up to, not including, `high`.
    pub(in crate::gpu) fn among(&mut self, low: usize, high: usize) -> usize {
        low + self.next() as usize % (high - low)
    }

    /// From −1 to 1.
    pub(in crate::gpu) fn real(&mut self) -> f32 {
        self.next() as f32 / (1u32 << 30) as f32 - 1.0
    }

    pub(in crate::gpu) fn reals(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.real()).collect()
    }
}
