//! How fast memory is: copies of a large buffer, and of a small one that caches hold.

extern crate std;
use std::vec::Vec;

use super::THREADS;
use super::bench::Bench;
use crate::gpu::{GpuError, GpuErrorKind};

const COPY: &str = include_str!("copy.wgsl");

/// Copies in one run at most.
const MOST_COPIES: u32 = 1_024;
/// Least length of the large copy, where the device has too little memory for the usual one, bytes.
const LEAST_LARGE_BYTES: usize = 16 << 20;
/// Threads in a row of workgroups.
const ROW: u32 = 4_096;
/// So many bytes at the end of each piece of a copy are checked.
const CHECKED_BYTES: usize = 1 << 10;
const PIECE: usize = 1 << 20;

impl Bench<'_> {
    /// Length of the largest buffer that can be copied, and the rate.
    pub(super) fn copy_large(&self) -> Result<(usize, f64), GpuError> {
        // A binding is a whole number of pieces.
        let most = usize::try_from(self.gpu.largest_binding()).unwrap_or(usize::MAX);
        let mut bytes = self.effort.large_bytes.min(most / PIECE * PIECE);
        loop {
            match self.copy(bytes) {
                Err(e) if e.kind() == GpuErrorKind::OutOfMemory && bytes > LEAST_LARGE_BYTES => {
                    bytes = (bytes / 2).next_multiple_of(PIECE);
                }
                other => return other,
            }
        }
    }

    /// `bytes`, and the rate at which they are copied.
    pub(super) fn copy(&self, bytes: usize) -> Result<(usize, f64), GpuError> {
        let (from, to) = (self.storage("source", bytes)?, self.storage("copy", bytes)?);
        let row = [("ROW", f64::from(ROW))];
        let fill = self.ready(COPY, "fill", &row, &[(2, &from)])?;
        let copy = self.ready(COPY, "copy", &row, &[(1, &from), (2, &to)])?;
        let groups = [ROW / THREADS, (bytes / 16) as u32 / ROW, 1];
        self.run(&fill, groups, 1)?;
        let (count, ms) = self.best("a copy", MOST_COPIES, |count| {
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
            (0..bytes / PIECE).map(|piece| (piece + 1) * PIECE - CHECKED_BYTES).collect();
        let ranges: Vec<_> = starts.iter().map(|&at| (at, CHECKED_BYTES)).collect();
        let read = self.read(copied, &ranges)?;
        for (start, checked) in starts.into_iter().zip(read.chunks_exact(CHECKED_BYTES / 4)) {
            for (i, &word) in checked.iter().enumerate() {
                let at = start / 4 + i;
                self.check("copy", at, word, (at as u32).wrapping_mul(2_654_435_761))?;
            }
        }
        Ok(())
    }
}
