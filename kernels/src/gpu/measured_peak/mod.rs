//! The measured peak of a device: bytes a second, operations a second, and the least time of a dispatch and of a submit.
//! A profile compares each step with the roofline bound that these give (Williams et al. 2009).
//!
//! Work grows until it takes long enough to be timed, so that all takes well under a second on a GPU and a few seconds on
//! a software rasteriser. The results are checked: a driver that leaves out work is an error.

extern crate std;
use std::string::String;

mod bench;
mod copy;
pub(super) mod arithmetic;

use self::bench::Bench;
use super::{Gpu, GpuError};
use crate::precision::Precision;

/// Threads of a workgroup of all shaders but `wait`.
const THREADS: u32 = 256;
/// Length of the small copy, which fits into a cache, bytes.
const SMALL_BYTES: usize = 4 << 20;

/// The highest rates and least times of a device, as measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredPeak {
    /// Whether times are from the device's clock; else they are wall times minus [`MeasuredPeak::submit_ms`].
    pub by_clock: bool,
    /// Bytes read and written a second while a buffer is copied that no cache holds.
    pub copy: f64,
    /// Length of that buffer, bytes.
    pub copied: usize,
    /// The same while 4 MiB are copied again and again, each time in a dispatch of its own: the rate of caches that hold
    /// them.
    pub copy_again: f64,
    /// Multiplications and additions of `f32` a second.
    pub f32: f64,
    /// The same of `f16`; `None` where the device has none.
    pub f16: Option<f64>,
    /// Multiplications and additions a second in dot products of packed bytes.
    pub int8: f64,
    /// Least time of a dispatch that waits for the one before it, ms.
    pub dispatch_ms: f64,
    /// Least wall time of a submit after which 16 bytes are read back, ms.
    pub submit_ms: f64,
}

impl MeasuredPeak {
    /// The roofline bound of a step, ms: its least time if it reads and writes `bytes` once and does `flops` operations in
    /// `f32` or, where `int8`, in packed bytes.
    pub fn bound_ms(&self, flops: u64, bytes: u64, int8: bool) -> f64 {
        let peak = if int8 { self.int8 } else { self.f32 };
        1e3 * (bytes as f64 / self.copy).max(flops as f64 / peak)
    }
}

/// How much work is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Work grows until a run takes this long, so that any clock is exact enough, ms.
    pub(super) enough_ms: f64,
    /// Runs are repeated for this time, since clocks of a device rise with work, ms.
    pub(super) repeat_ms: f64,
    /// Length of the large copy: more than any cache holds, bytes.
    pub(super) large_bytes: usize,
    /// Whether the device's clock is used, where it has one.
    pub(super) by_clock: bool,
}

/// Measures the peak of `gpu`. Nothing else should run on it meanwhile.
///
/// # Errors
/// [`super::GpuErrorKind::Wrong`] where the device left out work, or its clock shows no time; else as a run.
pub fn measure_peak(gpu: &Gpu) -> Result<MeasuredPeak, GpuError> {
    let effort =
        Effort { enough_ms: 5.0, repeat_ms: 150.0, large_bytes: 256 << 20, by_clock: true };
    measure_peak_with(gpu, effort, &|text| text.into())
}

/// As [`measure_peak`], with the text of the shaders as `text` changes it.
pub(super) fn measure_peak_with(
    gpu: &Gpu,
    effort: Effort,
    text: &dyn Fn(&str) -> String,
) -> Result<MeasuredPeak, GpuError> {
    let bench = Bench::new(gpu, effort, text)?;
    let (copied, copy) = bench.copy_large()?;
    let (_, copy_again) = bench.copy(SMALL_BYTES)?;
    let f16 = gpu.runs(Precision::F16).then(|| bench.multiply_add(Precision::F16)).transpose()?;
    Ok(MeasuredPeak {
        by_clock: bench.by_clock(),
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
