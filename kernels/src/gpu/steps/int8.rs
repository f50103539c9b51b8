//! Products and convolutions of 8-bit whole numbers: weights packed four to a word, with a scale for each row.

extern crate std;
use std::{vec, vec::Vec};

use super::{At, MIN_PRODUCT_CHANNELS, conv_step, is_depthwise, matmul_step, tiles};
use crate::gpu::{Plan, Slot};
use crate::{Conv, Matmul, quantise};

/// Whether [`conv_int8`] takes a convolution of these sizes.
pub fn takes_conv_int8(p: &Conv) -> bool {
    p.groups == 1 && p.in_channels >= MIN_PRODUCT_CHANNELS && !is_depthwise(p)
}

/// As [`super::matmul`], with weights that all batch items share.
#[allow(clippy::too_many_arguments)]
pub fn matmul_int8(
    plan: &mut Plan,
    at: At,
    p: &Matmul,
    batch: usize,
    input: Slot,
    weights: &[f32],
    bias: &[f32],
    skip: Option<Slot>,
    out: Slot,
) -> usize {
    let [weights, rows] = Whole::of(p.m, weights).put(plan, 1, bias);
    let name = if p.n.is_multiple_of(4) { "matmul_vec4_int8" } else { "matmul_any_int8" };
    plan.push(matmul_step(at, name, p, batch, [input, weights, rows], skip, out))
}

/// As [`super::conv`] for sizes that [`takes_conv_int8`] takes.
#[allow(clippy::too_many_arguments)]
pub fn conv_int8(
    plan: &mut Plan,
    at: At,
    mut p: Conv,
    batch: usize,
    input: Slot,
    weights: &[f32],
    bias: &[f32],
    skip: Option<Slot>,
    out: Slot,
) -> usize {
    p.padded_out = p.out_channels.next_multiple_of(4);
    let taps = (p.kernel_height * p.kernel_width) as usize;
    let [weights, rows] = Whole::of(p.out_channels, weights).put(plan, taps, bias);
    let (across, [x, y]) = tiles(p.out_channels, p.out_height * p.out_width);
    let (constants, groups) = (vec![("ACROSS", across)], [x, y, batch as u32]);
    plan.push(conv_step(at, "conv_int8", &p, constants, groups, [input, weights, rows], skip, out))
}

/// Input channels that share a scale in a product of so many rows and columns: as many as its tile holds.
pub(in crate::gpu) fn block([rows, columns]: [u32; 2]) -> usize {
    (256.0 / tiles(rows, columns).0) as usize
}

/// Rows of weights as whole numbers.
pub(in crate::gpu) struct Whole {
    /// `[row][input channel][tap]`.
    pub(in crate::gpu) levels: Vec<i8>,
    /// What a step of each row is worth.
    pub(in crate::gpu) worth: Vec<f32>,
}

impl Whole {
    /// The `weights` of `rows` rows.
    pub(in crate::gpu) fn of(rows: u32, weights: &[f32]) -> Self {
        let each = (weights.len() / rows as usize).max(1);
        let mut levels = vec![0; weights.len()];
        let pairs = weights.chunks(each).zip(levels.chunks_mut(each));
        let worth = pairs.map(|(row, levels)| quantise(row, levels)).collect();
        Self { levels, worth }
    }

    /// The bias of each row, for each batch item where it is its own, beside what a step of the row is worth.
    pub(in crate::gpu) fn rows(&self, bias: &[f32]) -> Vec<[f32; 2]> {
        bias.iter().zip(self.worth.iter().cycle()).map(|(&bias, &worth)| [bias, worth]).collect()
    }

    /// Puts both into the plan as the shaders read them.
    fn put(&self, plan: &mut Plan, taps: usize, bias: &[f32]) -> [Slot; 2] {
        let words = self.packed(taps);
        let rows = self.rows(bias);
        [plan.constant_bytes(bytemuck::cast_slice(&words)), plan.constant(rows.as_flattened())]
    }

    /// `[tap][input channel / 4][row]`, four channels to a word, rows rounded up to a multiple of 4.
    fn packed(&self, taps: usize) -> Vec<u32> {
        let rows = self.worth.len();
        let channels = self.levels.len() / (rows * taps).max(1);
        let (fours, padded) = (channels.div_ceil(4), rows.next_multiple_of(4));
        let mut words = vec![0; taps * fours * padded];
        for (at, &level) in self.levels.iter().enumerate() {
            let (tap, channel, row) = (at % taps, at / taps % channels, at / (taps * channels));
            let word = (tap * fours + channel / 4) * padded + row;
            words[word] |= u32::from(level as u8) << (8 * (channel % 4));
        }
        words
    }
}
