//! A plan: steps in their order, on constants, tensors that live for some steps, and buffers that stay.

extern crate std;
use std::{collections::BTreeSet, string::String, vec, vec::Vec};

use super::Kernel;
use crate::precision::Precision;

/// Bindings start at multiples of this, bytes: the largest alignment that WebGPU allows a device to ask for.
pub(super) const ALIGN: usize = 256;

/// A tensor whose memory is shared with others that live at other times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub(super) usize);

/// A buffer of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BufferId(pub(super) usize);

/// A binding of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Values that never change.
    Constant {
        /// First byte among all constants.
        offset: usize,
        /// Length, bytes.
        bytes: usize,
        /// Whether they are `f16`.
        half: bool,
    },
    /// A tensor.
    Tensor(TensorId),
    /// A whole buffer.
    Buffer(BufferId),
    /// So many bytes from the start of a buffer.
    Head(BufferId, usize),
}

/// Parts of a run that are timed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Windowing, reduction, resampling, normalisation.
    Preprocess,
    /// The whole image's network.
    Backbone,
    /// Pose, and cutting regions.
    Crop,
    /// The regions' network.
    Refine,
    /// Peaks, residuals.
    Decode,
}

impl Stage {
    /// All stages in their order.
    pub const ALL: [Self; 5] =
        [Self::Preprocess, Self::Backbone, Self::Crop, Self::Refine, Self::Decode];
}

/// How many workgroups a step takes, `[x, y, z]`.
pub type Groups = [u32; 3];

/// One dispatch.
#[derive(Clone, Debug)]
pub struct Step {
    /// The shader.
    pub kernel: &'static Kernel,
    /// What it computes, such as the name of the graph node.
    pub label: String,
    /// Part of the run.
    pub stage: Stage,
    /// Values of the shader's `override` constants.
    pub constants: Vec<(&'static str, f64)>,
    /// Bytes of the uniform at binding 0; empty where there is none.
    pub params: Vec<u8>,
    /// Slots that are read, each with its binding.
    pub reads: Vec<(u32, Slot)>,
    /// Slots that are written, each with its binding.
    pub writes: Vec<(u32, Slot)>,
    /// Workgroups.
    pub groups: Groups,
    /// Multiplications and additions of convolutions and matrix products; 0 for steps that only move data.
    pub flops: u64,
}

/// Steps, and the memory that they use.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    precision: Precision,
    subgroups: bool,
    pub(super) steps: Vec<Step>,
    pub(super) constants: Vec<u8>,
    /// Length of each tensor, bytes.
    pub(super) tensors: Vec<usize>,
    /// Tensors of `f16`.
    halves: BTreeSet<TensorId>,
    /// Name and length of each buffer, bytes.
    pub(super) buffers: Vec<(&'static str, usize)>,
    /// Buffers that are zeroed before a run.
    pub(super) cleared: Vec<BufferId>,
}

impl Plan {
    /// A plan whose networks use this number format.
    pub fn new(precision: Precision) -> Self {
        Self { precision, ..Self::default() }
    }

    /// The same plan with subgroup operations, or without.
    #[must_use]
    pub fn with_subgroups(self, subgroups: bool) -> Self {
        Self { subgroups, ..self }
    }

    /// Whether steps may use subgroup operations.
    pub fn subgroups(&self) -> bool {
        self.subgroups
    }

    /// The number format of the networks.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Values that a layer reads in place of another's result, in the number format of the network.
    pub(super) fn given(&mut self, values: &[f32]) -> Slot {
        match self.precision {
            Precision::F32 | Precision::Int8 => self.constant(values),
            Precision::F16 => {
                let halves: Vec<u16> =
                    values.iter().map(|&v| half::f16::from_f32(v).to_bits()).collect();
                match self.constant_bytes(bytemuck::cast_slice(&halves)) {
                    Slot::Constant { offset, bytes, .. } => {
                        Slot::Constant { offset, bytes, half: true }
                    }
                    other => other,
                }
            }
        }
    }

    /// A tensor of `len` values of a network, in its number format.
    pub fn values(&mut self, len: usize) -> Slot {
        let slot = self.tensor(len);
        if let (Precision::F16, Slot::Tensor(id)) = (self.precision, slot) {
            self.tensors[id.0] = (2 * len.max(1)).next_multiple_of(4);
            self.halves.insert(id);
        }
        slot
    }

    /// Whether the values of `slot` are `f16`.
    pub fn is_half(&self, slot: Slot) -> bool {
        match slot {
            Slot::Constant { half, .. } => half,
            Slot::Tensor(id) => self.halves.contains(&id),
            Slot::Buffer(_) | Slot::Head(..) => false,
        }
    }

    /// The lines before the text of the step's shader.
    pub(super) fn head(&self, step: &Step) -> String {
        let slots = || step.reads.iter().chain(&step.writes);
        step.kernel.head(|binding| slots().any(|&(at, slot)| at == binding && self.is_half(slot)))
    }

    /// Values that steps read.
    pub fn constant(&mut self, values: &[f32]) -> Slot {
        self.constant_bytes(bytemuck::cast_slice(values))
    }

    /// Bytes that steps read.
    pub fn constant_bytes(&mut self, bytes: &[u8]) -> Slot {
        let offset = self.constants.len().next_multiple_of(ALIGN);
        self.constants.resize(offset, 0);
        self.constants.extend_from_slice(bytes);
        Slot::Constant { offset, bytes: bytes.len().max(4), half: false }
    }

    /// A tensor of `len` values (`f32`); it lives from the first step that writes it.
    pub fn tensor(&mut self, len: usize) -> Slot {
        self.tensors.push(4 * len.max(1));
        Slot::Tensor(TensorId(self.tensors.len() - 1))
    }

    /// A buffer of `bytes` that lives as long as the program.
    pub fn buffer(&mut self, name: &'static str, bytes: usize) -> BufferId {
        self.buffers.push((name, bytes.next_multiple_of(4).max(4)));
        BufferId(self.buffers.len() - 1)
    }

    /// As [`Plan::buffer`], zero at the start of each run.
    pub fn cleared_buffer(&mut self, name: &'static str, bytes: usize) -> BufferId {
        let id = self.buffer(name, bytes);
        self.cleared.push(id);
        id
    }

    /// Adds a step after the others; returns its number.
    pub fn push(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// All steps, in their order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Bytes of all constants.
    pub fn constant_len(&self) -> usize {
        self.constants.len()
    }

    /// Bytes of a tensor or other slot.
    pub fn bytes(&self, slot: Slot) -> usize {
        match slot {
            Slot::Constant { bytes, .. } => bytes,
            Slot::Tensor(TensorId(id)) => self.tensors[id],
            Slot::Buffer(BufferId(id)) => self.buffers[id].1,
            Slot::Head(_, bytes) => bytes,
        }
    }

    /// Bytes that step number `step` must move at least: all that it reads and writes, once.
    pub fn traffic(&self, step: usize) -> u64 {
        let step = &self.steps[step];
        let mut slots: Vec<Slot> = Vec::new();
        for (_, slot) in step.reads.iter().chain(&step.writes) {
            if !slots.contains(slot) {
                slots.push(*slot);
            }
        }
        slots.into_iter().map(|slot| self.bytes(slot) as u64).sum()
    }

    /// First and last step that uses each tensor; `None` for tensors without one.
    pub(super) fn lifetimes(&self) -> Vec<Option<[usize; 2]>> {
        let mut lives: Vec<Option<[usize; 2]>> = vec![None; self.tensors.len()];
        for (at, step) in self.steps.iter().enumerate() {
            for (_, slot) in step.reads.iter().chain(&step.writes) {
                if let Slot::Tensor(TensorId(id)) = slot {
                    lives[*id] = Some([lives[*id].map_or(at, |[first, _]| first), at]);
                }
            }
        }
        lives
    }
}
