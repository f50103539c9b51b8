//! Runs one shader with growing work, times it, and checks what it left.

extern crate std;
use std::{format, string::String, time::Instant, vec::Vec};

use super::Effort;
use crate::gpu::buffers::{ask, buffer, mapped, staging};
use crate::gpu::clock::{Clock, TICK_BYTES, elapsed_ms};
use crate::gpu::{Gpu, GpuError, GpuErrorKind};

const WAIT: &str = include_str!("wait.wgsl");

/// Dispatches in a chain at most.
const MOST_WAITS: u32 = 4_096;
/// Each amount of work is run so often at least.
const LEAST_RUNS: usize = 3;

/// A device, and how its work is timed.
pub(super) struct Bench<'a> {
    pub(super) gpu: &'a Gpu,
    pub(super) effort: Effort,
    text: &'a dyn Fn(&str) -> String,
    clock: Option<Clock>,
    pub(super) submit_ms: f64,
}

/// A shader with its bindings.
pub(super) struct Ready {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
}

impl<'a> Bench<'a> {
    pub(super) fn new(
        gpu: &'a Gpu,
        effort: Effort,
        text: &'a dyn Fn(&str) -> String,
    ) -> Result<Self, GpuError> {
        let mut bench = Self { gpu, effort, text, clock: None, submit_ms: 0.0 };
        let count = bench.storage("count", 16)?;
        let wait = bench.ready(WAIT, "wait", &[], &[(1, &count)])?;
        let submit = bench.best("a submit", 1, |_| bench.run(&wait, [1; 3], 1))?;
        bench.submit_ms = submit.1;
        bench.clock =
            (effort.by_clock && gpu.has_clock()).then(|| Clock::new(gpu, 2)).transpose()?;
        Ok(bench)
    }

    /// Whether times are from the device's clock.
    pub(super) fn by_clock(&self) -> bool {
        self.clock.is_some()
    }

    /// Time of a dispatch in a chain, ms.
    pub(super) fn wait(&self) -> Result<f64, GpuError> {
        let count = self.storage("count", 16)?;
        let wait = self.ready(WAIT, "wait", &[], &[(1, &count)])?;
        let mut asked = 0u32;
        let (length, ms) = self.best("wait", MOST_WAITS, |length| {
            asked = asked.wrapping_add(length);
            self.run(&wait, [1; 3], length)
        })?;
        let counted = self.read(&count, &[(0, 4)])?;
        self.check("wait", 0, counted[0], asked)?;
        Ok(ms / f64::from(length))
    }

    /// How much work is enough to be timed, and its best time, ms; `run` does so much and returns its time.
    pub(super) fn best(
        &self,
        what: &str,
        most: u32,
        mut run: impl FnMut(u32) -> Result<f64, GpuError>,
    ) -> Result<(u32, f64), GpuError> {
        // A clock that shows no time is of no use.
        let mut quicker = |amount, best: f64| {
            Ok(Some(run(amount)?).filter(|ms| *ms > 0.0).map_or(best, |ms| best.min(ms)))
        };
        let mut amount = 1;
        let mut best = loop {
            // The best of several, since other work may have delayed one of them.
            let mut best = f64::INFINITY;
            for _ in 0..LEAST_RUNS {
                best = quicker(amount, best)?;
            }
            if amount >= most || best.is_finite() && best >= self.effort.enough_ms {
                break best;
            }
            amount = (4 * amount).min(most);
        };
        let start = Instant::now();
        while start.elapsed().as_secs_f64() * 1e3 < self.effort.repeat_ms {
            best = quicker(amount, best)?;
        }
        if best.is_finite() {
            return Ok((amount, best));
        }
        let message = format!("{}: the clock shows no time for {what}", self.gpu.adapter().name);
        Err(GpuError::new(GpuErrorKind::Wrong, message))
    }

    /// Runs `count` dispatches of `ready`, each after the one before, and waits for all of them. Returns the device time, or
    /// the wall time minus that of a submit, ms.
    pub(super) fn run(
        &self,
        ready: &Ready,
        [x, y, z]: [u32; 3],
        count: u32,
    ) -> Result<f64, GpuError> {
        let bytes = 2 * TICK_BYTES as usize;
        let staging = staging(self.gpu, bytes)?;
        let start = Instant::now();
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        let timed = self.clock.as_ref().map(|clock| clock.pass(0));
        let mut pass = encoder.begin_compute_pass(&timed.unwrap_or_default());
        pass.set_pipeline(&ready.pipeline);
        pass.set_bind_group(0, &ready.bind_group, &[]);
        (0..count).for_each(|_| pass.dispatch_workgroups(x, y, z));
        drop(pass);
        if let Some(clock) = &self.clock {
            encoder.resolve_query_set(&clock.queries, 0..2, &clock.ticks, 0);
            encoder.copy_buffer_to_buffer(&clock.ticks, 0, &staging, 0, bytes as u64);
        } else {
            encoder.clear_buffer(&staging, 0, None);
        }
        let submission = self.gpu.queue.submit([encoder.finish()]);
        let period = f64::from(self.gpu.queue.get_timestamp_period());
        let ms =
            mapped(self.gpu, &staging, submission, &ask(&staging), |t| elapsed_ms(t, 0, period))?;
        if self.clock.is_some() {
            Ok(ms)
        } else {
            Ok((start.elapsed().as_secs_f64() * 1e3 - self.submit_ms).max(0.0))
        }
    }

    /// A buffer of the work.
    pub(super) fn storage(&self, name: &str, bytes: usize) -> Result<wgpu::Buffer, GpuError> {
        use wgpu::BufferUsages as Usage;
        buffer(self.gpu, name, bytes, Usage::STORAGE | Usage::COPY_DST | Usage::COPY_SRC)
    }

    /// A pipeline of the entry point `entry` with its bindings.
    pub(super) fn ready(
        &self,
        text: &str,
        entry: &str,
        constants: &[(&str, f64)],
        bound: &[(u32, &wgpu::Buffer)],
    ) -> Result<Ready, GpuError> {
        let device = &self.gpu.device;
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(entry),
            source: wgpu::ShaderSource::Wgsl((self.text)(text).into()),
        });
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry),
            layout: None,
            module: &module,
            entry_point: Some(entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants,
                ..Default::default()
            },
            cache: None,
        });
        let entries: Vec<_> = bound
            .iter()
            .map(|&(binding, buffer)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(entry),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        self.gpu
            .faults
            .take()
            .map_err(|e| GpuError::new(e.kind(), format!("shader {entry}: {e}")))?;
        Ok(Ready { pipeline, bind_group })
    }

    /// Words of `from` in these ranges: first byte and length.
    pub(super) fn read(
        &self,
        from: &wgpu::Buffer,
        ranges: &[(usize, usize)],
    ) -> Result<Vec<u32>, GpuError> {
        let bytes = ranges.iter().map(|(_, len)| len).sum();
        let staging = staging(self.gpu, bytes)?;
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        let mut to = 0;
        for &(at, len) in ranges {
            encoder.copy_buffer_to_buffer(from, at as u64, &staging, to, len as u64);
            to += len as u64;
        }
        let submission = self.gpu.queue.submit([encoder.finish()]);
        let words = |read: &[u8]| bytemuck::pod_collect_to_vec(&read[..bytes]);
        mapped(self.gpu, &staging, submission, &ask(&staging), words)
    }

    /// The device left the expected word.
    pub(super) fn check(
        &self,
        what: &str,
        at: usize,
        found: u32,
        expected: u32,
    ) -> Result<(), GpuError> {
        if found == expected {
            return Ok(());
        }
        let message = format!(
            "{} did not do what was timed: shader {what} left {found:#x} at {at}, not {expected:#x}",
            self.gpu.adapter().name
        );
        Err(GpuError::new(GpuErrorKind::Wrong, message))
    }
}
