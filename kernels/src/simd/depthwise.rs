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

    /// The channels from `first` on, as many as `out` has; `input` and `skip` are theirs. `planes` are those of one
    /// channel, cleared: they stay in the cache from channel to channel.
    #[allow(clippy::too_many_arguments)]
    #[inline(always)]
    pub(super) fn run<S: Simd>(
        &self,
        simd: S,
        spread: &Spread,
        first: usize,
        input: &[f32],
        planes: &mut [f32],
        finish: &Finish,
        skip: &[f32],
        out: &mut [f32],
    ) {
        let (step, area) = (VECTORS * S::F32_LANES, spread.out_area());
        let mut sums = [0.0f32; RUN];
        let weights = self.weights[first * self.taps..].chunks_exact(self.taps);
        let channels = weights.zip(&self.bias[first..]).zip(input.chunks_exact(spread.in_area()));
        for (c, (((weights, &bias), input), out)) in
            channels.zip(out.chunks_exact_mut(area)).enumerate()
        {
            spread.fill(input, planes);
            let skip = skip.get(c * area..(c + 1) * area).unwrap_or(&[]);
            for start in (0..spread.positions()).step_by(step) {
                let run = match self.taps {
                    9 => fixed::<S, 9>(simd, bias, weights, spread.taps(), planes, start),
                    25 => fixed::<S, 25>(simd, bias, weights, spread.taps(), planes, start),
                    _ => run(simd, bias, weights, spread.taps(), planes, start),
                };
                let (to, _) = S::as_mut_simd_f32s(&mut sums[..step]);
                to.iter_mut().zip(run).for_each(|(t, r)| *t = r);
                spread.place(&sums[..step], start, finish, skip, out);
            }
        }
    }
}

/// The sums of the positions from `start` on, where the number of taps is known to the compiler.
#[inline(always)]
fn fixed<S: Simd, const N: usize>(
    simd: S,
    bias: f32,
    weights: &[f32],
    taps: &[usize],
    planes: &[f32],
    start: usize,
) -> [S::f32s; VECTORS] {
    run(simd, bias, &weights[..N], &taps[..N], planes, start)
}

#[inline(always)]
fn run<S: Simd>(
    simd: S,
    bias: f32,
    weights: &[f32],
    taps: &[usize],
    planes: &[f32],
    start: usize,
) -> [S::f32s; VECTORS] {
    let mut sums = [simd.splat_f32s(bias); VECTORS];
    for (&weight, tap) in weights.iter().zip(taps) {
        let (values, _) = S::as_simd_f32s(&planes[start + tap..][..VECTORS * S::F32_LANES]);
        let weight = simd.splat_f32s(weight);
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum = simd.mul_add_e_f32s(weight, value, *sum);
        }
    }
    sums
}
