//! The bind groups of a program.

extern crate std;
use std::{format, vec::Vec};

use super::Program;
use crate::gpu::GpuError;
use crate::gpu::plan::{BufferId, Slot, TensorId};

impl Program {
    /// Makes all bind groups anew.
    pub(super) fn bind(&mut self) -> Result<(), GpuError> {
        let mut bind_groups = Vec::with_capacity(self.plan.steps.len());
        for (at, step) in self.plan.steps.iter().enumerate() {
            let mut entries = Vec::new();
            if !step.params.is_empty() {
                entries.push(self.entry(
                    0,
                    &self.params,
                    self.param_offsets[at],
                    step.params.len(),
                ));
            }
            for &(binding, slot) in step.reads.iter().chain(&step.writes) {
                entries.push(self.slot(binding, slot));
            }
            let layout = self.pipelines[self.pipeline_of[at]].get_bind_group_layout(0);
            bind_groups.push(self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(&step.label),
                layout: &layout,
                entries: &entries,
            }));
            self.gpu.faults.take().map_err(|e| {
                let message = format!("step {} ({}): {e}", step.label, step.kernel.name);
                GpuError::new(e.kind(), message)
            })?;
        }
        self.bind_groups = bind_groups;
        Ok(())
    }

    fn slot(&self, binding: u32, slot: Slot) -> wgpu::BindGroupEntry<'_> {
        match slot {
            Slot::Constant { offset, bytes, .. } => {
                self.entry(binding, &self.constants, offset as u64, bytes)
            }
            Slot::Tensor(TensorId(id)) => {
                let place = self.layout.places[id];
                let arena = &self.arenas[place.arena];
                self.entry(binding, arena, place.offset as u64, self.plan.tensors[id])
            }
            Slot::Buffer(BufferId(id)) => {
                let (_, bytes) = self.plan.buffers[id];
                self.entry(binding, &self.buffers[id], 0, bytes)
            }
            Slot::Head(BufferId(id), bytes) => self.entry(binding, &self.buffers[id], 0, bytes),
        }
    }

    fn entry<'a>(
        &self,
        binding: u32,
        buffer: &'a wgpu::Buffer,
        offset: u64,
        bytes: usize,
    ) -> wgpu::BindGroupEntry<'a> {
        // Shaders read whole vectors: bindings are 16 bytes and multiples of it.
        let size = core::num::NonZeroU64::new((bytes as u64).next_multiple_of(16).max(16))
            .filter(|size| offset + size.get() <= buffer.size());
        wgpu::BindGroupEntry {
            binding,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size }),
        }
    }
}
