//! From the uploaded picture to the input of the backbone.

extern crate std;
use std::vec;

use super::{At, THREADS, head, step};
use crate::gpu::wire::Found;
use crate::gpu::{BufferId, Groups, Plan, Slot, Stage, Step, kernel};
use crate::local_norm::LocalNorm;

/// Workgroups that count grey levels.
const HISTOGRAM_GROUPS: u32 = 256;
/// Results about the whole image, in front of those of the landmarks.
const FOUND_BYTES: usize = size_of::<Found>();

fn at(label: &str) -> At {
    At::new(Stage::Preprocess, label)
}

/// A thread for each column, workgroups for each row.
fn plane(width: u32, height: u32) -> Groups {
    [width.div_ceil(THREADS), height, 1]
}

/// Counts the grey levels of the uploaded picture in `bins` (65,536 words, cleared).
pub fn histogram(plan: &mut Plan, picture: BufferId, bins: BufferId) -> usize {
    plan.push(Step {
        reads: vec![(1, Slot::Buffer(picture))],
        writes: vec![(2, Slot::Buffer(bins))],
        ..step(at("grey levels"), &kernel::HISTOGRAM, &[], [HISTOGRAM_GROUPS, 1, 1])
    })
}

/// Finds the grey window and writes it to the head of `results`.
pub fn grey_window(plan: &mut Plan, picture: BufferId, bins: BufferId, results: BufferId) -> usize {
    plan.push(Step {
        reads: vec![(1, head(picture)), (2, Slot::Buffer(bins))],
        writes: vec![(3, Slot::Buffer(results))],
        ..step(at("grey window"), &kernel::GREY_WINDOW, &[], [1, 1, 1])
    })
}

/// Reduces the picture to plane number 0 (whole image) or 1 (regions); its workgroups depend on the picture,
/// see [`box_mean_groups`].
pub fn box_mean(
    plan: &mut Plan,
    number: usize,
    picture: BufferId,
    results: BufferId,
    plane: BufferId,
) -> usize {
    let label = ["reduce whole image", "reduce for regions"][number.min(1)];
    plan.push(Step {
        constants: vec![("PLANE", number as f64)],
        reads: vec![(1, Slot::Buffer(picture)), (2, Slot::Head(results, FOUND_BYTES))],
        writes: vec![(3, Slot::Buffer(plane))],
        ..step(at(label), &kernel::BOX_MEAN, &[], [0, 0, 1])
    })
}

/// Workgroups that reduce a picture to a plane of this size.
pub fn box_mean_groups([width, height]: [usize; 2]) -> Groups {
    plane(width as u32, height as u32)
}

/// Resamples plane number 0 onto the input of the backbone, `[height, width]`.
pub fn warp(
    plan: &mut Plan,
    size: [usize; 2],
    picture: BufferId,
    source: BufferId,
    out: Slot,
) -> usize {
    let [width, height] = size.map(|edge| edge as u32);
    let params = [width, height, 0, 0];
    let groups = plane(width, height);
    plan.push(Step {
        reads: vec![(1, head(picture)), (2, Slot::Buffer(source))],
        writes: vec![(3, out)],
        ..step(at("resample"), &kernel::WARP, bytemuck::bytes_of(&params), groups)
    })
}

/// The uniform of the local normalisation.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(in crate::gpu) struct NormParams {
    sizes: [u32; 4],
    floor: f32,
    gain: f32,
    pad: [u32; 2],
}

/// Normalises `input` `[height, width]` locally.
pub fn local_norm(plan: &mut Plan, p: &LocalNorm, input: Slot, out: Slot) {
    let sizes = [p.width as u32, p.height as u32, p.radius as u32, 0];
    let params = NormParams { sizes, floor: p.floor, gain: p.gain, pad: [0; 2] };
    let (params, groups) = (bytemuck::bytes_of(&params), plane(sizes[0], sizes[1]));
    let rows = plan.tensor(2 * p.width * p.height);
    plan.push(Step {
        reads: vec![(1, input)],
        writes: vec![(3, rows)],
        ..step(at("normalise rows"), &kernel::LOCAL_NORM_ROWS, params, groups)
    });
    plan.push(Step {
        reads: vec![(1, input), (2, rows)],
        writes: vec![(4, out)],
        ..step(at("normalise columns"), &kernel::LOCAL_NORM, params, groups)
    });
}
