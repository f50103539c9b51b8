//! What a device reaches, measured: bytes a second, operations a second, and what a dispatch and a submit cost at
//! least. Its floor under a step is what a profile is held against.
//!
//! Work grows until it takes long enough to be timed, so that this takes well under a second on a GPU and a few on a
//! processor that plays one. What was computed is compared with what it must be: a driver that skips work is an error.

extern crate std;
use std::{format, string::String, time::Instant, vec::Vec};

use super::buffers::{ask, buffer, filled, mapped, staging};
use super::clock::{Clock, TICK_BYTES, elapsed_ms};
use super::{Gpu, GpuError, GpuErrorKind};
use crate::Precision;

const COPY: &str = include_str!("reach/copy.wgsl");
const MULTIPLY_ADD: &str = include_str!("reach/multiply_add.wgsl");
const DOT: &str = include_str!("reach/dot.wgsl");
const WAIT: &str = include_str!("reach/wait.wgsl");

/// Threads of a workgroup of all shaders but `wait`.
const THREADS: u32 = 256;
/// Rounds of the loops, and steps in each; in `f16` 1,024 steps of one are still counted exactly.
pub(super) const ROUNDS: u32 = 128;
pub(super) const STEPS: u32 = 8;
/// Chains of `f32` or `f16` in a thread (eight vectors of four), and of packed bytes.
const CHAINS: u32 = 32;
pub(super) const DOT_CHAINS: u32 = 8;
/// Chosen so that no chain comes back to a value in as many steps as it has: a step that is left out shows.
pub(super) const DOT_WEIGHTS: u32 = 0x00fd_feae;
pub(super) const DOT_SUMMAND: i32 = 2_125_282_285;
/// A multiplication and an addition; four of each.
const OPERATIONS: [f64; 2] = [2.0, 8.0];
/// Workgroups at most: a few milliseconds of the fastest GPUs.
const MOST_GROUPS: u32 = 16_384;
/// Dispatches in a chain at most.
const MOST_WAITS: u32 = 4_096;
/// Copies in one run at most.
const MOST_COPIES: u32 = 1_024;
/// Length of the large copy at least, where the device does not give more; and what fits into a cache.
const LEAST_LARGE_BYTES: usize = 16 << 20;
const SMALL_BYTES: usize = 4 << 20;
/// Threads in a row of workgroups of `copy`.
const ROW: u32 = 4_096;
/// Of a copy so many bytes are looked at in each such piece.
const LOOKED_AT: usize = 1 << 10;
const PIECE: usize = 1 << 20;
/// The best of so many runs at least, of each amount of work.
const LEAST_RUNS: usize = 3;

/// What a device reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// Whether the device's own clock told the times; else they are wall times less [`Reach::submit_ms`].
    pub by_clock: bool,
    /// Bytes read and written a second while a buffer is copied that no cache holds.
    pub copy: f64,
    /// Length of that buffer, bytes.
    pub copied: usize,
    /// The same of 4 MiB again and again, each time in a dispatch of its own: out of caches, where they hold it.
    pub copy_again: f64,
    /// Multiplications and additions of `f32` a second.
    pub f32: f64,
    /// The same of `f16`; `None` where the device has none.
    pub f16: Option<f64>,
    /// Multiplications and additions a second in dot products of packed bytes.
    pub int8: f64,
    /// What a dispatch costs at least that waits for the one before it, ms.
    pub dispatch_ms: f64,
    /// What a submit and reading 16 bytes back cost at least, wall time, ms.
    pub submit_ms: f64,
}

impl Reach {
    /// What a step takes at least, ms, if it reads and writes `bytes` once and does `flops` operations in `f32` or, where
    /// `int8`, in packed bytes.
    pub fn floor_ms(&self, flops: u64, bytes: u64, int8: bool) -> f64 {
        let peak = if int8 { self.int8 } else { self.f32 };
        1e3 * (bytes as f64 / self.copy).max(flops as f64 / peak)
    }
}

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Work grows until a run takes this long, which any clock times well, ms.
    pub(super) enough_ms: f64,
    /// Runs go on for so long: clocks of a device rise with work. ms.
    pub(super) patience_ms: f64,
    /// Length of the large copy: more than any cache holds, bytes.
    pub(super) large_bytes: usize,
    /// Whether the device's clock is asked, where it has one.
    pub(super) by_clock: bool,
}

/// Measures what `gpu` reaches. Nothing else should run on it meanwhile.
///
/// # Errors
/// [`GpuErrorKind::Wrong`] where the device did not do what it was told to, or its clock stands still; else as a run.
pub fn reach(gpu: &Gpu) -> Result<Reach, GpuError> {
    let effort =
        Effort { enough_ms: 5.0, patience_ms: 150.0, large_bytes: 256 << 20, by_clock: true };
    reach_with(gpu, effort, &|text| text.into())
}

/// As [`reach`], with the shaders' text as `text` changes it.
pub(super) fn reach_with(
    gpu: &Gpu,
    effort: Effort,
    text: &dyn Fn(&str) -> String,
) -> Result<Reach, GpuError> {
    let bench = Bench::new(gpu, effort, text)?;
    let (copied, copy) = bench.copy_large()?;
    let (_, copy_again) = bench.copy(SMALL_BYTES, MOST_COPIES)?;
    let f16 = gpu.runs(Precision::F16).then(|| bench.multiply_add(Precision::F16)).transpose()?;
    Ok(Reach {
        by_clock: bench.clock.is_some(),
        copy,
        copied,
        copy_again,
        f32: bench.multiply_add(Precision::F32)?,
        f16,
        int8: bench.dot()?,
        dispatch_ms: bench.wait()?,
        submit_ms: bench.submit_ms,
    })
}

/// A device with what times its work.
struct Bench<'a> {
    gpu: &'a Gpu,
    effort: Effort,
    text: &'a dyn Fn(&str) -> String,
    clock: Option<Clock>,
    submit_ms: f64,
}

/// A shader with what it works on.
struct Ready {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
}

impl<'a> Bench<'a> {
    fn new(
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

    /// Length of the largest buffer that can be copied, and the rate.
    fn copy_large(&self) -> Result<(usize, f64), GpuError> {
        // A binding is a whole number of pieces.
        let most = usize::try_from(self.gpu.largest_binding()).unwrap_or(usize::MAX);
        let mut bytes = self.effort.large_bytes.min(most / PIECE * PIECE);
        loop {
            match self.copy(bytes, MOST_COPIES) {
                Err(e) if e.kind() == GpuErrorKind::OutOfMemory && bytes > LEAST_LARGE_BYTES => {
                    bytes = (bytes / 2).next_multiple_of(PIECE);
                }
                other => return other,
            }
        }
    }

    fn copy(&self, bytes: usize, most: u32) -> Result<(usize, f64), GpuError> {
        let (from, to) = (self.storage("source", bytes)?, self.storage("copy", bytes)?);
        let row = [("ROW", f64::from(ROW))];
        let fill = self.ready(COPY, "fill", &row, &[(2, &from)])?;
        let copy = self.ready(COPY, "copy", &row, &[(1, &from), (2, &to)])?;
        let groups = [ROW / THREADS, (bytes / 16) as u32 / ROW, 1];
        self.run(&fill, groups, 1)?;
        let (count, ms) = self.best("a copy", most, |count| {
            let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
            encoder.clear_buffer(&to, 0, None);
            self.gpu.queue.submit([encoder.finish()]);
            self.run(&copy, groups, count)
        })?;
        self.check_copy(&to, bytes)?;
        Ok((bytes, 2e3 * bytes as f64 * f64::from(count) / ms))
    }

    fn check_copy(&self, copied: &wgpu::Buffer, bytes: usize) -> Result<(), GpuError> {
        // The last bytes of every piece.
        let starts: Vec<usize> =
            (0..bytes / PIECE).map(|piece| (piece + 1) * PIECE - LOOKED_AT).collect();
        let ranges: Vec<_> = starts.iter().map(|&at| (at, LOOKED_AT)).collect();
        let read = self.read(copied, &ranges)?;
        for (start, looked_at) in starts.into_iter().zip(read.chunks_exact(LOOKED_AT / 4)) {
            for (i, &word) in looked_at.iter().enumerate() {
                let at = start / 4 + i;
                self.check("copy", at, word, (at as u32).wrapping_mul(2_654_435_761))?;
            }
        }
        Ok(())
    }

    fn multiply_add(&self, form: Precision) -> Result<f64, GpuError> {
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

    fn dot(&self) -> Result<f64, GpuError> {
        let of_lane: Vec<u32> = (0..16).map(|lane| dots(DOT_CHAINS * lane)).collect();
        let each = f64::from(ROUNDS * STEPS * DOT_CHAINS) * OPERATIONS[1];
        let params = [ROUNDS, DOT_WEIGHTS, DOT_SUMMAND.cast_unsigned(), 0];
        self.compute(DOT, "dot", params, each, |thread| of_lane[thread as usize % 16])
    }

    /// Operations a second of a shader that does `each` of them in a thread and leaves a word.
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

    /// Time of a dispatch in a chain, ms.
    fn wait(&self) -> Result<f64, GpuError> {
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

    /// How much work is enough to be timed, and its best time in ms; `run` does so much and says what it took.
    fn best(
        &self,
        what: &str,
        most: u32,
        mut run: impl FnMut(u32) -> Result<f64, GpuError>,
    ) -> Result<(u32, f64), GpuError> {
        // A clock that stands still says nothing.
        let mut quicker = |amount, best: f64| {
            Ok(Some(run(amount)?).filter(|ms| *ms > 0.0).map_or(best, |ms| best.min(ms)))
        };
        let mut amount = 1;
        let mut best = loop {
            // The best of several: one that was held up by other work is not long for its own.
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
        while start.elapsed().as_secs_f64() * 1e3 < self.effort.patience_ms {
            best = quicker(amount, best)?;
        }
        if best.is_finite() {
            return Ok((amount, best));
        }
        let message = format!("{}: the clock shows no time for {what}", self.gpu.adapter().name);
        Err(GpuError::new(GpuErrorKind::Wrong, message))
    }

    /// Dispatches `ready` so often, each waiting for the one before, and waits for all; device time, or wall time
    /// less that of a submit, ms.
    fn run(&self, ready: &Ready, [x, y, z]: [u32; 3], count: u32) -> Result<f64, GpuError> {
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

    fn storage(&self, name: &str, bytes: usize) -> Result<wgpu::Buffer, GpuError> {
        use wgpu::BufferUsages as Usage;
        buffer(self.gpu, name, bytes, Usage::STORAGE | Usage::COPY_DST | Usage::COPY_SRC)
    }

    fn ready(
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

    /// Words of `from` at these places: first byte and length.
    fn read(&self, from: &wgpu::Buffer, ranges: &[(usize, usize)]) -> Result<Vec<u32>, GpuError> {
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

    fn check(&self, what: &str, at: usize, found: u32, expected: u32) -> Result<(), GpuError> {
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

/// The twin of `dot`: what a thread leaves whose first chain starts with `first`.
fn dots(first: u32) -> u32 {
    let chain = |start: u32| {
        (0..ROUNDS * STEPS).fold(start, |value, _| dot_step(value, DOT_WEIGHTS, DOT_SUMMAND))
    };
    let chains = (first..first + DOT_CHAINS).map(chain);
    chains.fold(0u32, |sum, value| sum.wrapping_mul(31).wrapping_add(value))
}

/// A step of a chain.
pub(super) fn dot_step(value: u32, weights: u32, summand: i32) -> u32 {
    let pairs = value.to_le_bytes().into_iter().zip(weights.to_le_bytes());
    let products = pairs.map(|(a, b)| i32::from(a.cast_signed()) * i32::from(b.cast_signed()));
    products.sum::<i32>().wrapping_add(summand).cast_unsigned()
}
