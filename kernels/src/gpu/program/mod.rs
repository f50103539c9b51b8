//! A plan made ready on a device: buffers, pipelines and bind groups.

extern crate std;
use std::{string::String, sync::Arc, time::Instant, vec, vec::Vec};

mod bind;
mod run;

pub use run::Running;

use super::arena::Layout;
use super::buffers::{buffer, filled, staging};
use super::clock::Clock;
use super::pipelines::{check_form, check_groups, pipelines, uniforms};
use super::plan::{ALIGN, BufferId, Groups, Plan, Stage, Step};
use super::{Gpu, GpuError, Kernel};

/// Counts of what a program has asked of its device since it was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Runs.
    pub runs: u64,
    /// Queue submits.
    pub submits: u64,
    /// Host-to-device writes.
    pub uploads: u64,
    /// Bytes of all uploads.
    pub uploaded_bytes: u64,
    /// Buffers that were mapped to be read.
    pub read_backs: u64,
    /// Bytes of all read-backs.
    pub read_back_bytes: u64,
    /// Runs that were uploaded and submitted before the result of an earlier one was read.
    pub ahead: u64,
}

/// The result of a run that is read back: the first bytes of one buffer. Device times replace the bytes from `ticks_at`
/// on.
#[derive(Clone, Copy, Debug)]
pub struct ReadBack {
    /// The buffer.
    pub buffer: BufferId,
    /// Bytes from its start.
    pub bytes: usize,
    /// Offset of the device times, where the device has a clock; a multiple of 8.
    pub ticks_at: usize,
}

/// A plan made ready on a device.
#[derive(Debug)]
pub struct Program {
    gpu: Gpu,
    plan: Plan,
    layout: Layout,
    constants: wgpu::Buffer,
    params: wgpu::Buffer,
    /// Offset of the uniform of each step.
    param_offsets: Vec<u64>,
    arenas: Vec<wgpu::Buffer>,
    buffers: Vec<wgpu::Buffer>,
    pipelines: Vec<wgpu::ComputePipeline>,
    /// Time it took to make them, ms.
    pipelines_ms: f64,
    /// The pipeline of each step.
    pipeline_of: Vec<usize>,
    bind_groups: Vec<wgpu::BindGroup>,
    read_back: ReadBack,
    /// Read-back buffers that no run uses now.
    staging: Vec<wgpu::Buffer>,
    clock: Option<Clock>,
    /// Each run in progress holds a copy.
    token: Arc<()>,
    counters: Counters,
}

impl Program {
    /// Makes `plan` ready on `gpu`.
    ///
    /// # Errors
    /// [`super::GpuErrorKind::TooLarge`], [`super::GpuErrorKind::OutOfMemory`] or [`super::GpuErrorKind::Refused`], with the
    /// name of the buffer, the step or the shader.
    pub fn new(gpu: Gpu, plan: Plan, read_back: ReadBack) -> Result<Self, GpuError> {
        Self::with_text(gpu, plan, read_back, &|kernel| kernel.pieces.concat())
    }

    /// As [`Program::new`], with the text of the shaders from `text`.
    pub(super) fn with_text(
        gpu: Gpu,
        plan: Plan,
        read_back: ReadBack,
        text: &dyn Fn(&Kernel) -> String,
    ) -> Result<Self, GpuError> {
        use wgpu::BufferUsages as Usage;
        check_form(&gpu, &plan)?;
        check_groups(&gpu, &plan.steps)?;
        let layout = Layout::of(&plan);
        let inside = Usage::STORAGE | Usage::COPY_DST | Usage::COPY_SRC;
        let constants = filled(&gpu, "weights", &plan.constants, inside)?;
        let (bytes, param_offsets) = uniforms(&plan.steps);
        let params = filled(&gpu, "parameters", &bytes, Usage::UNIFORM | Usage::COPY_DST)?;
        let arena = |&bytes: &usize| buffer(&gpu, "arena", bytes, inside);
        let arenas: Vec<_> = layout.arenas.iter().map(arena).collect::<Result<_, _>>()?;
        let own = |&(name, bytes): &(&str, usize)| buffer(&gpu, name, bytes, inside);
        let buffers: Vec<_> = plan.buffers.iter().map(own).collect::<Result<_, _>>()?;
        let staging = vec![staging(&gpu, read_back.bytes)?];
        let begin = Instant::now();
        let (pipelines, pipeline_of) = pipelines(&gpu, &plan, text)?;
        let pipelines_ms = begin.elapsed().as_secs_f64() * 1e3;
        let clock =
            if gpu.has_clock() { Some(Clock::new(&gpu, 2 * Stage::ALL.len())?) } else { None };
        let mut program = Self {
            gpu,
            plan,
            layout,
            constants,
            params,
            param_offsets,
            arenas,
            buffers,
            pipelines,
            pipelines_ms,
            pipeline_of,
            bind_groups: Vec::new(),
            read_back,
            staging,
            clock,
            token: Arc::new(()),
            counters: Counters::default(),
        };
        // The constants are on the device now.
        program.plan.constants = Vec::new();
        program.bind()?;
        // The uploads above are executed by the next submit: by this one, and not by that of the first image.
        program.gpu.queue.submit([]);
        program.gpu.faults.take()?;
        Ok(program)
    }

    /// The device.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// The counts so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The steps, in their order.
    pub fn steps(&self) -> &[Step] {
        &self.plan.steps
    }

    /// Bytes that step number `step` must move at least.
    pub fn traffic(&self, step: usize) -> u64 {
        self.plan.traffic(step)
    }

    /// The number of pipelines that the steps share, and the time it took to make them, ms: parsing and translation of the
    /// shaders, and compilation by the driver.
    pub fn pipelines(&self) -> (usize, f64) {
        (self.pipelines.len(), self.pipelines_ms)
    }

    /// Bytes of device memory in use: weights, arenas and buffers.
    pub fn device_bytes(&self) -> u64 {
        let all = self.arenas.iter().chain(&self.buffers);
        let one = [&self.constants, &self.params];
        all.chain(&self.staging).chain(one).map(wgpu::Buffer::size).sum()
    }

    /// Sets the workgroups of step number `step`.
    pub fn set_groups(&mut self, step: usize, groups: Groups) {
        self.plan.steps[step].groups = groups;
    }

    /// Makes each of `buffers` at least so many bytes long. The content of one that grows is lost.
    ///
    /// # Errors
    /// As [`Program::new`]; the program is then unchanged.
    pub fn reserve(&mut self, buffers: &[(BufferId, usize)]) -> Result<(), GpuError> {
        let mut grown = Vec::new();
        for &(BufferId(id), bytes) in buffers {
            let (name, len) = self.plan.buffers[id];
            if len < bytes {
                let bytes = bytes.next_multiple_of(ALIGN);
                let larger = buffer(&self.gpu, name, bytes, self.buffers[id].usage())?;
                grown.push((id, bytes, larger));
            }
        }
        if grown.is_empty() {
            return Ok(());
        }
        let mut before = Vec::new();
        for (id, bytes, larger) in grown {
            let len = core::mem::replace(&mut self.plan.buffers[id].1, bytes);
            before.push((id, len, core::mem::replace(&mut self.buffers[id], larger)));
        }
        let bound = self.bind();
        if bound.is_err() {
            for (id, len, smaller) in before {
                self.plan.buffers[id].1 = len;
                self.buffers[id] = smaller;
            }
        }
        bound
    }
}
