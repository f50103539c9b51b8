//! Inference on a GPU: per image one upload, one submit and one read-back of 256 bytes plus 16 bytes per landmark.
//!
//! ```text
//! pack ─tract→ typed graphs ─lower→ Plan ─build→ Program      (once)
//! pixels ─upload→ window, planes, backbone, pose, crop, refine, peaks ─read back→ Observation
//! ```

mod lower;
mod prepare;
mod cache_key;
mod self_test;
mod pipelines;
mod path;
mod roofline;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod layer_tests;
#[cfg(test)]
mod foreign_tests;

pub use path::StepTime;
pub(crate) use path::{GpuPath, OnDevice};
pub use roofline::{ShaderTime, by_shader};

use fiducia_kernels::gpu::{GpuError, GpuErrorKind};

use crate::error::{Error, ErrorKind};

impl From<GpuError> for Error {
    fn from(error: GpuError) -> Self {
        let kind = match error.kind() {
            GpuErrorKind::NoAdapter => ErrorKind::NoGpu,
            GpuErrorKind::OutOfMemory | GpuErrorKind::TooLarge => ErrorKind::GpuMemory,
            GpuErrorKind::Lost => ErrorKind::GpuLost,
            GpuErrorKind::Wrong => ErrorKind::GpuWrong,
            _ => ErrorKind::Engine,
        };
        let remedy = if kind == ErrorKind::GpuMemory { "; use --backend cpu" } else { "" };
        Self::new(kind, format!("{error}{remedy}"))
    }
}
