//! Some drivers compute wrong results, most of all those of edge boards. So before a device is used, every shader is
//! compared with its reference implementation on it.

extern crate std;
use std::{format, string::String, vec::Vec};

use super::probes::int8::{conv_int8_probe, matmul_int8_probe};
use super::probes::layers::{
    any_conv, conv_probe, elementwise_probe, matmul_depthwise_probe, matmul_probe, peak_probe,
    pool_probe, resample_probe, transposed_probe,
};
use super::probes::picture::{
    Image, box_mean_probe, crop_probe, grey_window_probe, histogram_probe, local_norm_probe,
    warp_probe,
};
use super::probes::pose::{Scene, pose_probe};
use super::probes::{Probe, Rng};
use super::{Gpu, GpuError, GpuErrorKind, KERNELS, Kernel};
use crate::elementwise::Operation;
use crate::local_norm::LocalNorm;
use crate::pool::PoolKind;
use crate::precision::Precision;

/// Compares every shader with its reference implementation on `gpu`; those of networks with numbers in `form`.
///
/// # Errors
/// [`GpuErrorKind::Wrong`], naming the shader and what it computed; else as a run.
pub fn self_test(gpu: &Gpu, form: Precision) -> Result<(), GpuError> {
    self_test_with(gpu, form, &|kernel| kernel.pieces.concat())
}

pub(super) fn self_test_with(
    gpu: &Gpu,
    form: Precision,
    text: &dyn Fn(&Kernel) -> String,
) -> Result<(), GpuError> {
    let probes = probes(form, gpu.has_subgroups());
    let probed = |kernel: &Kernel| {
        let mut steps = probes.iter().flat_map(|probe| probe.plan.steps());
        kernel.subgroups && !gpu.has_subgroups()
            || kernel.int8 && form != Precision::Int8
            || steps.any(|step| step.kernel == kernel)
    };
    if let Some(kernel) = KERNELS.iter().find(|kernel| !probed(kernel)) {
        let message = format!("shader {} has no probe", kernel.name);
        return Err(GpuError::new(GpuErrorKind::Wrong, message));
    }
    for probe in &probes {
        if let Some(complaint) = probe.complaint(&probe.run(gpu, text)?) {
            let names: Vec<&str> = probe.plan.steps().iter().map(|s| s.kernel.name).collect();
            let message = format!(
                "{} computes wrongly: shader {} gave other values than its reference ({complaint}); \
                 update the driver",
                gpu.adapter().name,
                names.join(" or "),
            );
            return Err(GpuError::new(GpuErrorKind::Wrong, message));
        }
    }
    Ok(())
}

/// One run of each shader, and of each of its variants that networks use often.
fn probes(form: Precision, subgroups: bool) -> Vec<Probe> {
    let rng = &mut Rng(99);
    let mut probes = Vec::new();
    let eight = Image::new(rng, [131, 77], 256, [2, 3, 1, 1]);
    let sixteen = Image::new(rng, [90, 101], 40_000, [3, 2, 1, 2]);
    for image in [&eight, &sixteen] {
        probes.extend([histogram_probe(image), grey_window_probe(image), box_mean_probe(image, 0)]);
        probes.push(crop_probe(rng, image, 64, 3));
    }
    let mut image = Image::new(rng, [64, 80], 256, [1; 4]);
    probes.push(warp_probe(rng, &mut image));
    let norm = LocalNorm { width: 96, height: 70, radius: 40, floor: 6.0, gain: 0.5 };
    probes.push(local_norm_probe(rng, &norm));
    for (channels, kernel) in [
        ([16, 16, 1], [3, 3]),
        ([32, 64, 1], [3, 3]),
        ([1, 16, 1], [5, 5]),
        ([12, 12, 12], [3, 3]),
        ([12, 12, 12], [5, 5]),
    ] {
        let p = any_conv(rng, channels, kernel);
        probes.push(conv_probe(form, rng, p, 2));
    }
    probes.push(transposed_probe(form, rng, [12, 8, 1], [2, 2], 1));
    probes.push(matmul_probe(form, rng, [40, 180, 96], false, 1));
    probes.push(matmul_probe(form, rng, [16, 256, 33], true, 3));
    probes.push(matmul_depthwise_probe(form, rng, [40, 36], [3, 3], 1));
    probes.push(matmul_probe(form, rng, [19, 91, 20], true, 2));
    if form == Precision::Int8 {
        for channels in [[48, 40, 1], [20, 12, 1]] {
            let p = any_conv(rng, channels, [3, 3]);
            probes.push(conv_int8_probe(rng, p, 2));
        }
        probes.push(matmul_int8_probe(rng, [40, 180, 96], false, 1));
        probes.push(matmul_int8_probe(rng, [16, 256, 33], true, 3));
        probes.push(matmul_int8_probe(rng, [19, 91, 20], false, 2));
    }
    probes.push(elementwise_probe(form, rng, Operation::Add));
    probes.push(elementwise_probe(form, rng, Operation::Mul));
    probes.push(pool_probe(form, rng, PoolKind::Max));
    probes.push(resample_probe(form, rng));
    probes.push(pose_probe(&Scene::new(&mut Rng(33), 19, 8, true)));
    probes.push(peak_probe(false, rng, [48, 60], 9));
    if subgroups {
        probes.push(peak_probe(true, rng, [48, 60], 9));
    }
    probes
}
