//! Small runs of each shader with what its twin gives: what the tests vary, and what a device is asked before
//! it is trusted.

extern crate std;
use std::{format, string::String, vec::Vec};

pub(super) mod layers;
pub(super) mod int8;
pub(super) mod picture;

use super::{BufferId, Gpu, GpuError, Kernel, Plan, Program, ReadBack, Slot, steps};
use crate::{Elementwise, Epilogue, MAX_AXES, Operation, Precision};

/// Room for device times behind the results, bytes.
const TICKS: usize = 128;

/// A small generator of repeatable numbers.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// From `low` up to, not including, `high`.
    pub(super) fn among(&mut self, low: usize, high: usize) -> usize {
        low + self.next() as usize % (high - low)
    }

    /// From −1 to 1.
    pub(super) fn real(&mut self) -> f32 {
        self.next() as f32 / (1u32 << 30) as f32 - 1.0
    }

    pub(super) fn reals(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.real()).collect()
    }
}

/// One run of a plan and what it should give.
pub(super) struct Probe {
    pub(super) plan: Plan,
    /// What is compared, `f32` values behind `whole` whole numbers.
    pub(super) out: BufferId,
    pub(super) whole: usize,
    pub(super) want: Vec<f32>,
    /// Largest difference, relative to the largest wanted value.
    pub(super) tolerance: f32,
    pub(super) name: String,
}

/// A plan with a buffer for `len` results.
pub(super) fn plan_for(len: usize) -> (Plan, BufferId) {
    plan_in(Precision::F32, len)
}

/// As [`plan_for`], for a network that keeps its numbers in this form.
pub(super) fn plan_in(precision: Precision, len: usize) -> (Plan, BufferId) {
    let mut plan = Plan::new(precision);
    let out = plan.cleared_buffer("out", (4 * len).next_multiple_of(8) + TICKS);
    (plan, out)
}

/// Where a layer writes its `len` results.
pub(super) fn result(plan: &mut Plan, out: BufferId, len: usize) -> Slot {
    match plan.precision() {
        Precision::F32 | Precision::Int8 => Slot::Buffer(out),
        Precision::F16 => plan.values(len),
    }
}

/// Brings what lies in `result` to `out` where it is not there.
pub(super) fn collect(plan: &mut Plan, result: Slot, out: BufferId, len: usize) {
    if result != Slot::Buffer(out) {
        let mut shape = [1; MAX_AXES];
        shape[MAX_AXES - 1] = len as u32;
        let copy = Elementwise::new(Operation::Copy, shape, Epilogue::default());
        steps::elementwise(plan, layers::here("copy"), &copy, result, None, Slot::Buffer(out));
    }
}

/// The nearest values that this form has.
pub(super) fn rounded(precision: Precision, mut values: Vec<f32>) -> Vec<f32> {
    if precision == Precision::F16 {
        values.iter_mut().for_each(|v| *v = half::f16::from_f32(*v).to_f32());
    }
    values
}

impl Probe {
    /// What the device gives, with the shaders' text from `text`.
    pub(super) fn run(
        &self,
        gpu: &Gpu,
        text: &dyn Fn(&Kernel) -> String,
    ) -> Result<Vec<f32>, GpuError> {
        let mut plan = self.plan.clone();
        let upload = plan.buffer("upload", 16);
        let ticks_at = (4 * self.want.len()).next_multiple_of(8);
        let read_back = ReadBack { buffer: self.out, bytes: ticks_at + TICKS, ticks_at };
        let mut program = Program::with_text(gpu.clone(), plan, read_back, text)?;
        let mut got = program.run(upload, &[0; 16], bytemuck::pod_collect_to_vec::<u8, f32>)?;
        got.truncate(self.want.len());
        got.iter_mut().take(self.whole).for_each(|v| *v = v.to_bits() as f32);
        Ok(got)
    }

    /// What is wrong with `got`.
    pub(super) fn complaint(&self, got: &[f32]) -> Option<String> {
        let largest = self.want.iter().fold(1e-6f32, |m, v| m.max(v.abs()));
        let limit = self.tolerance * largest;
        let bad = |(a, b): &(&f32, &f32)| {
            let off = (*a - *b).abs();
            a.to_bits() != b.to_bits() && (off.is_nan() || off > limit)
        };
        let first = got.iter().zip(&self.want).position(|pair| bad(&pair))?;
        Some(format!(
            "{}: value {first} is {}, expected {} (limit {limit})",
            self.name, got[first], self.want[first]
        ))
    }
}
