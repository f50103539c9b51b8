//! Products and convolutions with 8-bit integers.

extern crate std;
use std::{format, vec, vec::Vec};

use super::layers::{any_epilogue, output_len, product};
use super::{Operands, Probe, Rng, layer_probe};
use crate::conv::Conv;
use crate::gpu::steps::{self, Quantised};
use crate::matmul::Matmul;
use crate::matmul_int8;
use crate::matmul_int8::{Int8, conv_int8};
use crate::precision::Precision;

/// A value that lies between two levels may become either of them: a 127th of the largest, in sums of eight products and
/// more.
const LEVEL_TOLERANCE: f32 = 5e-3;

/// Random values of which each group of `each` has another size.
fn uneven(rng: &mut Rng, groups: usize, each: usize) -> Vec<f32> {
    let group = |_| {
        let size = rng.among(2, 9) as f32 / 4.0;
        rng.reals(each).into_iter().map(|v| size * v).collect::<Vec<_>>()
    };
    (0..groups).flat_map(group).collect()
}

/// Random values for a product `[m, n, k]`, with a bias for each of `batch` items where it is their own.
pub(in crate::gpu) fn matmul_int8_probe(
    rng: &mut Rng,
    [m, n, k]: [usize; 3],
    own_bias: bool,
    batch: usize,
) -> Probe {
    let p = Matmul::new([m, n, k], false, any_epilogue(rng));
    let p = Matmul { bias_batch: if own_bias { m as u32 } else { 0 }, ..p };
    let input = uneven(rng, batch * k, n);
    let weights = uneven(rng, m, k);
    let bias = rng.reals(if own_bias { batch * m } else { m });
    let skip = rng.reals(if p.epilogue.has_skip() { batch * m * n } else { 0 });
    let mut want = vec![0.0; batch * m * n];
    let quantised = Quantised::of(p.m, &weights);
    let rows = quantised.rows(&bias);
    let int8 = Int8 { levels: &quantised.levels, rows: &rows, block: steps::block([p.m, p.n]) };
    matmul_int8(&p, &input, int8, &skip, &mut want);
    let v = Operands { batch, input, weights, bias, skip };
    layer_probe(Precision::Int8, want, LEVEL_TOLERANCE, format!("int8 {p:?}"), |plan, out| {
        let layer = v.layer(plan, "product", out);
        steps::matmul_int8(plan, &p, layer);
    })
}

/// Random values for a convolution of `batch` images.
pub(in crate::gpu) fn conv_int8_probe(rng: &mut Rng, p: Conv, batch: usize) -> Probe {
    let channels = p.in_channels as usize;
    let input = uneven(rng, batch * channels, product(&[p.in_height, p.in_width]));
    let taps = channels * product(&[p.kernel_height, p.kernel_width]);
    let weights = uneven(rng, p.out_channels as usize, taps);
    let bias = rng.reals(p.out_channels as usize);
    let len = output_len(&p, batch);
    let skip = rng.reals(if p.epilogue.has_skip() { len } else { 0 });
    let mut want = vec![0.0; len];
    let quantised = Quantised::of(p.out_channels, &weights);
    let rows = quantised.rows(&bias);
    let block = steps::block([p.out_channels, p.out_height * p.out_width]);
    conv_int8(&p, &input, Int8 { levels: &quantised.levels, rows: &rows, block }, &skip, &mut want);
    let v = Operands { batch, input, weights, bias, skip };
    layer_probe(Precision::Int8, want, LEVEL_TOLERANCE, format!("int8 {p:?}"), |plan, out| {
        let layer = v.layer(plan, "conv", out);
        steps::conv_int8(plan, p, layer);
    })
}
