//! Buffers of the device, and reading one back.

extern crate std;
use std::{
    format,
    string::{String, ToString},
};

use super::{Gpu, GpuError, GpuErrorKind};

/// Longest time to wait for a result that is ready.
const ANSWER_PATIENCE: core::time::Duration = core::time::Duration::from_secs(10);

/// Whether the requested bytes can be read.
pub(super) type Answer = std::sync::mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>;

pub(super) fn buffer(
    gpu: &Gpu,
    name: &str,
    bytes: usize,
    usage: wgpu::BufferUsages,
) -> Result<wgpu::Buffer, GpuError> {
    let size = (bytes as u64).next_multiple_of(16).max(16);
    if size > gpu.largest_binding() {
        let message = format!(
            "{name} needs {size} bytes in one piece, and {} offers {}",
            gpu.adapter().name,
            gpu.largest_binding()
        );
        return Err(GpuError::new(GpuErrorKind::TooLarge, message));
    }
    let made = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(name),
        size,
        usage,
        mapped_at_creation: false,
    });
    gpu.faults.take().map_err(|e| {
        GpuError::new(e.kind(), format!("{e} (while asking for {size} bytes for {name})"))
    })?;
    Ok(made)
}

pub(super) fn staging(gpu: &Gpu, bytes: usize) -> Result<wgpu::Buffer, GpuError> {
    let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
    buffer(gpu, "read-back", bytes, usage)
}

pub(super) fn filled(
    gpu: &Gpu,
    name: &str,
    bytes: &[u8],
    usage: wgpu::BufferUsages,
) -> Result<wgpu::Buffer, GpuError> {
    let made = buffer(gpu, name, bytes.len(), usage)?;
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(4), 0);
    gpu.queue.write_buffer(&made, 0, &padded);
    Ok(made)
}

/// Requests the bytes of `staging`, which are ready when the last submission is done.
pub(super) fn ask(staging: &wgpu::Buffer) -> Answer {
    let (answer, answered) = std::sync::mpsc::channel();
    staging.slice(..).map_async(wgpu::MapMode::Read, move |result| {
        // There is no receiver only where nobody waits any more.
        let _ = answer.send(result);
    });
    answered
}

/// Waits for `submission` and passes the requested bytes of `staging` to `read`.
pub(super) fn mapped<T>(
    gpu: &Gpu,
    staging: &wgpu::Buffer,
    submission: wgpu::SubmissionIndex,
    answered: &Answer,
    read: impl FnOnce(&[u8]) -> T,
) -> Result<T, GpuError> {
    let all = staging.slice(..);
    let lost = |what: String| GpuError::new(GpuErrorKind::Lost, what);
    let waited =
        gpu.device.poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: None });
    gpu.faults.take()?;
    waited.map_err(|e| lost(format!("waiting for the GPU failed: {e}")))?;
    // Another thread on the same device may be the one that hands the answer over.
    match answered.recv_timeout(ANSWER_PATIENCE) {
        Ok(Ok(())) => {}
        Ok(Err(e)) => return Err(lost(format!("the result could not be read: {e}"))),
        Err(_) => return Err(lost("the result never came".to_string())),
    }
    let view = all.get_mapped_range().map_err(|e| lost(format!("no result: {e}")))?;
    let value = read(&view);
    drop(view);
    staging.unmap();
    Ok(value)
}
