//! A plan made ready on a device: buffers, pipelines, bind groups, and the run itself.

extern crate std;
use std::{format, string::String, sync::Arc, time::Instant, vec, vec::Vec};

use super::arena::Layout;
use super::buffers::{Answer, ask, buffer, filled, mapped, staging};
use super::clock::{Clock, TICK_BYTES, elapsed_ms};
use super::pipelines::{check_form, check_groups, pipelines, uniforms};
use super::plan::{ALIGN, BufferId, Groups, Plan, Slot, Stage, Step, TensorId};
use super::{Gpu, GpuError, Kernel};

/// What a program has asked of its device since it was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Runs.
    pub runs: u64,
    /// Queue submits.
    pub submits: u64,
    /// Host-to-device writes.
    pub uploads: u64,
    /// Bytes of these.
    pub uploaded_bytes: u64,
    /// Buffers that were mapped to be read.
    pub read_backs: u64,
    /// Bytes of these.
    pub read_back_bytes: u64,
    /// Runs that were uploaded and submitted before the result of an earlier one was read.
    pub ahead: u64,
}

/// What a run reads back: the first bytes of one buffer. Device times take the place of the
/// bytes from `ticks_at` on.
#[derive(Clone, Copy, Debug)]
pub struct ReadBack {
    /// The buffer.
    pub buffer: BufferId,
    /// Bytes from its start.
    pub bytes: usize,
    /// Where device times are put, where there are any; a multiple of 8.
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
    /// Where the uniform of each step starts.
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
    /// Where results are read that nobody reads now.
    staging: Vec<wgpu::Buffer>,
    clock: Option<Clock>,
    /// Each run that is under way holds a copy.
    token: Arc<()>,
    counters: Counters,
}

/// A run that the device works on, of the program that started it.
#[derive(Debug)]
pub struct Running {
    staging: wgpu::Buffer,
    submission: wgpu::SubmissionIndex,
    answer: Answer,
    _token: Arc<()>,
}

impl Program {
    /// Makes `plan` ready on `gpu`.
    ///
    /// # Errors
    /// [`super::GpuErrorKind::TooLarge`], [`super::GpuErrorKind::OutOfMemory`] or [`super::GpuErrorKind::Refused`], naming the
    /// buffer, the step or the shader.
    pub fn new(gpu: Gpu, plan: Plan, read_back: ReadBack) -> Result<Self, GpuError> {
        Self::with_text(gpu, plan, read_back, &|kernel| kernel.pieces.concat())
    }

    /// As [`Program::new`], with the shaders' text from `text`.
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
        // The constants live on the device now.
        program.plan.constants = Vec::new();
        program.bind()?;
        // The uploads above ride on the first submit; this one makes it happen before the first image.
        program.gpu.queue.submit([]);
        program.gpu.faults.take()?;
        Ok(program)
    }

    /// The device.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// What was asked of the device so far.
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

    /// How many pipelines the steps share, and the time it took to make them: reading the shaders, translating
    /// them, and what the driver does, ms.
    pub fn pipelines(&self) -> (usize, f64) {
        (self.pipelines.len(), self.pipelines_ms)
    }

    /// Bytes of device memory that are held: weights, arenas and buffers.
    pub fn device_bytes(&self) -> u64 {
        let all = self.arenas.iter().chain(&self.buffers);
        let one = [&self.constants, &self.params];
        all.chain(&self.staging).chain(one).map(wgpu::Buffer::size).sum()
    }

    /// Sets the workgroups of step number `step`.
    pub fn set_groups(&mut self, step: usize, groups: Groups) {
        self.plan.steps[step].groups = groups;
    }

    /// Makes `buffers` at least so many bytes long. What they held is lost where one grows.
    ///
    /// # Errors
    /// As [`Program::new`]; the program is as it was before then.
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

    /// Uploads `data` to `to`, runs all steps, and gives what is read back to `read`: one write, one submit,
    /// one map.
    ///
    /// # Errors
    /// [`super::GpuErrorKind::Lost`], [`super::GpuErrorKind::OutOfMemory`] or [`super::GpuErrorKind::Refused`].
    pub fn run<T>(
        &mut self,
        to: BufferId,
        data: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, GpuError> {
        let running = self.start(to, data)?;
        self.finish(running, read)
    }

    /// As [`Program::run`] up to the submit. Another run may be started before this one is finished: the device
    /// keeps their order.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn start(&mut self, to: BufferId, data: &[u8]) -> Result<Running, GpuError> {
        self.gpu.faults.take()?;
        let staging = match self.staging.pop() {
            Some(staging) => staging,
            None => staging(&self.gpu, self.read_back.bytes)?,
        };
        self.gpu.queue.write_buffer(&self.buffers[to.0], 0, data);
        let commands = self.record(&staging);
        let submission = self.gpu.queue.submit([commands]);
        self.counters.ahead += u64::from(Arc::strong_count(&self.token) > 1);
        self.counters.runs += 1;
        self.counters.submits += 1;
        self.counters.uploads += 1;
        self.counters.uploaded_bytes += data.len() as u64;
        let answer = ask(&staging);
        Ok(Running { staging, submission, answer, _token: self.token.clone() })
    }

    /// Waits for `running` and gives what is read back to `read`.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn finish<T>(
        &mut self,
        running: Running,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, GpuError> {
        let Running { staging, submission, answer, .. } = running;
        let value = mapped(&self.gpu, &staging, submission, &answer, read)?;
        self.staging.push(staging);
        self.counters.read_backs += 1;
        self.counters.read_back_bytes += self.read_back.bytes as u64;
        Ok(value)
    }

    /// Time of each stage out of what was read back, ms; `None` where the device has no clock.
    pub fn stage_ms(&self, read: &[u8]) -> Option<[f64; Stage::ALL.len()]> {
        self.clock.as_ref()?;
        let period = f64::from(self.gpu.queue.get_timestamp_period());
        let ticks = &read[self.read_back.ticks_at..];
        Some(core::array::from_fn(|stage| elapsed_ms(ticks, stage, period)))
    }

    /// Runs all steps on what was uploaded last, each timed by itself, ms; `None` where the device has no clock.
    /// Steps that would overlap in a run wait for each other here, so their sum is above a run's time.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn profile(&mut self) -> Result<Option<Vec<f64>>, GpuError> {
        if self.clock.is_none() {
            return Ok(None);
        }
        let steps = self.plan.steps.len();
        let clock = Clock::new(&self.gpu, 2 * steps)?;
        let bytes = TICK_BYTES as usize * 2 * steps;
        let staging = staging(&self.gpu, bytes)?;
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        self.clear(&mut encoder);
        for at in 0..steps {
            let mut pass = encoder.begin_compute_pass(&clock.pass(at));
            self.dispatch(&mut pass, at);
        }
        encoder.resolve_query_set(&clock.queries, 0..2 * steps as u32, &clock.ticks, 0);
        encoder.copy_buffer_to_buffer(&clock.ticks, 0, &staging, 0, bytes as u64);
        let submission = self.gpu.queue.submit([encoder.finish()]);
        self.counters.submits += 1;
        let answer = ask(&staging);
        let period = f64::from(self.gpu.queue.get_timestamp_period());
        let read = |bytes: &[u8]| (0..steps).map(|at| elapsed_ms(bytes, at, period)).collect();
        let times = mapped(&self.gpu, &staging, submission, &answer, read)?;
        self.counters.read_backs += 1;
        self.counters.read_back_bytes += bytes as u64;
        Ok(Some(times))
    }

    fn clear(&self, encoder: &mut wgpu::CommandEncoder) {
        for BufferId(id) in &self.plan.cleared {
            encoder.clear_buffer(&self.buffers[*id], 0, None);
        }
    }

    fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, at: usize) {
        let [x, y, z] = self.plan.steps[at].groups;
        pass.set_pipeline(&self.pipelines[self.pipeline_of[at]]);
        pass.set_bind_group(0, &self.bind_groups[at], &[]);
        pass.dispatch_workgroups(x, y, z);
    }

    /// The commands of one run, whose results go to `staging`.
    fn record(&self, staging: &wgpu::Buffer) -> wgpu::CommandBuffer {
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        self.clear(&mut encoder);
        for (number, stage) in Stage::ALL.into_iter().enumerate() {
            let timed = self.clock.as_ref().map(|clock| clock.pass(number));
            let mut pass = encoder.begin_compute_pass(&timed.unwrap_or_default());
            for at in 0..self.plan.steps.len() {
                if self.plan.steps[at].stage == stage {
                    self.dispatch(&mut pass, at);
                }
            }
        }
        let ReadBack { buffer, bytes, ticks_at } = self.read_back;
        let (from, to) = (&self.buffers[buffer.0], staging);
        match &self.clock {
            None => encoder.copy_buffer_to_buffer(from, 0, to, 0, bytes as u64),
            Some(clock) => {
                let (at, count) = (ticks_at as u64, 2 * Stage::ALL.len() as u32);
                let after = at + TICK_BYTES * u64::from(count);
                encoder.resolve_query_set(&clock.queries, 0..count, &clock.ticks, 0);
                encoder.copy_buffer_to_buffer(from, 0, to, 0, at);
                encoder.copy_buffer_to_buffer(&clock.ticks, 0, to, at, after - at);
                encoder.copy_buffer_to_buffer(from, after, to, after, bytes as u64 - after);
            }
        }
        encoder.finish()
    }

    /// Makes all bind groups anew.
    fn bind(&mut self) -> Result<(), GpuError> {
        let mut bind_groups = Vec::with_capacity(self.plan.steps.len());
        for (at, step) in self.plan.steps.iter().enumerate() {
            let mut entries = Vec::new();
            if !step.params.is_empty() {
                entries.push(self.entry(
                    0,
                    &self.params,
                    self.param_offsets[at],
                    step.params.len(),
                ));
            }
            for &(binding, slot) in step.reads.iter().chain(&step.writes) {
                entries.push(self.slot(binding, slot));
            }
            let layout = self.pipelines[self.pipeline_of[at]].get_bind_group_layout(0);
            bind_groups.push(self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(&step.label),
                layout: &layout,
                entries: &entries,
            }));
            self.gpu.faults.take().map_err(|e| {
                let message = format!("step {} ({}): {e}", step.label, step.kernel.name);
                GpuError::new(e.kind(), message)
            })?;
        }
        self.bind_groups = bind_groups;
        Ok(())
    }

    fn slot(&self, binding: u32, slot: Slot) -> wgpu::BindGroupEntry<'_> {
        match slot {
            Slot::Constant { offset, bytes, .. } => {
                self.entry(binding, &self.constants, offset as u64, bytes)
            }
            Slot::Tensor(TensorId(id)) => {
                let place = self.layout.places[id];
                let arena = &self.arenas[place.arena];
                self.entry(binding, arena, place.offset as u64, self.plan.tensors[id])
            }
            Slot::Buffer(BufferId(id)) => {
                let (_, bytes) = self.plan.buffers[id];
                self.entry(binding, &self.buffers[id], 0, bytes)
            }
            Slot::Head(BufferId(id), bytes) => self.entry(binding, &self.buffers[id], 0, bytes),
        }
    }

    fn entry<'a>(
        &self,
        binding: u32,
        buffer: &'a wgpu::Buffer,
        offset: u64,
        bytes: usize,
    ) -> wgpu::BindGroupEntry<'a> {
        // Shaders read whole vectors: bindings are 16 bytes and multiples of it.
        let size = core::num::NonZeroU64::new((bytes as u64).next_multiple_of(16).max(16))
            .filter(|size| offset + size.get() <= buffer.size());
        wgpu::BindGroupEntry {
            binding,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size }),
        }
    }
}
