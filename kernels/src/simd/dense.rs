//! Every output channel from every input channel: tiles of a matrix product, kept in registers.

extern crate std;
use std::{cell::Cell, thread_local, vec::Vec};

use pulp::{Arch, Simd, WithSimd};

use super::{Finish, Spread};

/// Vectors of positions in a tile.
const VECTORS: usize = 3;
/// Output channels in a tile, for processors with 32 vector registers and with fewer.
pub(super) const ROWS: [usize; 2] = [8, 4];
/// Most values in a tile: vectors of 16.
const TILE: usize = ROWS[0] * VECTORS * 16;

thread_local! {
    /// What the taps see at the positions of a tile.
    static SEEN: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

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
}

/// Asks the processor for the tile that suits it: rows, and positions.
pub(super) struct Shape;

impl WithSimd for Shape {
    type Output = (usize, usize);

    fn with_simd<S: Simd>(self, _: S) -> (usize, usize) {
        (ROWS[usize::from(S::REGISTER_COUNT < 32)], Dense::step::<S>())
    }
}

impl Dense {
    /// `weights` are `[outputs][taps]`.
    pub(super) fn new(taps: usize, weights: &[f32], bias: &[f32]) -> Self {
        let (rows, _) = Arch::new().dispatch(Shape);
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
        Self { rows, weights: packed, bias, taps }
    }

    /// Positions of a tile.
    #[inline(always)]
    pub(super) fn step<S: Simd>() -> usize {
        VECTORS * S::F32_LANES
    }

    /// Output channels that are summed together.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The output channels from block `first` on, as many as `out` has; `skip` is theirs. `planes` are what `spread`
    /// made, or the input itself where it is plain.
    #[allow(clippy::too_many_arguments)]
    #[inline(always)]
    pub(super) fn run<S: Simd>(
        &self,
        simd: S,
        spread: &Spread,
        first: usize,
        planes: &[f32],
        finish: &Finish,
        skip: &[f32],
        out: &mut [f32],
    ) {
        if self.rows == ROWS[0] {
            self.tiles::<S, { ROWS[0] }>(simd, spread, first, planes, finish, skip, out);
        } else {
            self.tiles::<S, { ROWS[1] }>(simd, spread, first, planes, finish, skip, out);
        }
    }

    #[allow(clippy::too_many_arguments)]
    #[inline(always)]
    fn tiles<S: Simd, const N: usize>(
        &self,
        simd: S,
        spread: &Spread,
        first: usize,
        planes: &[f32],
        finish: &Finish,
        skip: &[f32],
        out: &mut [f32],
    ) {
        let (step, area) = (Self::step::<S>(), spread.out_area());
        // Nothing lies beyond the end of a plain input: its last tile is moved back.
        let last = if spread.is_plain(step) { spread.positions() - step } else { usize::MAX };
        let mut sums = [0.0f32; TILE];
        let mut seen = SEEN.take();
        seen.resize(self.taps * step, 0.0);
        let outputs = out.len() / area;
        let weights = self.weights[first * self.taps * N..].chunks_exact(self.taps * N);
        let blocks = weights.zip(self.bias[first * N..].chunks_exact(N)).take(outputs.div_ceil(N));
        for start in (0..spread.positions()).step_by(step) {
            let start = start.min(last);
            gather(spread, planes, start, step, &mut seen);
            for (block, (weights, bias)) in blocks.clone().enumerate() {
                let bias = bias.try_into().expect("as many as rows");
                product::<S, N>(simd, bias, weights, &seen, &mut sums[..N * step]);
                let rows = N.min(outputs - block * N);
                for (row, sums) in sums.chunks_exact(step).take(rows).enumerate() {
                    let channel = (block * N + row) * area..(block * N + row + 1) * area;
                    let skip = skip.get(channel.clone()).unwrap_or(&[]);
                    spread.place(sums, start, finish, skip, &mut out[channel]);
                }
            }
        }
        SEEN.set(seen);
    }
}

/// Gathers what all taps see at the positions from `start` on: `[taps of all channels][step]`, side by side for all blocks.
#[inline(always)]
fn gather(spread: &Spread, planes: &[f32], start: usize, step: usize, seen: &mut [f32]) {
    let taps = spread.taps();
    for (c, seen) in seen.chunks_exact_mut(taps.len() * step).enumerate() {
        let first = c * spread.channel() + start;
        for (seen, tap) in seen.chunks_exact_mut(step).zip(taps) {
            seen.copy_from_slice(&planes[first + tap..][..step]);
        }
    }
}

/// `out` `[N][step]` as `bias` and the product of `weights` `[inputs][N]` and `values` `[inputs][step]`.
#[inline(always)]
pub(super) fn product<S: Simd, const N: usize>(
    simd: S,
    bias: &[f32; N],
    weights: &[f32],
    values: &[f32],
    out: &mut [f32],
) {
    let mut sums = bias.map(|bias| [simd.splat_f32s(bias); VECTORS]);
    let values = values.chunks_exact(VECTORS * S::F32_LANES);
    for (weights, values) in weights.chunks_exact(N).zip(values) {
        let (values, _) = S::as_simd_f32s(values);
        for (sums, &weight) in sums.iter_mut().zip(weights) {
            let weight = simd.splat_f32s(weight);
            for (sum, &value) in sums.iter_mut().zip(values) {
                *sum = simd.mul_add_e_f32s(weight, value, *sum);
            }
        }
    }
    let (out, _) = S::as_mut_simd_f32s(out);
    out.iter_mut().zip(sums.as_flattened()).for_each(|(o, s)| *o = *s);
}
