//! Small runs of each shader with the results of its reference implementation: for the tests, which vary them, and for the
//! self-test of a device.

extern crate std;
use std::{format, string::String, vec::Vec};

mod rng;
pub(super) mod layers;
pub(super) mod int8;
pub(super) mod picture;
pub(super) mod pose;

pub(super) use rng::Rng;

use super::steps::{self, Layer};
use super::{BufferId, Gpu, GpuError, Kernel, Plan, Program, ReadBack, Slot};
use crate::elementwise::{Elementwise, MAX_AXES, Operation};
use crate::epilogue::Epilogue;
use crate::precision::Precision;

/// Room for device times behind the results, bytes.
const TICKS: usize = 128;
/// Half a unit in the last of 11 bits, and the differences of sums.
const HALF_TOLERANCE: f32 = 6e-4;

/// How the bytes of a result become the values that are compared.
pub(super) enum Reading {
    /// `f32`, behind so many integers (`u32`).
    Values(usize),
    /// The results of the pose step.
    Pose,
}

/// How far a value may lie from the wanted one.
pub(super) enum Tolerance {
    /// So much of the largest wanted value.
    OfLargest(f32),
    /// So much for each value.
    Each(Vec<f32>),
}

/// One run of a plan and its wanted results.
pub(super) struct Probe {
    pub(super) plan: Plan,
    /// The buffer that is compared.
    pub(super) out: BufferId,
    /// Bytes of results in it; device times follow.
    pub(super) bytes: usize,
    pub(super) reading: Reading,
    pub(super) want: Vec<f32>,
    pub(super) tolerance: Tolerance,
    pub(super) name: String,
}

/// A plan with a buffer for `len` results.
pub(super) fn plan_for(len: usize) -> (Plan, BufferId) {
    plan_in(Precision::F32, len)
}

/// As [`plan_for`], for a network that keeps its numbers in this form.
fn plan_in(precision: Precision, len: usize) -> (Plan, BufferId) {
    let mut plan = Plan::new(precision);
    let out = plan.cleared_buffer("out", (4 * len).next_multiple_of(8) + TICKS);
    (plan, out)
}

/// The nearest values of this form.
pub(super) fn rounded(precision: Precision, mut values: Vec<f32>) -> Vec<f32> {
    if precision == Precision::F16 {
        values.iter_mut().for_each(|v| *v = half::f16::from_f32(*v).to_f32());
    }
    values
}

/// Values of a convolution or product.
pub(super) struct Operands {
    pub(super) batch: usize,
    pub(super) input: Vec<f32>,
    pub(super) weights: Vec<f32>,
    pub(super) bias: Vec<f32>,
    /// Empty where there is no skip connection.
    pub(super) skip: Vec<f32>,
}

impl Operands {
    /// The layer of these values, which writes to `out`.
    pub(super) fn layer(&self, plan: &mut Plan, label: &str, out: Slot) -> Layer<'_> {
        Layer {
            at: layers::here(label),
            batch: self.batch,
            input: plan.given(&self.input),
            weights: &self.weights,
            bias: &self.bias,
            skip: (!self.skip.is_empty()).then(|| plan.given(&self.skip)),
            out,
        }
    }
}

/// A probe of a layer of a network in this form, which `step` puts into the plan with its output in the given slot;
/// `tolerance` is of the largest value, where values are not halves.
pub(super) fn layer_probe(
    form: Precision,
    want: Vec<f32>,
    tolerance: f32,
    name: String,
    step: impl FnOnce(&mut Plan, Slot),
) -> Probe {
    let (mut plan, out) = plan_in(form, want.len());
    if form == Precision::F16 {
        let halves = plan.values(want.len());
        step(&mut plan, halves);
        let mut shape = [1; MAX_AXES];
        shape[MAX_AXES - 1] = want.len() as u32;
        let copy = Elementwise::new(Operation::Copy, shape, Epilogue::default());
        let at = layers::here("copy");
        steps::elementwise(&mut plan, at, &copy, halves, None, Slot::Buffer(out));
        return Probe::new(plan, out, want, HALF_TOLERANCE, name);
    }
    step(&mut plan, Slot::Buffer(out));
    Probe::new(plan, out, want, tolerance, name)
}

impl Probe {
    /// A probe of `f32` values, compared to so much of the largest.
    pub(super) fn new(
        plan: Plan,
        out: BufferId,
        want: Vec<f32>,
        tolerance: f32,
        name: String,
    ) -> Self {
        let (bytes, tolerance) = (4 * want.len(), Tolerance::OfLargest(tolerance));
        Self { plan, out, bytes, reading: Reading::Values(0), want, tolerance, name }
    }

    /// The same probe, of which the first `count` results are integers.
    pub(super) fn with_counts(self, count: usize) -> Self {
        Self { reading: Reading::Values(count), ..self }
    }

    /// The results of the device, with the text of the shaders from `text`.
    pub(super) fn run(
        &self,
        gpu: &Gpu,
        text: &dyn Fn(&Kernel) -> String,
    ) -> Result<Vec<f32>, GpuError> {
        let mut plan = self.plan.clone();
        let upload = plan.buffer("upload", 16);
        let ticks_at = self.bytes.next_multiple_of(8);
        let read_back = ReadBack { buffer: self.out, bytes: ticks_at + TICKS, ticks_at };
        let mut program = Program::with_text(gpu.clone(), plan, read_back, text)?;
        program.run(upload, &[0; 16], |bytes| self.values(&bytes[..self.bytes]))
    }

    fn values(&self, bytes: &[u8]) -> Vec<f32> {
        match self.reading {
            Reading::Values(counts) => {
                let mut values: Vec<f32> = bytemuck::pod_collect_to_vec(bytes);
                values.iter_mut().take(counts).for_each(|v| *v = v.to_bits() as f32);
                values
            }
            Reading::Pose => pose::values(bytes),
        }
    }

    /// The first difference between `got` and the wanted results that is too large.
    pub(super) fn complaint(&self, got: &[f32]) -> Option<String> {
        let largest = self.want.iter().fold(1e-6f32, |m, v| m.max(v.abs()));
        let limit = |i: usize| match &self.tolerance {
            Tolerance::OfLargest(part) => part * largest,
            Tolerance::Each(limits) => limits[i],
        };
        let is_bad = |&i: &usize| {
            let (a, b) = (got[i], self.want[i]);
            let off = (a - b).abs();
            a.to_bits() != b.to_bits() && (off.is_nan() || off > limit(i))
        };
        let first = (0..self.want.len()).find(is_bad)?;
        Some(format!(
            "{}: value {first} is {}, expected {} (limit {})",
            self.name,
            got[first],
            self.want[first],
            limit(first)
        ))
    }
}
