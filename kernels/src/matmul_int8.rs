//! Matrix product and convolution with 8-bit integers: weights have a scale for each output channel; inputs are quantised
//! where they are read, with a scale for each pixel and each block of channels. Sums are integers within a block, and
//! `f32` over the blocks.

use crate::conv::Conv;
use crate::matmul::Matmul;
use crate::quantise::{level, scales};

/// Weights `[m, k]` as [`crate::quantise`] gives them.
#[derive(Clone, Copy, Debug)]
pub struct Int8<'a> {
    /// Levels.
    pub levels: &'a [i8],
    /// Bias and weight scale of each row; of each batch item where the bias is its own.
    pub rows: &'a [[f32; 2]],
    /// Input channels that share a scale.
    pub block: usize,
}

/// As [`crate::matmul`], with weights that all batch items share.
pub fn matmul_int8(p: &Matmul, input: &[f32], weights: Int8<'_>, skip: &[f32], out: &mut [f32]) {
    let [m, n, k] = [p.m, p.n, p.k].map(|v| v as usize);
    for (batch, plane) in out.chunks_exact_mut(m * n).enumerate() {
        let rows = &weights.rows[batch * p.bias_batch as usize..];
        for column in 0..n {
            let value = |step: usize| input[(batch * k + step) * n + column];
            let sums = |row: usize| {
                let levels = &weights.levels[row * k..][..k];
                blocks(k, weights.block, value, |step| levels[step])
            };
            for (row, [bias, scale]) in rows[..m].iter().enumerate() {
                let at = row * n + column;
                let other = skip.get(batch * m * n + at).copied().unwrap_or(0.0);
                plane[at] = p.epilogue.finish(sums(row) * scale + bias, other);
            }
        }
    }
}

/// As [`crate::conv`], in one group; weights `[out_channels, in_channels · taps]`. Each tap has blocks of its own.
pub fn conv_int8(p: &Conv, input: &[f32], weights: Int8<'_>, skip: &[f32], out: &mut [f32]) {
    let [channels, height, width] = [p.in_channels, p.in_height, p.in_width].map(|v| v as usize);
    let [rows, out_height, out_width] =
        [p.out_channels, p.out_height, p.out_width].map(|v| v as usize);
    let [kernel_height, kernel_width] = [p.kernel_height, p.kernel_width].map(|v| v as usize);
    let taps = kernel_height * kernel_width;
    for (at, cell) in out.iter_mut().enumerate() {
        let (ox, oy) = (at % out_width, at / out_width % out_height);
        let row = at / (out_width * out_height) % rows;
        let batch = at / (out_width * out_height * rows);
        let mut sum = 0.0;
        for tap in 0..taps {
            let (ky, kx) = (tap / kernel_width, tap % kernel_width);
            // Beyond the upper or left edge this wraps to a huge number, which is outside too.
            let y = (oy * p.stride_y as usize + ky * p.dilation_y as usize)
                .wrapping_sub(p.pad_y as usize);
            let x = (ox * p.stride_x as usize + kx * p.dilation_x as usize)
                .wrapping_sub(p.pad_x as usize);
            if y < height && x < width {
                let value = |c: usize| input[((batch * channels + c) * height + y) * width + x];
                let level = |c: usize| weights.levels[(row * channels + c) * taps + tap];
                sum += blocks(channels, weights.block, value, level);
            }
        }
        let [bias, scale] = weights.rows[row];
        *cell = p.epilogue.finish(sum * scale + bias, skip.get(at).copied().unwrap_or(0.0));
    }
}

/// The sum of `len` products, block by block.
fn blocks(
    len: usize,
    block: usize,
    value: impl Fn(usize) -> f32,
    weight: impl Fn(usize) -> i8,
) -> f32 {
    let mut sum = 0.0;
    for first in (0..len).step_by(block) {
        let inside = first..len.min(first + block);
        let (inverse, scale) =
            scales(inside.clone().fold(0.0, |top: f32, i| top.max(value(i).abs())));
        let block_sum: i32 =
            inside.map(|i| i32::from(level(value(i), inverse)) * i32::from(weight(i))).sum();
        sum += block_sum as f32 * scale;
    }
    sum
}
