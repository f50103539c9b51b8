//! Every channel from itself.
//!
//! What one vector of channels sees is copied out of the input first, with zeros around it: then it lies together in the
//! nearest cache, and no tap can reach beyond it.

extern crate std;
use std::{vec, vec::Vec};

use pulp::Simd;

use super::patches::seen_by;
use super::vector::{lanes, load};
use super::{Aligned, Finish, Slab};
use crate::conv::Conv;

/// Values that are copied out at a time, unless one row of the output needs more: half of the nearest cache.
const NEAR: usize = 6 << 10;

/// A layer in which channels do not see each other.
#[derive(Debug)]
pub(super) struct Depthwise {
    p: Conv,
    channels: usize,
    taps: usize,
    /// `[vectors][taps][channels of a vector]`, zeros beyond the last channel.
    weights: Aligned,
    /// `[vectors][channels of a vector]`
    bias: Vec<f32>,
}

impl Depthwise {
    /// `weights` are `[channels][taps]`.
    pub(super) fn new(p: &Conv, weights: &[f32], bias: &[f32]) -> Self {
        let (lanes, channels) = (lanes(), bias.len());
        let (taps, padded) = (weights.len() / channels, channels.next_multiple_of(lanes));
        let mut turned = vec![0.0; padded * taps];
        for (i, &weight) in weights.iter().enumerate() {
            let (channel, tap) = (i / taps, i % taps);
            turned[(channel / lanes * taps + tap) * lanes + channel % lanes] = weight;
        }
        let mut bias = bias.to_vec();
        bias.resize(padded, 0.0);
        Self { p: *p, channels, taps, weights: turned.into(), bias }
    }

    /// The rows of the output from `first` on, as many as `out` `[rows][width][channels]` has; `skip` is theirs, `input`
    /// what they see.
    #[allow(clippy::too_many_arguments)]
    #[inline(always)]
    pub(super) fn run<S: Simd>(
        &self,
        simd: S,
        first: usize,
        input: Slab,
        seen: &mut Aligned,
        finish: &Finish,
        skip: &[f32],
        out: &mut [f32],
    ) {
        let (p, channels) = (&self.p, self.channels);
        let [width, height] = [p.out_width as usize, out.len() / p.out_width as usize / channels];
        // Columns and rows that a row and all rows see.
        let [kernel_x, stride_x, dilation_x, kernel_y, stride_y, dilation_y] =
            [p.kernel_width, p.stride_x, p.dilation_x, p.kernel_height, p.stride_y, p.dilation_y]
                .map(|v| v as usize);
        let columns = seen_by(width, kernel_x, stride_x, dilation_x);
        let of_rows = |rows| seen_by(rows, kernel_y, stride_y, dilation_y);
        let mut strip = height;
        while strip > 1 && of_rows(strip) * columns * S::F32_LANES > NEAR {
            strip = strip.div_ceil(2);
        }
        seen.resize(of_rows(strip) * columns * S::F32_LANES);
        let (seen, _) = S::as_mut_simd_f32s(seen);
        for channel in (0..channels).step_by(S::F32_LANES) {
            let len = S::F32_LANES.min(channels - channel);
            let weights = S::as_simd_f32s(&self.weights[channel * self.taps..]).0;
            let of = Vector {
                p,
                channels,
                channel,
                len,
                columns,
                weights: &weights[..self.taps],
                bias: S::as_simd_f32s(&self.bias[channel..]).0[0],
            };
            for start in (0..height).step_by(strip) {
                let end = (start + strip).min(height);
                of.see(simd, (first + start) * p.stride_y as usize, input, seen);
                for y in start..end {
                    let row = y * width * channels..(y + 1) * width * channels;
                    let skip = skip.get(row.clone()).unwrap_or(&[]);
                    of.row(simd, y - start, seen, finish, skip, &mut out[row]);
                }
            }
        }
    }
}

/// One vector of channels.
struct Vector<'a, S: Simd> {
    p: &'a Conv,
    channels: usize,
    /// The first of its channels, and how many they are.
    channel: usize,
    len: usize,
    /// Columns that a row sees.
    columns: usize,
    /// One per tap.
    weights: &'a [S::f32s],
    bias: S::f32s,
}

impl<S: Simd> Vector<'_, S> {
    /// Fills `seen` `[rows][columns]` from the row of the padded input number `first` on.
    #[inline(always)]
    fn see(&self, simd: S, first: usize, input: Slab, seen: &mut [S::f32s]) {
        let (p, channels) = (self.p, self.channels);
        let [width, pad_x, pad_y] = [p.in_width, p.pad_x, p.pad_y].map(|v| v as usize);
        let zero = simd.splat_f32s(0.0);
        for (y, to) in seen.chunks_exact_mut(self.columns).enumerate() {
            let line = input.row((first + y).wrapping_sub(pad_y), width * channels);
            let (left, to) = to.split_at_mut(pad_x.min(self.columns));
            let (inside, right) = to.split_at_mut((line.len() / channels).min(to.len()));
            left.fill(zero);
            right.fill(zero);
            let line = line.chunks_exact(channels);
            for (to, values) in inside.iter_mut().zip(line) {
                *to = load(simd, &values[self.channel..][..self.len]);
            }
        }
    }

    /// Row `y` of the output, counted from what is `seen`.
    #[inline(always)]
    fn row(
        &self,
        simd: S,
        y: usize,
        seen: &[S::f32s],
        finish: &Finish,
        skip: &[f32],
        out: &mut [f32],
    ) {
        let p = self.p;
        let seen = &seen[y * p.stride_y as usize * self.columns..];
        let to = (finish, skip, out);
        // As many positions as registers hold sums, and the columns that they see.
        match (S::REGISTER_COUNT >= 32, [p.kernel_width, p.stride_x, p.dilation_x]) {
            (true, [3, 1, 1]) => self.tiles::<3, 1, 12, 14>(simd, seen, to),
            (true, [3, 2, 1]) => self.tiles::<3, 2, 12, 25>(simd, seen, to),
            (true, [5, 1, 1]) => self.tiles::<5, 1, 12, 16>(simd, seen, to),
            (true, [5, 2, 1]) => self.tiles::<5, 2, 12, 27>(simd, seen, to),
            (false, [3, 1, 1]) => self.tiles::<3, 1, 8, 10>(simd, seen, to),
            (false, [3, 2, 1]) => self.tiles::<3, 2, 8, 17>(simd, seen, to),
            (false, [5, 1, 1]) => self.tiles::<5, 1, 8, 12>(simd, seen, to),
            (false, [5, 2, 1]) => self.tiles::<5, 2, 8, 19>(simd, seen, to),
            _ => self.any(simd, seen, to),
        }
    }

    /// A row of `K` taps, `STRIDE` columns apart from position to position, in tiles of `P` positions that see `N` columns.
    #[inline(always)]
    fn tiles<const K: usize, const STRIDE: usize, const P: usize, const N: usize>(
        &self,
        simd: S,
        seen: &[S::f32s],
        (finish, skip, out): (&Finish, &[f32], &mut [f32]),
    ) {
        const { assert!((P - 1) * STRIDE + K == N) };
        let p = self.p;
        let width = p.out_width as usize;
        // The last tile is moved back, so that it is whole.
        let Some(last) = width.checked_sub(P) else {
            return self.any(simd, seen, (finish, skip, out));
        };
        for x in (0..width).step_by(P) {
            let x = x.min(last);
            let mut sums = [self.bias; P];
            for (ky, weights) in self.weights.chunks_exact(K).enumerate() {
                let line = &seen[ky * p.dilation_y as usize * self.columns + x * STRIDE..];
                let Some(line) = line.first_chunk::<N>() else { continue };
                tap::<S, 0, STRIDE, P, N>(simd, weights[0], line, &mut sums);
                tap::<S, 1, STRIDE, P, N>(simd, weights[1], line, &mut sums);
                tap::<S, 2, STRIDE, P, N>(simd, weights[2], line, &mut sums);
                if K == 5 {
                    tap::<S, 3, STRIDE, P, N>(simd, weights[3], line, &mut sums);
                    tap::<S, 4, STRIDE, P, N>(simd, weights[4], line, &mut sums);
                }
            }
            for (i, sum) in sums.into_iter().enumerate() {
                let to = (x + i) * self.channels + self.channel;
                finish.store(simd, sum, to..to + self.len, skip, out);
            }
        }
    }

    /// A row of any taps.
    #[inline(always)]
    fn any(&self, simd: S, seen: &[S::f32s], (finish, skip, out): (&Finish, &[f32], &mut [f32])) {
        let p = self.p;
        let [kernel, stride, dilation, dilation_y] =
            [p.kernel_width, p.stride_x, p.dilation_x, p.dilation_y].map(|v| v as usize);
        for x in 0..p.out_width as usize {
            let mut sum = self.bias;
            for (tap, &weight) in self.weights.iter().enumerate() {
                let (ky, kx) = (tap / kernel, tap % kernel);
                let value = seen[ky * dilation_y * self.columns + x * stride + kx * dilation];
                sum = simd.mul_add_e_f32s(weight, value, sum);
            }
            let to = x * self.channels + self.channel;
            finish.store(simd, sum, to..to + self.len, skip, out);
        }
    }
}

/// Adds what tap number `KX` sees of `line` at each position.
#[inline(always)]
fn tap<S: Simd, const KX: usize, const STRIDE: usize, const P: usize, const N: usize>(
    simd: S,
    weight: S::f32s,
    line: &[S::f32s; N],
    sums: &mut [S::f32s; P],
) {
    for (i, sum) in sums.iter_mut().enumerate() {
        *sum = simd.mul_add_e_f32s(weight, line[i * STRIDE + KX], *sum);
    }
}
