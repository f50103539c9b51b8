//! Weights and shape models in the order in which the shaders read them.

extern crate std;
use std::{vec, vec::Vec};

use crate::conv::Conv;
use crate::gpu::{Plan, Slot};
use crate::matmul::Matmul;
use crate::pose::{Place, Shape};
use crate::quantise;

/// `[out, in, taps]` to `[taps, in, padded out]`.
pub(super) fn pack_taps(p: &Conv, weights: &[f32]) -> Vec<f32> {
    let taps = (p.kernel_height * p.kernel_width) as usize;
    let [inputs, outputs, padded] =
        [p.in_channels, p.out_channels, p.padded_out].map(|v| v as usize);
    let mut packed = vec![0.0; taps * inputs * padded];
    for row in 0..outputs {
        for c in 0..inputs {
            for tap in 0..taps {
                packed[(tap * inputs + c) * padded + row] =
                    weights[(row * inputs + c) * taps + tap];
            }
        }
    }
    packed
}

/// `[m, k]` matrices, one after the other, to `[k, padded m]`.
pub(in crate::gpu) fn pack_rows(p: &Matmul, weights: &[f32]) -> Vec<f32> {
    let [m, k, padded] = [p.m, p.k, p.padded_m].map(|v| v as usize);
    let mut packed = vec![0.0; weights.len() / (m * k) * k * padded];
    for (matrix, to) in weights.chunks_exact(m * k).zip(packed.chunks_exact_mut(k * padded)) {
        for row in 0..m {
            for step in 0..k {
                to[step * padded + row] = matrix[row * k + step];
            }
        }
    }
    packed
}

/// Rows of weights as 8-bit integers.
pub(in crate::gpu) struct Quantised {
    /// `[row][input channel][tap]`.
    pub(in crate::gpu) levels: Vec<i8>,
    /// The scale of each row: the value of one level.
    pub(in crate::gpu) scales: Vec<f32>,
}

impl Quantised {
    /// The `weights` of `rows` rows.
    pub(in crate::gpu) fn of(rows: u32, weights: &[f32]) -> Self {
        let each = (weights.len() / rows as usize).max(1);
        let mut levels = vec![0; weights.len()];
        let pairs = weights.chunks(each).zip(levels.chunks_mut(each));
        let scales = pairs.map(|(row, levels)| quantise(row, levels)).collect();
        Self { levels, scales }
    }

    /// Bias and scale of each row; of each batch item where the bias is its own.
    pub(in crate::gpu) fn rows(&self, bias: &[f32]) -> Vec<[f32; 2]> {
        bias.iter().zip(self.scales.iter().cycle()).map(|(&bias, &scale)| [bias, scale]).collect()
    }

    /// Puts weights and rows into the plan as the shaders read them.
    pub(super) fn put(&self, plan: &mut Plan, taps: usize, bias: &[f32]) -> [Slot; 2] {
        let words = self.packed(taps);
        let rows = self.rows(bias);
        [plan.constant_bytes(bytemuck::cast_slice(&words)), plan.constant(rows.as_flattened())]
    }

    /// `[tap][input channel / 4][row]`, four channels to a word, rows rounded up to a multiple of 4.
    fn packed(&self, taps: usize) -> Vec<u32> {
        let rows = self.scales.len();
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

/// A shape model and the expected position of each landmark, as pose.wgsl reads them: the mean shape `[landmarks, 2]`, the
/// ridge of each mode, the modes `[modes, landmarks, 2]`, for each landmark the number of its model landmark, or the number
/// of model landmarks plus that of its derived landmark, and for each derived landmark its mean and its modes `[1 + modes, 2]`.
pub fn pack_shape<M: AsRef<[f64]>>(shape: &Shape<'_, M>, places: &[Place<'_>]) -> Vec<f32> {
    let mut values: Vec<f32> = shape.mean.iter().flatten().map(|&v| v as f32).collect();
    values.extend((0..shape.modes.len()).map(|mode| shape.ridge(mode) as f32));
    values.extend(shape.modes.iter().flat_map(AsRef::as_ref).map(|&v| v as f32));
    let (mut derived, mut moves) = (shape.mean.len(), Vec::new());
    for place in places {
        match *place {
            Place::ModelLandmark(model_landmark) => values.push(model_landmark as f32),
            Place::Derived { mean, modes } => {
                values.push(derived as f32);
                derived += 1;
                moves.extend([mean].iter().chain(modes).flatten().map(|&v| v as f32));
            }
        }
    }
    values.extend(moves);
    values
}
