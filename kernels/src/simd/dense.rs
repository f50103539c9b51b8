//! Every output channel from every input channel: tiles of a matrix product, kept in registers.

extern crate std;
use std::vec::Vec;

use pulp::{Arch, Simd, WithSimd};

use super::{Finish, Spread};

/// Vectors of positions in a tile.
const VECTORS: usize = 3;
/// Output channels in a tile, for processors with 32 vector registers and with fewer.
const ROWS: [usize; 2] = [8, 4];
/// Most values in a tile: vectors of 16.
const TILE: usize = ROWS[0] * VECTORS * 16;

/// Weights in the order in which tiles read them.
#[derive(Debug)]
pub(super) struct Dense {
    /// Output channels in a tile.
    rows: usize,
    /// `[blocks][taps of all channels][rows]`, zeros beyond the last output channel.
    weights: Vec<f32>,
    /// One per row of all blocks.
    bias: Vec<f32>,
    taps: usize,
    outputs: usize,
}

/// Asks the processor how many rows suit it.
struct RowsThatFit;

impl WithSimd for RowsThatFit {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        ROWS[usize::from(S::REGISTER_COUNT < 32)]
    }
}

impl Dense {
    /// `weights` are `[outputs][taps]`.
    pub(super) fn new(taps: usize, weights: &[f32], bias: &[f32]) -> Self {
        let rows = Arch::new().dispatch(RowsThatFit);
        let outputs = bias.len();
        let blocks = outputs.div_ceil(rows);
        let mut packed = Vec::with_capacity(blocks * taps * rows);
        for block in 0..blocks {
            for tap in 0..taps {
                let of = |o: usize| weights.get(o * taps + tap).copied().unwrap_or(0.0);
                packed.extend((block * rows..(block + 1) * rows).map(of));
            }
        }
        let mut bias = bias.to_vec();
        bias.resize(blocks * rows, 0.0);
        Self { rows, weights: packed, bias, taps, outputs }
    }

    /// Positions of a tile.
    #[inline(always)]
    pub(super) fn step<S: Simd>() -> usize {
        VECTORS * S::F32_LANES
    }

    /// `planes` are what `spread` made, or the input itself where it is plain.
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
        if self.rows == ROWS[0] {
            self.tiles::<S, { ROWS[0] }>(simd, spread, planes, finish, skip, out);
        } else {
            self.tiles::<S, { ROWS[1] }>(simd, spread, planes, finish, skip, out);
        }
    }

    #[inline(always)]
    fn tiles<S: Simd, const N: usize>(
        &self,
        simd: S,
        spread: &Spread,
        planes: &[f32],
        finish: &Finish,
        skip: &[f32],
        out: &mut [f32],
    ) {
        let (step, area) = (Self::step::<S>(), spread.out_area());
        // Nothing lies beyond the end of a plain input: its last tile is moved back.
        let last = if spread.is_plain(step) { spread.positions() - step } else { usize::MAX };
        let mut sums = [0.0f32; TILE];
        let blocks = self.weights.chunks_exact(self.taps * N).zip(self.bias.chunks_exact(N));
        for start in (0..spread.positions()).step_by(step) {
            let start = start.min(last);
            for (block, (weights, bias)) in blocks.clone().enumerate() {
                tile::<S, N>(simd, weights, bias, spread, planes, start, &mut sums[..N * step]);
                let rows = N.min(self.outputs - block * N);
                for (row, sums) in sums.chunks_exact(step).take(rows).enumerate() {
                    let channel = (block * N + row) * area..(block * N + row + 1) * area;
                    let skip = skip.get(channel.clone()).unwrap_or(&[]);
                    spread.place(sums, start, finish, skip, &mut out[channel]);
                }
            }
        }
    }
}

/// The sums of `N` output channels at the positions from `start` on.
#[inline(always)]
fn tile<S: Simd, const N: usize>(
    simd: S,
    weights: &[f32],
    bias: &[f32],
    spread: &Spread,
    planes: &[f32],
    start: usize,
    out: &mut [f32],
) {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; N];
    for (sums, &bias) in sums.iter_mut().zip(bias) {
        *sums = [simd.splat_f32s(bias); VECTORS];
    }
    let taps = spread.taps();
    for (c, weights) in weights.chunks_exact(taps.len() * N).enumerate() {
        let first = c * spread.channel() + start;
        for (weights, tap) in weights.chunks_exact(N).zip(taps) {
            let (values, _) = S::as_simd_f32s(&planes[first + tap..][..VECTORS * S::F32_LANES]);
            for (sums, &weight) in sums.iter_mut().zip(weights) {
                let weight = simd.splat_f32s(weight);
                for (sum, &value) in sums.iter_mut().zip(values) {
                    *sum = simd.mul_add_e_f32s(weight, value, *sum);
                }
            }
        }
    }
    let (out, _) = S::as_mut_simd_f32s(out);
    out.iter_mut().zip(sums.as_flattened()).for_each(|(o, s)| *o = *s);
}
