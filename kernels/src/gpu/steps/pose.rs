//! Heat maps, pose and regions.

extern crate std;
use std::vec;

use super::{At, head, step};
use crate::gpu::wire::{COVARIANCE_CELLS, PLACE_STEPS, PoseStep};
use crate::gpu::{BufferId, Kernel, Plan, Slot, Stage, Step, kernel};
use crate::pose::{POSE_ROBUST_UNITS, ROUNDS, SHAPE_ROBUST_UNITS};

/// Decodes `count` heat maps of `size` `[width, height]` cells into `peaks`.
pub fn peak(
    plan: &mut Plan,
    at: At,
    [width, height]: [usize; 2],
    radius: usize,
    count: usize,
    maps: Slot,
    peaks: Slot,
) -> usize {
    let params = [width as u32, height as u32, radius as u32, 0];
    let kernel = if plan.subgroups() { &kernel::PEAK_SUBGROUP } else { &kernel::PEAK };
    plan.push(Step {
        reads: vec![(1, maps)],
        writes: vec![(2, peaks)],
        ..step(at, kernel, bytemuck::bytes_of(&params), [count as u32, 1, 1])
    })
}

/// The buffers of the steps between the heat maps.
#[derive(Clone, Copy, Debug)]
pub struct PoseBuffers {
    /// The uploaded picture.
    pub picture: BufferId,
    /// Working memory, [`PoseStep::work`] values.
    pub work: BufferId,
    /// Places of the regions: two values, then two per landmark.
    pub regions: BufferId,
    /// What is read back: 256 bytes, then 16 per landmark.
    pub results: BufferId,
}

/// From coarse peaks to the places of regions; `model` holds what [`super::pack_shape`] gives.
pub fn pose_coarse(
    plan: &mut Plan,
    p: &PoseStep,
    on: PoseBuffers,
    model: Slot,
    peaks: Slot,
) -> usize {
    plan.push(pose(At::new(Stage::Crop, "pose"), &kernel::POSE_COARSE, p, on, [model, peaks]))
}

/// From fine peaks to what is read back.
pub fn pose_fine(
    plan: &mut Plan,
    p: &PoseStep,
    on: PoseBuffers,
    model: Slot,
    peaks: Slot,
) -> usize {
    plan.push(pose(At::new(Stage::Decode, "result"), &kernel::POSE_FINE, p, on, [model, peaks]))
}

fn pose(
    at: At,
    kernel: &'static Kernel,
    p: &PoseStep,
    on: PoseBuffers,
    [model, peaks]: [Slot; 2],
) -> Step {
    Step {
        constants: vec![
            ("ROUNDS", ROUNDS as f64),
            ("POSE_ROBUST_UNITS", POSE_ROBUST_UNITS),
            ("SHAPE_ROBUST_UNITS", SHAPE_ROBUST_UNITS),
            ("PLACE_STEPS", PLACE_STEPS.into()),
            ("COVARIANCE_CELLS", COVARIANCE_CELLS.into()),
        ],
        reads: vec![(1, head(on.picture)), (2, model), (3, peaks)],
        writes: vec![
            (4, Slot::Buffer(on.work)),
            (5, Slot::Buffer(on.regions)),
            (6, Slot::Buffer(on.results)),
        ],
        ..step(at, kernel, bytemuck::bytes_of(p), [1, 1, 1])
    }
}

/// The uniform of the crop.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(in crate::gpu) struct CropParams {
    size: u32,
    floor: f32,
    pad: [u32; 2],
}

/// Cuts `count` regions of `size` px out of `plane` and normalises them.
pub fn crop(
    plan: &mut Plan,
    [size, count]: [usize; 2],
    floor: f32,
    on: PoseBuffers,
    plane: BufferId,
    out: Slot,
) -> usize {
    let params = CropParams { size: size as u32, floor, pad: [0; 2] };
    let (at, groups) = (At::new(Stage::Crop, "crop"), [count as u32, 1, 1]);
    plan.push(Step {
        reads: vec![(1, head(on.picture)), (2, Slot::Buffer(plane)), (3, Slot::Buffer(on.regions))],
        writes: vec![(4, out)],
        ..step(at, &kernel::CROP, bytemuck::bytes_of(&params), groups)
    })
}
