//! Convolutions, products, element-wise steps, pooling, heat maps.

extern crate std;
use std::{format, vec, vec::Vec};

use super::{Operands, Probe, Rng, layer_probe, plan_for, rounded};
use crate::conv::Conv;
use crate::elementwise::{Elementwise, MAX_AXES, Operation};
use crate::epilogue::{Activation, Epilogue, Skip};
use crate::gpu::steps::{self, At};
use crate::gpu::{Slot, Stage};
use crate::matmul::Matmul;
use crate::pool::{Pool, PoolKind};
use crate::precision::Precision;
use crate::resample::Resample;
use crate::{conv, elementwise, matmul, peak, pool, resample, transposed};

/// Sums of a few hundred products of values about 1, in another order: relative to the largest value.
const SUM_TOLERANCE: f32 = 2e-5;
/// One operation, correctly rounded or nearly so.
const VALUE_TOLERANCE: f32 = 1e-6;
/// Exponentials of the device: 3 + 2·|x| units in the last place (WGSL), and their sums.
const EXP_TOLERANCE: f32 = 1e-4;

pub(in crate::gpu) fn here(label: &str) -> At {
    At::new(Stage::Backbone, label)
}

pub(super) fn any_epilogue(rng: &mut Rng) -> Epilogue {
    let activation = Activation::SAMPLES[rng.among(0, Activation::SAMPLES.len())];
    Epilogue::new(activation, [Skip::None, Skip::Before, Skip::After][rng.among(0, 3)])
}

pub(super) fn product(sizes: &[u32]) -> usize {
    sizes.iter().map(|&v| v as usize).product()
}

/// Values of the output of `batch` images.
pub(super) fn output_len(p: &Conv, batch: usize) -> usize {
    batch * product(&[p.out_channels, p.out_height, p.out_width])
}

/// Random operands of a convolution of `batch` images, transposed or not.
fn conv_operands(form: Precision, rng: &mut Rng, p: &Conv, batch: usize) -> Operands {
    let input = rng.reals(batch * product(&[p.in_channels, p.in_height, p.in_width]));
    let per_group = p.in_channels / p.groups;
    let weights = rng.reals(product(&[p.out_channels, per_group, p.kernel_height, p.kernel_width]));
    let bias = rng.reals(p.out_channels as usize);
    let skip = rng.reals(if p.epilogue.has_skip() { output_len(p, batch) } else { 0 });
    Operands { batch, input: rounded(form, input), weights, bias, skip: rounded(form, skip) }
}

/// Random values for a convolution of `batch` images.
pub(in crate::gpu) fn conv_probe(form: Precision, rng: &mut Rng, p: Conv, batch: usize) -> Probe {
    let v = conv_operands(form, rng, &p, batch);
    let mut want = vec![0.0; output_len(&p, batch)];
    conv(&p, &v.input, &v.weights, &v.bias, &v.skip, &mut want);
    layer_probe(form, want, SUM_TOLERANCE, format!("{p:?}"), |plan, out| {
        let layer = v.layer(plan, "conv", out);
        steps::conv(plan, p, layer);
    })
}

/// A convolution whose output has the size that its padding gives.
pub(in crate::gpu) fn any_conv(
    rng: &mut Rng,
    [inputs, outputs, groups]: [usize; 3],
    kernel: [usize; 2],
) -> Conv {
    let stride = [rng.among(1, 3), rng.among(1, 3)];
    let dilation = if groups == inputs { [1, 1] } else { [rng.among(1, 3), rng.among(1, 3)] };
    let pad = [rng.among(0, kernel[0]), rng.among(0, kernel[1])];
    let size = [rng.among(8, 21), rng.among(8, 21)];
    let out = |axis: usize| {
        (size[axis] + 2 * pad[axis] - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis] + 1
    };
    Conv {
        in_channels: inputs as u32,
        in_height: size[0] as u32,
        in_width: size[1] as u32,
        out_channels: outputs as u32,
        out_height: out(0) as u32,
        out_width: out(1) as u32,
        kernel_height: kernel[0] as u32,
        kernel_width: kernel[1] as u32,
        stride_y: stride[0] as u32,
        stride_x: stride[1] as u32,
        pad_y: pad[0] as u32,
        pad_x: pad[1] as u32,
        dilation_y: dilation[0] as u32,
        dilation_x: dilation[1] as u32,
        groups: groups as u32,
        padded_out: 0,
        epilogue: any_epilogue(rng),
    }
}

/// Random values for a transposed convolution of `batch` images: the transpose of what [`any_conv`] gives.
pub(in crate::gpu) fn transposed_probe(
    form: Precision,
    rng: &mut Rng,
    [inputs, outputs, groups]: [usize; 3],
    kernel: [usize; 2],
    batch: usize,
) -> Probe {
    let forth = any_conv(rng, [outputs, inputs, groups], kernel);
    let p = Conv {
        in_channels: forth.out_channels,
        in_height: forth.out_height,
        in_width: forth.out_width,
        out_channels: forth.in_channels,
        out_height: forth.in_height,
        out_width: forth.in_width,
        ..forth
    };
    let v = conv_operands(form, rng, &p, batch);
    let mut want = vec![0.0; output_len(&p, batch)];
    transposed(&p, &v.input, &v.weights, &v.bias, &v.skip, &mut want);
    layer_probe(form, want, SUM_TOLERANCE, format!("{p:?}"), |plan, out| {
        let layer = v.layer(plan, "transposed", out);
        steps::transposed(plan, &p, layer);
    })
}

/// Random values and a random table for a resampling; every fourth weight is zero.
pub(in crate::gpu) fn resample_probe(form: Precision, rng: &mut Rng) -> Probe {
    let [outer, in_size, out_size] = [0; 3].map(|_| rng.among(1, 20));
    let (inner, taps) = (rng.among(1, 9), rng.among(1, 5));
    let p = Resample {
        count: (outer * out_size * inner) as u32,
        in_size: in_size as u32,
        out_size: out_size as u32,
        inner: inner as u32,
        taps: taps as u32,
        pad: [0; 3],
    };
    let mut input = rounded(form, rng.reals(outer * in_size * inner));
    let mut weights = rounded(form, rng.reals(out_size * taps));
    weights.iter_mut().step_by(4).for_each(|w| *w = 0.0);
    let mut places: Vec<u32> = (0..out_size * taps).map(|_| rng.among(0, in_size) as u32).collect();
    if in_size > 1 {
        // Values that no weight reads may be anything.
        input[..inner].fill(f32::INFINITY);
        let places = places.iter_mut().zip(&weights);
        places.for_each(|(place, w)| *place = if *w == 0.0 { 0 } else { (*place).max(1) });
    }
    let mut want = vec![0.0; p.count as usize];
    resample(&p, &input, &places, &weights, &mut want);
    layer_probe(form, want, VALUE_TOLERANCE, format!("{p:?}"), |plan, out| {
        let input = plan.given(&input);
        steps::resample(plan, here("resample"), &p, input, &places, &weights, out);
    })
}

/// Random values for a product of these sizes.
pub(in crate::gpu) fn matmul_probe(
    form: Precision,
    rng: &mut Rng,
    [m, n, k]: [usize; 3],
    private: bool,
    batch: usize,
) -> Probe {
    let p = Matmul::new([m, n, k], private, any_epilogue(rng));
    let matrices = if private { batch } else { 1 };
    let input = rounded(form, rng.reals(batch * k * n));
    let weights = rng.reals(matrices * m * k);
    let bias = rng.reals(matrices * m);
    let skip = rounded(form, rng.reals(if p.epilogue.has_skip() { batch * m * n } else { 0 }));
    let mut want = vec![0.0; batch * m * n];
    matmul(&p, &input, &steps::pack_rows(&p, &weights), &bias, &skip, &mut want);
    let v = Operands { batch, input, weights, bias, skip };
    layer_probe(form, want, SUM_TOLERANCE, format!("{p:?}"), |plan, out| {
        let layer = v.layer(plan, "product", out);
        steps::matmul(plan, &p, layer);
    })
}

/// Random values for a product of `rows` rows with the result of a depthwise convolution of `channels`.
pub(in crate::gpu) fn matmul_depthwise_probe(
    form: Precision,
    rng: &mut Rng,
    [rows, channels]: [usize; 2],
    kernel: [usize; 2],
    batch: usize,
) -> Probe {
    let any = any_conv(rng, [channels; 3], kernel);
    // The results at the right end may lie outside of the input altogether.
    let any = Conv { out_width: any.out_width.next_multiple_of(4), ..any };
    let activation = [Activation::None, Activation::Clamp(0.0, 6.0)][rng.among(0, 2)];
    let sizes = Conv { epilogue: Epilogue::new(activation, Skip::None), ..any };
    let pixels = product(&[sizes.out_height, sizes.out_width]);
    let p = Matmul::new([rows, pixels, channels], false, any_epilogue(rng));
    let len = batch * rows * pixels;
    let input = rng.reals(batch * channels * product(&[sizes.in_height, sizes.in_width]));
    let input = rounded(form, input);
    let [taps, weights] =
        [channels * kernel[0] * kernel[1], rows * channels].map(|count| rng.reals(count));
    let [taps_bias, bias] = [channels, rows].map(|count| rng.reals(count));
    let skip = rounded(form, rng.reals(if p.epilogue.has_skip() { len } else { 0 }));
    let mut between = vec![0.0; batch * channels * pixels];
    conv(&sizes, &input, &taps, &taps_bias, &[], &mut between);
    let mut want = vec![0.0; len];
    matmul(&p, &between, &steps::pack_rows(&p, &weights), &bias, &skip, &mut want);
    let v = Operands { batch, input, weights, bias, skip };
    let before = steps::Depthwise { sizes, weights: taps, bias: taps_bias };
    layer_probe(form, want, SUM_TOLERANCE, format!("{p:?} {sizes:?}"), |plan, out| {
        let layer = v.layer(plan, "product of a convolution", out);
        steps::matmul_depthwise(plan, &p, &before, layer);
    })
}

/// Random views and values for an operation.
pub(in crate::gpu) fn elementwise_probe(
    form: Precision,
    rng: &mut Rng,
    operation: Operation,
) -> Probe {
    let mut shape = [1; MAX_AXES];
    for axis in [2, 4, 5, 7] {
        shape[axis] = rng.among(1, 7) as u32;
    }
    let activation =
        if operation == Operation::Add { Activation::Clamp(-0.5, 0.75) } else { Activation::None };
    let mut p = Elementwise::new(operation, shape, Epilogue::new(activation, Skip::None));
    // Every second value of a larger tensor, the last axis repeated, one axis broadcast.
    p.offset_a = 3;
    p.a.divisor[7] = 2;
    p.b.stride[4] = 0;
    p.b.stride.swap(2, 7);
    let longest = |p: &Elementwise, stride: &[u32; MAX_AXES]| {
        (0..MAX_AXES).map(|i| (p.shape[i] - 1) * stride[i]).sum::<u32>() as usize + 4
    };
    let a = rounded(form, rng.reals(longest(&p, &p.a.stride)));
    let b: Vec<f32> = rng.reals(longest(&p, &p.b.stride)).iter().map(|v| v + 2.5).collect();
    let b = rounded(form, b);
    let mut want = vec![0.0; p.count as usize];
    elementwise(&p, &a, &b, &mut want);
    layer_probe(form, want, VALUE_TOLERANCE, format!("{p:?}"), |plan, out| {
        let (a, b) = (plan.given(&a), plan.given(&b));
        steps::elementwise(plan, here("values"), &p, a, Some(b), out);
    })
}

/// Random planes for a pooling.
pub(in crate::gpu) fn pool_probe(form: Precision, rng: &mut Rng, kind: PoolKind) -> Probe {
    let (h, w) = (rng.among(6, 20), rng.among(6, 20));
    let p = Pool {
        in_height: h as u32,
        in_width: w as u32,
        out_height: ((h + 2 - 3) / 2 + 1) as u32,
        out_width: ((w + 2 - 3) / 2 + 1) as u32,
        kernel_height: 3,
        kernel_width: 3,
        stride_y: 2,
        stride_x: 2,
        pad_y: 1,
        pad_x: 1,
        planes: rng.among(1, 9) as u32,
        ..Pool::default()
    }
    .taking(kind);
    let input = rounded(form, rng.reals(p.planes as usize * h * w));
    let mut want = vec![0.0; (p.planes * p.out_height * p.out_width) as usize];
    pool(&p, &input, &mut want);
    layer_probe(form, want, VALUE_TOLERANCE, format!("{kind:?} {p:?}"), |plan, out| {
        let input = plan.given(&input);
        steps::pool(plan, here("pool"), &p, input, out);
    })
}

/// A heat map as networks give it: noise and a peak.
fn heat_map(rng: &mut Rng, w: usize, h: usize) -> Vec<f32> {
    let (cx, cy) = (rng.among(0, w) as f32 + 0.3, rng.among(0, h) as f32 - 0.4);
    let sigma = 1.0 + rng.real().abs() * 3.0;
    let cell = |i: usize, noise: f32| {
        let (dx, dy) = ((i % w) as f32 - cx, (i / w) as f32 - cy);
        12.0 * (-(dx * dx + dy * dy) / (2.0 * sigma * sigma)).exp() + noise
    };
    (0..w * h).map(|i| cell(i, rng.real())).collect()
}

/// Heat maps of `[w, h]` cells; where there are many, some hold ties and NaN.
pub(in crate::gpu) fn peak_probe(
    subgroups: bool,
    rng: &mut Rng,
    [w, h]: [usize; 2],
    count: usize,
) -> Probe {
    let mut maps: Vec<f32> = (0..count).flat_map(|_| heat_map(rng, w, h)).collect();
    let spoilt = |map: usize, cell: usize| map * w * h + cell % (w * h);
    if count > 8 {
        // Ties, zeros of both signs, NaN and infinities.
        maps[spoilt(1, 5)] = 40.0;
        maps[spoilt(1, 17)] = 40.0;
        maps[spoilt(2, 3)] = f32::NAN;
        maps[spoilt(2, 40)] = f32::NEG_INFINITY;
        maps[spoilt(3, 2)] = f32::INFINITY;
        maps[4 * w * h..5 * w * h].fill(f32::NAN);
        maps[5 * w * h..6 * w * h].fill(f32::NEG_INFINITY);
        maps[6 * w * h..7 * w * h].fill(-0.0);
        maps[spoilt(6, 9)] = 0.0;
        maps[spoilt(7, 30)] = -f32::NAN;
        maps[7 * w * h..8 * w * h].iter_mut().for_each(|v| *v -= 50.0);
    }
    let radius = rng.among(0, 6);
    let row = |map: &[f32]| match peak(map, w, h, radius) {
        None => [0.0; 8],
        Some(p) => [
            p.x,
            p.y,
            p.mass,
            p.expected_error,
            p.covariance[0],
            p.covariance[1],
            p.covariance[2],
            f32::from_bits(1),
        ],
    };
    let want: Vec<f32> = maps.chunks_exact(w * h).flat_map(row).collect();
    let (plan, out) = plan_for(want.len());
    let mut plan = plan.with_subgroups(subgroups);
    let maps = plan.constant(&maps);
    steps::peak(&mut plan, here("peak"), [w, h], radius, count, maps, Slot::Buffer(out));
    let name = format!("{count} maps of {w} x {h}, radius {radius}");
    Probe::new(plan, out, want, EXP_TOLERANCE, name)
}
