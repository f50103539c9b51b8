//! Every output channel from every input channel: tiles of a matrix product, kept in registers.

extern crate std;
use std::vec::Vec;

use pulp::Simd;

use super::vector::{lanes, together, whole};
use super::{Aligned, Finish};

/// A run of values that an output sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// From where the output's patch starts.
    pub(super) start: usize,
    pub(super) len: usize,
}

/// Weights in the order in which tiles read them.
#[derive(Debug)]
pub(super) struct Dense {
    outputs: usize,
    /// Values that an output sees.
    seen: usize,
    /// `[vectors together][seen][values of these vectors]`, zeros beyond the last output channel.
    weights: Aligned,
    /// One per output channel, and zeros up to a whole vector.
    bias: Vec<f32>,
}

impl Dense {
    /// `weight` of an output channel, a tap and an input channel; `bias` has one value per output channel. Values are seen in
    /// the order of their taps.
    pub(super) fn new(
        [taps, inputs]: [usize; 2],
        weight: impl Fn(usize, usize, usize) -> f32,
        bias: &[f32],
    ) -> Self {
        let lanes = lanes();
        let outputs = bias.len();
        let vectors = outputs.div_ceil(lanes);
        let seen = taps * inputs;
        let mut weights = Aligned::zeros(vectors * lanes * seen);
        let (mut first, mut left) = (0, &mut weights[..]);
        while first < vectors {
            let end = first + together(vectors - first);
            let (part, further) = left.split_at_mut((end - first) * lanes * seen);
            let mut rows = part.chunks_exact_mut((end - first) * lanes);
            for tap in 0..taps {
                for (input, row) in (0..inputs).zip(&mut rows) {
                    for (o, to) in (first * lanes..outputs).zip(row) {
                        *to = weight(o, tap, input);
                    }
                }
            }
            (first, left) = (end, further);
        }
        let mut bias = bias.to_vec();
        bias.resize(vectors * lanes, 0.0);
        Self { outputs, seen, weights, bias }
    }

    /// Values that an output sees.
    pub(super) fn seen(&self) -> usize {
        self.seen
    }

    /// Fills `out` `[starts][outputs]`, finished; `skip` has its shape, or none. The patch of an output lies in `planes`, from its
    /// start on.
    #[allow(clippy::too_many_arguments)]
    #[inline(always)]
    pub(super) fn run<S: Simd>(
        &self,
        simd: S,
        segments: &[Segment],
        planes: &[f32],
        starts: &[usize],
        finish: &Finish,
        skip: &[f32],
        out: &mut [f32],
    ) {
        let vectors = self.bias.len() / S::F32_LANES;
        let mut first = 0;
        while first < vectors {
            let n = together(vectors - first);
            let part = Part { of: self, first, segments, planes, starts, finish, skip };
            // As many sums as registers hold beside what is multiplied.
            match (S::REGISTER_COUNT >= 32, n) {
                (true, 1) => part.tiles::<S, 12, 1>(simd, out),
                (true, 2) => part.tiles::<S, 12, 2>(simd, out),
                (true, 3) => part.tiles::<S, 8, 3>(simd, out),
                (true, _) => part.tiles::<S, 6, 4>(simd, out),
                (false, 1) => part.tiles::<S, 8, 1>(simd, out),
                (false, 2) => part.tiles::<S, 6, 2>(simd, out),
                (false, 3) => part.tiles::<S, 4, 3>(simd, out),
                (false, _) => part.tiles::<S, 3, 4>(simd, out),
            }
            first += n;
        }
    }
}

/// Some vectors of the output channels at all positions.
struct Part<'a> {
    of: &'a Dense,
    /// The first of these vectors.
    first: usize,
    segments: &'a [Segment],
    planes: &'a [f32],
    starts: &'a [usize],
    finish: &'a Finish,
    skip: &'a [f32],
}

impl Part<'_> {
    /// In tiles of `P` positions and `V` vectors.
    #[inline(always)]
    fn tiles<S: Simd, const P: usize, const V: usize>(&self, simd: S, out: &mut [f32]) {
        let positions = self.starts.len();
        // The last tile is moved back, so that it is whole.
        if let Some(last) = positions.checked_sub(P) {
            for at in (0..positions).step_by(P) {
                self.tile::<S, P, V>(simd, at.min(last), out);
            }
        } else {
            for at in 0..positions {
                self.tile::<S, 1, V>(simd, at, out);
            }
        }
    }

    /// The tile from position `at` on.
    #[inline(always)]
    fn tile<S: Simd, const P: usize, const V: usize>(&self, simd: S, at: usize, out: &mut [f32]) {
        let (lanes, Dense { outputs, seen, weights, bias }) = (S::F32_LANES, self.of);
        let first = self.first * lanes;
        let starts = &self.starts[at..at + P];
        let mut of_bias = [simd.splat_f32s(0.0); V];
        for (v, of_bias) in of_bias.iter_mut().enumerate() {
            *of_bias = whole::<S>(&bias[first + v * lanes..]);
        }
        let mut sums = [of_bias; P];
        let (weights, _) = S::as_simd_f32s(&weights[first * seen..][..V * lanes * seen]);
        let (mut weights, _) = weights.as_chunks::<V>();
        for segment in self.segments {
            let mut rows: [&[f32]; P] = [&[]; P];
            for (row, start) in rows.iter_mut().zip(starts) {
                *row = &self.planes[start + segment.start..][..segment.len];
            }
            let (of_segment, further) = weights.split_at(segment.len);
            weights = further;
            for (k, weights) in of_segment.iter().enumerate() {
                for (sums, row) in sums.iter_mut().zip(rows) {
                    let value = simd.splat_f32s(row[k]);
                    for (sum, &weight) in sums.iter_mut().zip(weights) {
                        *sum = simd.mul_add_e_f32s(weight, value, *sum);
                    }
                }
            }
        }
        for (p, sums) in sums.into_iter().enumerate() {
            for (v, sums) in sums.into_iter().enumerate() {
                let channel = first + v * lanes;
                let to = (at + p) * outputs + channel;
                let to = to..to + lanes.min(outputs - channel);
                self.finish.store(simd, sums, to, self.skip, out);
            }
        }
    }
}
