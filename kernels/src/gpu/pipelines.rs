//! Pipelines and uniforms of the steps of a plan, after a check of the features and limits of the device.

extern crate std;
use std::{collections::BTreeMap, format, string::String, vec, vec::Vec};

use super::plan::{ALIGN, Plan, Step};
use super::{Gpu, GpuError, GpuErrorKind, Kernel};

/// Checks that the device has the features of the plan.
pub(super) fn check_form(gpu: &Gpu, plan: &Plan) -> Result<(), GpuError> {
    let missing = match plan.precision() {
        form if !gpu.runs(form) => "16-bit floats",
        _ if plan.subgroups() && !gpu.has_subgroups() => "subgroup operations",
        _ => return Ok(()),
    };
    let message = format!("{} has no {missing}", gpu.adapter().name);
    Err(GpuError::new(GpuErrorKind::NoAdapter, message))
}

/// Checks that no step has more workgroups along an axis than the device runs.
pub(super) fn check_groups(gpu: &Gpu, steps: &[Step]) -> Result<(), GpuError> {
    let most = gpu.device.limits().max_compute_workgroups_per_dimension;
    let too_many = steps.iter().find(|step| step.groups.iter().any(|&count| count > most));
    too_many.map_or(Ok(()), |step| {
        let message = format!(
            "step {} ({}) needs {:?} workgroups, and {} runs {most} along an axis",
            step.label,
            step.kernel.name,
            step.groups,
            gpu.adapter().name
        );
        Err(GpuError::new(GpuErrorKind::TooLarge, message))
    })
}

/// The uniforms of all steps in one buffer, and the offset of each.
pub(super) fn uniforms(steps: &[Step]) -> (Vec<u8>, Vec<u64>) {
    let (mut bytes, mut offsets) = (Vec::new(), Vec::new());
    for step in steps {
        bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
        offsets.push(bytes.len() as u64);
        bytes.extend_from_slice(&step.params);
    }
    bytes.resize(bytes.len().next_multiple_of(ALIGN).max(ALIGN), 0);
    (bytes, offsets)
}

/// One pipeline for each shader with its constants, and the number of the pipeline of each step.
pub(super) fn pipelines(
    gpu: &Gpu,
    plan: &Plan,
    text: &dyn Fn(&Kernel) -> String,
) -> Result<(Vec<wgpu::ComputePipeline>, Vec<usize>), GpuError> {
    let mut modules: BTreeMap<String, wgpu::ShaderModule> = BTreeMap::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let (mut made, mut of_step) = (vec![], vec![]);
    for step in &plan.steps {
        let kernel = step.kernel;
        let head = plan.head(step);
        let key = format!("{} {:?} {head}", kernel.name, step.constants);
        if let Some(&place) = known.get(&key) {
            of_step.push(place);
            continue;
        }
        let module = modules.entry(format!("{} {head}", kernel.name)).or_insert_with(|| {
            let text = head + &text(kernel);
            gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(kernel.name),
                source: wgpu::ShaderSource::Wgsl(text.into()),
            })
        });
        let pipeline = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.name),
            layout: None,
            module,
            entry_point: Some(kernel.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &step.constants,
                ..Default::default()
            },
            cache: gpu.cache.as_ref(),
        });
        gpu.faults
            .take()
            .map_err(|e| GpuError::new(e.kind(), format!("shader {}: {e}", kernel.name)))?;
        made.push(pipeline);
        known.insert(key, made.len() - 1);
        of_step.push(made.len() - 1);
    }
    Ok((made, of_step))
}
