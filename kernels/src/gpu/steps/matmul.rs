//! Matrix products.

extern crate std;
use std::{vec, vec::Vec};

use super::conv::is_depthwise;
use super::packing::pack_rows;
use super::{Layer, tiles};
use crate::conv::Conv;
use crate::gpu::{Kernel, Plan, Slot, Step, kernel};
use crate::matmul::Matmul;

/// A matrix product for each input `[k, n]`; `weights` are `[m, k]`, for each input where private. Returns the number of
/// its step.
pub fn matmul(plan: &mut Plan, p: &Matmul, layer: Layer<'_>) -> usize {
    let kernel = if p.n.is_multiple_of(4) { &kernel::MATMUL_VEC4 } else { &kernel::MATMUL_ANY };
    let slots = layer.constants(plan, &pack_rows(p, layer.weights));
    plan.push(matmul_step(kernel, p, slots, layer))
}

/// The step of any product, with weights and rows as the shader reads them.
pub(super) fn matmul_step(
    kernel: &'static Kernel,
    p: &Matmul,
    slots: [Slot; 2],
    layer: Layer<'_>,
) -> Step {
    let (across, grid) = tiles(p.m, p.n);
    let flops = 2 * u64::from(p.m) * u64::from(p.n) * u64::from(p.k) * layer.batch as u64;
    let step = layer.step(kernel, bytemuck::bytes_of(p), slots, grid);
    Step { flops, constants: vec![("ACROSS", across)], ..step }
}

/// A convolution of each channel by itself, in front of a product.
#[derive(Clone, Debug)]
pub struct Depthwise {
    /// Sizes and activation; no skip connection.
    pub sizes: Conv,
    /// `[channels, height, width]`.
    pub weights: Vec<f32>,
    /// `[channels]`.
    pub bias: Vec<f32>,
}

/// A product with the result of the convolution `before`; all else as for [`matmul`], `weights` shared by all inputs.
pub fn matmul_depthwise(
    plan: &mut Plan,
    p: &Matmul,
    before: &Depthwise,
    layer: Layer<'_>,
) -> usize {
    let slots = layer.constants(plan, &pack_rows(p, layer.weights));
    let batch = layer.batch as u64;
    let mut product = matmul_step(&kernel::MATMUL_DEPTHWISE, p, slots, layer);
    let sizes = plan.constant_bytes(bytemuck::bytes_of(&before.sizes));
    let (taps, taps_bias) = (plan.constant(&before.weights), plan.constant(&before.bias));
    let rows_of_tiles = product.groups[1];
    let outputs = u64::from(p.k) * u64::from(p.n) * batch;
    let taps_each = rows_of_tiles * before.sizes.kernel_height * before.sizes.kernel_width;
    product.flops = 2 * outputs * (u64::from(p.m) + u64::from(taps_each));
    product.reads.extend([(6, sizes), (7, taps), (8, taps_bias)]);
    product.constants.extend([
        ("KERNEL_WIDTH", f64::from(before.sizes.kernel_width)),
        ("STRIDE_X", f64::from(before.sizes.stride_x)),
    ]);
    plan.push(product)
}

impl Depthwise {
    /// Whether [`matmul_depthwise`] takes a convolution of these sizes.
    pub fn takes(p: &Conv) -> bool {
        is_depthwise(p) && p.out_width.is_multiple_of(4)
    }

    /// Whether [`matmul_depthwise`] computes each value of the convolution only once for so many rows.
    pub fn once(p: &Conv, rows: u32) -> bool {
        tiles(rows, p.out_height * p.out_width).1[1] == 1
    }
}
