//! Runs the shaders through wgpu: opens a device, and runs the steps of a plan in one submit.
//!
//! ```text
//! Plan (steps, constants, tensors, buffers) ─arena→ offsets ─build→ Program ─run(upload)→ read-back
//! ```
//!
//! The only part of fiducia that uses wgpu.

mod error;
mod device;
pub mod kernel;
mod plan;
mod arena;
pub mod wire;
pub mod steps;
mod buffers;
mod clock;
mod cached;
mod cache;
mod pipelines;
mod program;
mod probes;
mod self_test;
mod measured_peak;

pub use cached::CachedPipelines;
pub use device::{Adapter, Choice, Gpu, adapters};
pub use error::{GpuError, GpuErrorKind};
pub use kernel::{KERNELS, Kernel};
pub use measured_peak::{MeasuredPeak, measure_peak};
pub use plan::{BufferId, Groups, Plan, Slot, Stage, Step, TensorId};
pub use program::{Counters, Program, ReadBack, Running};
pub use self_test::self_test;

#[cfg(test)]
mod tests;
