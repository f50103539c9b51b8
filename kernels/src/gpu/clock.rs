//! Device times (timestamp queries).

use super::buffers::buffer;
use super::{Gpu, GpuError, GpuErrorKind};

extern crate std;
use std::format;

/// Bytes of a device time.
pub(super) const TICK_BYTES: u64 = 8;

#[derive(Debug)]
pub(super) struct Clock {
    pub(super) queries: wgpu::QuerySet,
    pub(super) ticks: wgpu::Buffer,
}

impl Clock {
    pub(super) fn new(gpu: &Gpu, count: usize) -> Result<Self, GpuError> {
        if count > wgpu::QUERY_SET_MAX_QUERIES as usize {
            let message = format!("{count} device times are more than a query set holds");
            return Err(GpuError::new(GpuErrorKind::TooLarge, message));
        }
        let queries = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("clock"),
            ty: wgpu::QueryType::Timestamp,
            count: count as u32,
        });
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        Ok(Self { queries, ticks: buffer(gpu, "clock", TICK_BYTES as usize * count, usage)? })
    }

    /// A pass between the two ticks number `pair`.
    pub(super) fn pass(&self, pair: usize) -> wgpu::ComputePassDescriptor<'_> {
        wgpu::ComputePassDescriptor {
            label: None,
            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                query_set: &self.queries,
                beginning_of_pass_write_index: Some(2 * pair as u32),
                end_of_pass_write_index: Some(2 * pair as u32 + 1),
            }),
        }
    }
}

/// Time between the two ticks number `pair`, ms.
pub(super) fn elapsed_ms(ticks: &[u8], pair: usize, period_ns: f64) -> f64 {
    let tick = |i: usize| {
        let at = TICK_BYTES as usize * i;
        bytemuck::pod_read_unaligned::<u64>(&ticks[at..at + TICK_BYTES as usize])
    };
    tick(2 * pair + 1).saturating_sub(tick(2 * pair)) as f64 * period_ns * 1e-6
}
