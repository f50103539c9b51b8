//! How fast arithmetic is: multiplications and additions in registers.

extern crate std;
use std::{format, string::String, vec::Vec};

use super::THREADS;
use super::bench::Bench;
use crate::gpu::GpuError;
use crate::gpu::buffers::filled;
use crate::precision::Precision;

const MULTIPLY_ADD: &str = include_str!("multiply_add.wgsl");
const DOT: &str = include_str!("dot.wgsl");

/// Rounds of the loops, and steps in each; in `f16` 1,024 steps of one are still counted exactly.
pub(in crate::gpu) const ROUNDS: u32 = 128;
pub(in crate::gpu) const STEPS: u32 = 8;
/// Chains of `f32` or `f16` in a thread (eight vectors of four), and of packed bytes.
const CHAINS: u32 = 32;
pub(in crate::gpu) const DOT_CHAINS: u32 = 8;
/// Chosen so that no chain returns to an earlier value within its steps: a step that is left out shows.
pub(in crate::gpu) const DOT_WEIGHTS: u32 = 0x00fd_feae;
pub(in crate::gpu) const DOT_SUMMAND: i32 = 2_125_282_285;
/// Operations of a step: a multiplication and an addition; four of each.
const OPERATIONS: [f64; 2] = [2.0, 8.0];
/// Workgroups at most: a few milliseconds of the fastest GPUs.
const MOST_GROUPS: u32 = 16_384;

impl Bench<'_> {
    /// Operations a second of multiplications and additions in this form.
    pub(super) fn multiply_add(&self, form: Precision) -> Result<f64, GpuError> {
        let mut head = String::new();
        if form == Precision::F16 {
            head += "enable f16;\n";
        }
        head += &format!("alias Number = {};\n", form.name());
        let [factor, summand] = [1.0f32, 1.0].map(f32::to_bits);
        let text = head + MULTIPLY_ADD;
        let expected = |thread: u32| {
            // Every chain counts to its start and one for each step.
            let steps = ROUNDS * STEPS;
            let sum = CHAINS * (thread % 16 + steps) + CHAINS * (CHAINS - 1) / 2;
            (sum as f32).to_bits()
        };
        let each = f64::from(ROUNDS * STEPS * CHAINS) * OPERATIONS[0];
        self.compute(&text, "multiply_add", [ROUNDS, factor, summand, 0], each, expected)
    }

    /// Operations a second of dot products of packed bytes.
    pub(super) fn dot(&self) -> Result<f64, GpuError> {
        let of_lane: Vec<u32> = (0..16).map(|lane| dots(DOT_CHAINS * lane)).collect();
        let each = f64::from(ROUNDS * STEPS * DOT_CHAINS) * OPERATIONS[1];
        let params = [ROUNDS, DOT_WEIGHTS, DOT_SUMMAND.cast_unsigned(), 0];
        self.compute(DOT, "dot", params, each, |thread| of_lane[thread as usize % 16])
    }

    /// Operations a second of a shader that does `each` of them in a thread and writes one word.
    fn compute(
        &self,
        text: &str,
        entry: &str,
        params: [u32; 4],
        each: f64,
        expected: impl Fn(u32) -> u32,
    ) -> Result<f64, GpuError> {
        let bytes = 4 * (MOST_GROUPS * THREADS) as usize;
        let out = self.storage(entry, bytes)?;
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let params = filled(self.gpu, "parameters", bytemuck::cast_slice(&params), usage)?;
        let ready = self.ready(text, entry, &[], &[(0, &params), (1, &out)])?;
        let (groups, ms) =
            self.best(entry, MOST_GROUPS, |groups| self.run(&ready, [groups, 1, 1], 1))?;
        let threads = groups * THREADS;
        for (thread, word) in self.read(&out, &[(0, 4 * threads as usize)])?.into_iter().enumerate()
        {
            self.check(entry, thread, word, expected(thread as u32))?;
        }
        Ok(1e3 * each * f64::from(threads) / ms)
    }
}

/// The reference implementation of `dot`: the word of a thread whose first chain starts with `first`.
fn dots(first: u32) -> u32 {
    let chain = |start: u32| {
        (0..ROUNDS * STEPS).fold(start, |value, _| dot_step(value, DOT_WEIGHTS, DOT_SUMMAND))
    };
    let chains = (first..first + DOT_CHAINS).map(chain);
    chains.fold(0u32, |sum, value| sum.wrapping_mul(31).wrapping_add(value))
}

/// A step of a chain.
pub(in crate::gpu) fn dot_step(value: u32, weights: u32, summand: i32) -> u32 {
    let pairs = value.to_le_bytes().into_iter().zip(weights.to_le_bytes());
    let products = pairs.map(|(a, b)| i32::from(a.cast_signed()) * i32::from(b.cast_signed()));
    products.sum::<i32>().wrapping_add(summand).cast_unsigned()
}
