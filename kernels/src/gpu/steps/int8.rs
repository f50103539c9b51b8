//! Products and convolutions with 8-bit integers.

extern crate std;
use std::vec;

use super::conv::{conv_flops, is_product};
use super::matmul::matmul_step;
use super::packing::Quantised;
use super::{Layer, tiles};
use crate::conv::Conv;
use crate::gpu::{Plan, Step, kernel};
use crate::matmul::Matmul;

/// Whether [`conv_int8`] takes a convolution of these sizes.
pub fn takes_conv_int8(p: &Conv) -> bool {
    is_product(p)
}

/// As [`super::matmul`], with weights that all inputs share.
pub fn matmul_int8(plan: &mut Plan, p: &Matmul, layer: Layer<'_>) -> usize {
    let slots = Quantised::of(p.m, layer.weights).put(plan, 1, layer.bias);
    let kernel =
        if p.n.is_multiple_of(4) { &kernel::MATMUL_VEC4_INT8 } else { &kernel::MATMUL_ANY_INT8 };
    plan.push(matmul_step(kernel, p, slots, layer))
}

/// As [`super::conv`] for sizes that [`takes_conv_int8`] takes.
pub fn conv_int8(plan: &mut Plan, mut p: Conv, layer: Layer<'_>) -> usize {
    p.padded_out = p.out_channels.next_multiple_of(4);
    let taps = (p.kernel_height * p.kernel_width) as usize;
    let slots = Quantised::of(p.out_channels, layer.weights).put(plan, taps, layer.bias);
    let (across, grid) = tiles(p.out_channels, p.out_height * p.out_width);
    let flops = conv_flops(&p, layer.batch);
    let step = layer.step(&kernel::CONV_INT8, bytemuck::bytes_of(&p), slots, grid);
    plan.push(Step { constants: vec![("ACROSS", across)], flops, ..step })
}

/// Input channels that share a scale in a product of so many rows and columns: as many as its tile holds.
pub(in crate::gpu) fn block([rows, columns]: [u32; 2]) -> usize {
    (256.0 / tiles(rows, columns).0) as usize
}
