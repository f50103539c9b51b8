//! Matrix product per batch item: pointwise convolutions (one matrix for all) and private adapters (a
//! matrix per landmark), with bias, activation and skip connection.

use crate::epilogue::Epilogue;

/// Sizes of a batched matrix product, as the shader reads them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "gpu", derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Matmul {
    /// Rows of the result: output channels.
    pub m: u32,
    /// Columns of the result: pixels.
    pub n: u32,
    /// Length of the sums: input channels.
    pub k: u32,
    /// Rows of the packed weights: `m` rounded up to a multiple of 4, the rest zero.
    pub padded_m: u32,
    /// Distance of the weights of two batch items, values; 0 where they share them.
    pub weight_batch: u32,
    /// Distance of the biases of two batch items, values; 0 where they share them.
    pub bias_batch: u32,
    /// Unused.
    pub pad: [u32; 2],
    /// What happens to the sums.
    pub epilogue: Epilogue,
}

impl Matmul {
    /// A product of `[m, k]` weights, private to each batch item or shared, and inputs `[k, n]`.
    pub fn new([m, n, k]: [usize; 3], private: bool, epilogue: Epilogue) -> Self {
        let padded_m = m.next_multiple_of(4);
        Self {
            m: m as u32,
            n: n as u32,
            k: k as u32,
            padded_m: padded_m as u32,
            weight_batch: if private { (padded_m * k) as u32 } else { 0 },
            bias_batch: if private { m as u32 } else { 0 },
            pad: [0; 2],
            epilogue,
        }
    }
}

/// Fills `out` `[batch, m, n]` with `weights · input + bias`, finished by the epilogue with `skip`.
///
/// `input` is `[batch, k, n]`, `weights` are packed `[k, padded_m]` (for each batch item where private),
/// `bias` is `[m]` likewise; `skip` has the shape of `out`, or is empty where the epilogue reads none.
pub fn matmul(
    p: &Matmul,
    input: &[f32],
    weights: &[f32],
    bias: &[f32],
    skip: &[f32],
    out: &mut [f32],
) {
    let [m, n, k, padded_m] = [p.m, p.n, p.k, p.padded_m].map(|v| v as usize);
    for (batch, plane) in out.chunks_exact_mut(m * n).enumerate() {
        let weights = &weights[batch * p.weight_batch as usize..];
        let bias = &bias[batch * p.bias_batch as usize..];
        for row in 0..m {
            for column in 0..n {
                let mut sum = 0.0;
                for step in 0..k {
                    sum += weights[step * padded_m + row] * input[(batch * k + step) * n + column];
                }
                let at = row * n + column;
                let other = skip.get(batch * m * n + at).copied().unwrap_or(0.0);
                plane[at] = p.epilogue.finish(sum + bias[row], other);
            }
        }
    }
}
