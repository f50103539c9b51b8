//! Runs of a program: upload, steps, read-back; and the profile of its steps.

extern crate std;
use std::{sync::Arc, vec::Vec};

use super::{Program, ReadBack};
use crate::gpu::GpuError;
use crate::gpu::buffers::{Answer, ask, mapped, staging};
use crate::gpu::clock::{Clock, TICK_BYTES, elapsed_ms};
use crate::gpu::plan::{BufferId, Stage};

/// A run in progress, of the program that started it.
#[derive(Debug)]
pub struct Running {
    staging: wgpu::Buffer,
    submission: wgpu::SubmissionIndex,
    answer: Answer,
    _token: Arc<()>,
}

impl Program {
    /// Uploads `data` to `to`, runs all steps, and passes the bytes that are read back to `read`: one write, one submit, one
    /// map.
    ///
    /// # Errors
    /// [`crate::gpu::GpuErrorKind::Lost`], [`crate::gpu::GpuErrorKind::OutOfMemory`] or [`crate::gpu::GpuErrorKind::Refused`].
    pub fn run<T>(
        &mut self,
        to: BufferId,
        data: &[u8],
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, GpuError> {
        let running = self.start(to, data)?;
        self.finish(running, read)
    }

    /// As [`Program::run`] up to the submit. Another run may be started before this one is finished: the device runs them
    /// in order.
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

    /// Waits for `running` and passes the bytes that are read back to `read`.
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

    /// Time of each stage from the bytes that were read back, ms; `None` where the device has no clock.
    pub fn stage_ms(&self, read: &[u8]) -> Option<[f64; Stage::ALL.len()]> {
        self.clock.as_ref()?;
        let period = f64::from(self.gpu.queue.get_timestamp_period());
        let ticks = &read[self.read_back.ticks_at..];
        Some(core::array::from_fn(|stage| elapsed_ms(ticks, stage, period)))
    }

    /// Runs all steps on the last upload and times each by itself, ms; `None` where the device has no clock. Steps that
    /// would overlap in a run wait for each other here, so their sum is above the time of a run.
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
}
