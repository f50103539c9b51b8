//! Every channel from itself.

extern crate std;
use std::vec::Vec;

use pulp::Simd;

use super::{Finish, Spread};

/// Vectors of positions that are summed together.
const VECTORS: usize = 4;
/// Most values in them: vectors of 16.
const RUN: usize = VECTORS * 16;

/// Weights `[channels][taps]` and bias `[channels]`.
#[derive(Debug)]
pub(super) struct Depthwise {
    weights: Vec<f32>,
    bias: Vec<f32>,
    taps: usize,
}

impl Depthwise {
    pub(super) fn new(taps: usize, weights: &[f32], bias: &[f32]) -> Self {
        Self { weights: weights.to_vec(), bias: bias.to_vec(), taps }
    }

    #[inline(always)]
    pub(super) fn run<S: Simd>(
        &self,
        simd: S,
        spread: &Spread,
        planes: &[f32],
        finish: &Finish,
        skip: &[f32],
        out: &mut [f32],
    ) {
        let (step, area) = (VECTORS * S::F32_LANES, spread.out_area());
        let mut sums = [0.0f32; RUN];
        let channels = self.weights.chunks_exact(self.taps).zip(&self.bias).enumerate();
        for ((c, (weights, &bias)), out) in channels.zip(out.chunks_exact_mut(area)) {
            let planes = &planes[c * spread.channel()..];
            let skip = skip.get(c * area..(c + 1) * area).unwrap_or(&[]);
            for start in (0..spread.positions()).step_by(step) {
                let mut run = [simd.splat_f32s(bias); VECTORS];
                for (&weight, tap) in weights.iter().zip(spread.taps()) {
                    let (values, _) = S::as_simd_f32s(&planes[start + tap..][..step]);
                    let weight = simd.splat_f32s(weight);
                    for (sum, &value) in run.iter_mut().zip(values) {
                        *sum = simd.mul_add_e_f32s(weight, value, *sum);
                    }
                }
                let (to, _) = S::as_mut_simd_f32s(&mut sums[..step]);
                to.iter_mut().zip(run).for_each(|(t, r)| *t = r);
                spread.place(&sums[..step], start, finish, skip, out);
            }
        }
    }
}
