//! Convolutions.

extern crate std;
use std::{borrow::Cow, vec};

use super::packing::pack_taps;
use super::{Layer, MIN_PRODUCT_CHANNELS, THREADS, tiles};
use crate::conv::Conv;
use crate::gpu::{Plan, Step, kernel};

/// Widest kernel and stride of the depthwise shader, taps and px.
const MAX_DEPTHWISE: [u32; 2] = [7, 2];

/// A convolution: `weights` `[out, in / groups, height, width]`, `bias` `[out]`. Returns the number of its step.
pub fn conv(plan: &mut Plan, mut p: Conv, layer: Layer<'_>) -> usize {
    p.padded_out = p.out_channels.next_multiple_of(4);
    let pixels = p.out_height * p.out_width;
    let (kernel, constants, packed, grid) = if is_depthwise(&p) {
        let blocks = p.out_width.div_ceil(4) * p.out_height;
        let constants =
            vec![("KERNEL_WIDTH", p.kernel_width.into()), ("STRIDE_X", p.stride_x.into())];
        let grid = [blocks.div_ceil(THREADS), p.out_channels];
        (&kernel::DEPTHWISE, constants, Cow::Borrowed(layer.weights), grid)
    } else if is_product(&p) {
        let (across, grid) = tiles(p.out_channels, pixels);
        let packed = Cow::Owned(pack_taps(&p, layer.weights));
        (&kernel::CONV, vec![("ACROSS", across)], packed, grid)
    } else {
        let lanes = if (p.out_channels / p.groups).is_multiple_of(4) { 4 } else { 1 };
        let grid = [pixels.div_ceil(THREADS), p.out_channels / lanes];
        (&kernel::GROUPED, vec![("LANES", lanes.into())], Cow::Borrowed(layer.weights), grid)
    };
    let (slots, flops) = (layer.constants(plan, &packed), conv_flops(&p, layer.batch));
    let step = layer.step(kernel, bytemuck::bytes_of(&p), slots, grid);
    plan.push(Step { constants, flops, ..step })
}

/// A transposed convolution; weights as for [`conv`]. Returns the number of its step.
pub fn transposed(plan: &mut Plan, p: &Conv, layer: Layer<'_>) -> usize {
    let grid = [(p.out_height * p.out_width).div_ceil(THREADS), p.out_channels];
    let slots = layer.constants(plan, layer.weights);
    let taps = u64::from(p.kernel_height * p.kernel_width) * u64::from(p.out_channels / p.groups);
    let inputs = u64::from(p.in_channels) * u64::from(p.in_height * p.in_width);
    let flops = 2 * taps * inputs * layer.batch as u64;
    let step = layer.step(&kernel::TRANSPOSED, bytemuck::bytes_of(p), slots, grid);
    plan.push(Step { flops, ..step })
}

/// Multiplications and additions of a convolution of `batch` images.
pub(super) fn conv_flops(p: &Conv, batch: usize) -> u64 {
    let taps = u64::from(p.kernel_height * p.kernel_width) * u64::from(p.in_channels / p.groups);
    let values = u64::from(p.out_height * p.out_width) * u64::from(p.out_channels);
    2 * taps * values * batch as u64
}

/// Whether the shader `depthwise` takes a convolution of these sizes.
pub(super) fn is_depthwise(p: &Conv) -> bool {
    let own_channel = p.groups == p.in_channels && p.in_channels == p.out_channels;
    let narrow = p.kernel_width <= MAX_DEPTHWISE[0] && p.stride_x <= MAX_DEPTHWISE[1];
    own_channel && narrow && p.dilation_x == 1 && p.dilation_y == 1
}

/// Whether a convolution of these sizes is computed as a matrix product.
pub(super) fn is_product(p: &Conv) -> bool {
    p.groups == 1 && p.in_channels >= MIN_PRODUCT_CHANNELS && !is_depthwise(p)
}
