//! Products and convolutions of 8-bit whole numbers.

extern crate std;
use std::{format, string::String, vec, vec::Vec};

use super::layers::{any_epilogue, here};
use super::{BufferId, Dice, Probe, plan_in};
use crate::gpu::steps::{self, Whole};
use crate::gpu::{Plan, Slot};
use crate::{Conv, Int8, Matmul, Precision, conv_int8, matmul_int8};

/// A value that lies between two whole numbers may become either of them: a 127th of the largest, in sums of eight
/// products and more.
const WHOLE_TOLERANCE: f32 = 5e-3;

fn probe(plan: Plan, out: BufferId, want: Vec<f32>, name: String) -> Probe {
    Probe { plan, out, whole: 0, want, tolerance: WHOLE_TOLERANCE, name }
}

/// Random values of which each group of `each` has another size.
fn uneven(dice: &mut Dice, groups: usize, each: usize) -> Vec<f32> {
    let group = |_| {
        let size = dice.among(2, 9) as f32 / 4.0;
        dice.reals(each).into_iter().map(|v| size * v).collect::<Vec<_>>()
    };
    (0..groups).flat_map(group).collect()
}

/// Random values for a product `[m, n, k]`, with a bias for each of `batch` items where it is their own.
pub(in crate::gpu) fn matmul_int8_probe(
    dice: &mut Dice,
    [m, n, k]: [usize; 3],
    own_bias: bool,
    batch: usize,
) -> Probe {
    let p = Matmul::new([m, n, k], false, any_epilogue(dice));
    let p = Matmul { bias_batch: if own_bias { m as u32 } else { 0 }, ..p };
    let input = uneven(dice, batch * k, n);
    let weights = uneven(dice, m, k);
    let bias = dice.reals(if own_bias { batch * m } else { m });
    let skip = if p.epilogue.has_skip() { dice.reals(batch * m * n) } else { vec![] };
    let mut want = vec![0.0; batch * m * n];
    let whole = Whole::of(p.m, &weights);
    let rows = whole.rows(&bias);
    let int8 = Int8 { levels: &whole.levels, rows: &rows, block: steps::block([p.m, p.n]) };
    matmul_int8(&p, &input, int8, &skip, &mut want);
    let (mut plan, out) = plan_in(Precision::Int8, want.len());
    let input = plan.given(&input);
    let skip = p.epilogue.has_skip().then(|| plan.given(&skip));
    let slot = Slot::Buffer(out);
    steps::matmul_int8(&mut plan, here("product"), &p, batch, input, &weights, &bias, skip, slot);
    probe(plan, out, want, format!("int8 {p:?}"))
}

/// Random values for a convolution of `batch` images.
pub(in crate::gpu) fn conv_int8_probe(dice: &mut Dice, p: Conv, batch: usize) -> Probe {
    let count = |v: &[u32]| v.iter().map(|&v| v as usize).product::<usize>();
    let plane = count(&[p.in_height, p.in_width]);
    let input = uneven(dice, batch * p.in_channels as usize, plane);
    let taps = count(&[p.in_channels, p.kernel_height, p.kernel_width]);
    let weights = uneven(dice, p.out_channels as usize, taps);
    let bias = dice.reals(p.out_channels as usize);
    let pixels = p.out_height * p.out_width;
    let len = batch * count(&[p.out_channels, pixels]);
    let skip = if p.epilogue.has_skip() { dice.reals(len) } else { vec![] };
    let mut want = vec![0.0; len];
    let whole = Whole::of(p.out_channels, &weights);
    let rows = whole.rows(&bias);
    let block = steps::block([p.out_channels, pixels]);
    conv_int8(&p, &input, Int8 { levels: &whole.levels, rows: &rows, block }, &skip, &mut want);
    let (mut plan, out) = plan_in(Precision::Int8, len);
    let input = plan.given(&input);
    let skip = p.epilogue.has_skip().then(|| plan.given(&skip));
    let slot = Slot::Buffer(out);
    steps::conv_int8(&mut plan, here("conv"), p, batch, input, &weights, &bias, skip, slot);
    probe(plan, out, want, format!("int8 {p:?}"))
}
