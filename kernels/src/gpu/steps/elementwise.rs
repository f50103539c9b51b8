//! Steps with a thread per value: element-wise operations, resampling, pooling.

extern crate std;
use std::vec;

use super::{At, THREADS, step};
use crate::elementwise::{Elementwise, MAX_AXES, Operation};
use crate::epilogue::Epilogue;
use crate::gpu::wire::Found;
use crate::gpu::{BufferId, Groups, Plan, Slot, Stage, Step, kernel};
use crate::pool::Pool;
use crate::resample::Resample;

/// Workgroups along one axis at most (WebGPU).
const MAX_GROUPS: u32 = 65_535;

/// An element-wise step.
pub fn elementwise(
    plan: &mut Plan,
    at: At,
    p: &Elementwise,
    a: Slot,
    b: Option<Slot>,
    out: Slot,
) -> usize {
    plan.push(Step {
        reads: vec![(1, a), (2, b.unwrap_or(a))],
        writes: vec![(3, out)],
        ..step(at, &kernel::ELEMENTWISE, bytemuck::bytes_of(p), values(p.count))
    })
}

/// Copies the one value of `side` to the results about the image.
pub fn side(plan: &mut Plan, side: Slot, results: BufferId) -> usize {
    let mut copy = Elementwise::new(Operation::Copy, [1; MAX_AXES], Epilogue::default());
    copy.offset_out = (core::mem::offset_of!(Found, side) / size_of::<f32>()) as u32;
    let at = At::new(Stage::Crop, "side");
    elementwise(plan, at, &copy, side, None, Slot::Buffer(results))
}

/// A resampling along one axis; `places` and `weights` are `[out_size, taps]`.
pub fn resample(
    plan: &mut Plan,
    at: At,
    p: &Resample,
    input: Slot,
    places: &[u32],
    weights: &[f32],
    out: Slot,
) -> usize {
    let places = plan.constant_bytes(bytemuck::cast_slice(places));
    let weights = plan.constant(weights);
    plan.push(Step {
        reads: vec![(1, input), (2, places), (3, weights)],
        writes: vec![(4, out)],
        ..step(at, &kernel::RESAMPLE, bytemuck::bytes_of(p), values(p.count))
    })
}

/// A pooling.
pub fn pool(plan: &mut Plan, at: At, p: &Pool, input: Slot, out: Slot) -> usize {
    let groups = values(p.out_height * p.out_width * p.planes);
    plan.push(Step {
        reads: vec![(1, input)],
        writes: vec![(2, out)],
        ..step(at, &kernel::POOL, bytemuck::bytes_of(p), groups)
    })
}

/// Workgroups for a thread per value, along two axes where one does not hold them.
fn values(count: u32) -> Groups {
    let groups = count.div_ceil(THREADS);
    let x = groups.min(MAX_GROUPS);
    [x, groups.div_ceil(x.max(1)), 1]
}
