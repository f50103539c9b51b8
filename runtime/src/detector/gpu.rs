//! What can be asked of a detector's GPU.

use fiducia_kernels::gpu::{Counters, MeasuredPeak};

use super::Detector;
use crate::engine::gpu::StepTime;
use crate::error::Error;

impl Detector {
    /// Number of submits, uploads and read-backs so far; `None` where the CPU runs the networks.
    pub fn gpu_counters(&self) -> Option<Counters> {
        self.engine.gpu().map(|gpu| gpu.counters())
    }

    /// Times each step of the GPU path by itself, on the image that was observed last, in several runs; `None` where
    /// the CPU runs the networks or the device has no timestamp queries.
    ///
    /// # Errors
    /// As [`Detector::observe`].
    pub fn profile(&mut self) -> Result<Option<Vec<StepTime>>, Error> {
        match self.engine.gpu_mut() {
            Some(gpu) => gpu.profile(),
            None => Ok(None),
        }
    }

    /// Measures the GPU's peak performance, for [`by_shader`](crate::engine::gpu::by_shader); takes a second. `None`
    /// where the CPU runs the networks.
    ///
    /// # Errors
    /// [`ErrorKind::GpuWrong`](crate::error::ErrorKind::GpuWrong) where the device computes wrong values; else as
    /// [`Detector::observe`].
    pub fn measured_peak(&self) -> Result<Option<MeasuredPeak>, Error> {
        self.engine.gpu().map(|gpu| gpu.measured_peak()).transpose()
    }

    /// Device memory of the GPU path, bytes; `None` where the CPU runs the networks.
    pub fn gpu_bytes(&self) -> Option<u64> {
        self.engine.gpu().map(|gpu| gpu.device_bytes())
    }

    /// Destroys the device, as a driver reset would: for tests.
    #[doc(hidden)]
    pub fn lose_gpu(&self) {
        if let Some(gpu) = self.engine.gpu() {
            gpu.lose();
        }
    }
}
