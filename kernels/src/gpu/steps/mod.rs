//! Steps for a plan: which shader computes what, with its weights packed and its workgroups counted.

extern crate std;
use std::{string::String, vec, vec::Vec};

mod int8;

pub(super) use int8::{Whole, block};
pub use int8::{conv_int8, matmul_int8, takes_conv_int8};

use super::{BufferId, Groups, Plan, Slot, Stage, Step, kernel};
use crate::{
    Conv, Elementwise, Epilogue, Found, LocalNorm, MAX_AXES, Matmul, Operation, Picture, Pool,
    PoseStep, Resample,
};

/// Threads of a workgroup in the shaders that take a thread per value.
const THREADS: u32 = 64;
/// Workgroups along one axis at most (WebGPU).
const MAX_GROUPS: u32 = 65_535;
/// Fewer input channels than this leave a matrix product idle.
const MIN_PRODUCT_CHANNELS: u32 = 8;
/// Widest kernel and stride of the depthwise shader, taps and px.
const MAX_DEPTHWISE: [u32; 2] = [7, 2];
/// Workgroups that count grey levels.
const HISTOGRAM_GROUPS: u32 = 256;

/// Where a step belongs and what it is called.
#[derive(Clone, Debug)]
pub struct At {
    /// Part of the run.
    pub stage: Stage,
    /// What it is for, such as the graph node.
    pub label: String,
}

impl At {
    /// A place in a plan.
    pub fn new(stage: Stage, label: impl Into<String>) -> Self {
        Self { stage, label: label.into() }
    }
}

/// Header of an uploaded picture and a few pixels: what steps bind that read no pixel.
const PICTURE_HEAD_BYTES: usize = size_of::<Picture>() + 16;
/// What is found about the image as a whole, in front of the landmarks.
const FOUND_BYTES: usize = size_of::<Found>();

fn head(picture: BufferId) -> Slot {
    Slot::Head(picture, PICTURE_HEAD_BYTES)
}

fn step(at: At, name: &str, params: &[u8], groups: Groups) -> Step {
    Step {
        // The names are written in this file, and a test asks for each of them.
        kernel: kernel(name).unwrap_or(&super::KERNELS[0]),
        label: at.label,
        stage: at.stage,
        constants: vec![],
        params: params.to_vec(),
        reads: vec![],
        writes: vec![],
        groups,
        flops: 0,
    }
}

/// A convolution of `batch` images: `weights` `[out, in / groups, height, width]`, `bias` `[out]`.
#[allow(clippy::too_many_arguments)]
pub fn conv(
    plan: &mut Plan,
    at: At,
    mut p: Conv,
    batch: usize,
    input: Slot,
    weights: &[f32],
    bias: &[f32],
    skip: Option<Slot>,
    out: Slot,
) -> usize {
    p.padded_out = p.out_channels.next_multiple_of(4);
    let pixels = p.out_height * p.out_width;
    let (name, constants, packed, x, y): (_, _, Vec<f32>, _, _) = if is_depthwise(&p) {
        let blocks = p.out_width.div_ceil(4) * p.out_height;
        let constants =
            vec![("KERNEL_WIDTH", p.kernel_width.into()), ("STRIDE_X", p.stride_x.into())];
        ("depthwise", constants, weights.to_vec(), blocks.div_ceil(THREADS), p.out_channels)
    } else if p.groups == 1 && p.in_channels >= MIN_PRODUCT_CHANNELS {
        let (across, [x, y]) = tiles(p.out_channels, pixels);
        ("conv", vec![("ACROSS", across)], pack_taps(&p, weights), x, y)
    } else {
        let lanes = if (p.out_channels / p.groups).is_multiple_of(4) { 4 } else { 1 };
        let constants = vec![("LANES", lanes.into())];
        let x = pixels.div_ceil(THREADS);
        ("grouped", constants, weights.to_vec(), x, p.out_channels / lanes)
    };
    let (weights, bias) = (plan.constant(&packed), plan.constant(bias));
    let groups = [x, y, batch as u32];
    plan.push(conv_step(at, name, &p, constants, groups, [input, weights, bias], skip, out))
}

/// The step of any convolution: of `input` with packed weights, and what the rows are finished with.
#[allow(clippy::too_many_arguments)]
fn conv_step(
    at: At,
    name: &str,
    p: &Conv,
    constants: Vec<(&'static str, f64)>,
    groups: Groups,
    [input, weights, rows]: [Slot; 3],
    skip: Option<Slot>,
    out: Slot,
) -> Step {
    let taps = u64::from(p.kernel_height * p.kernel_width) * u64::from(p.in_channels / p.groups);
    let values = u64::from(p.out_height * p.out_width) * u64::from(p.out_channels);
    Step {
        flops: 2 * taps * values * u64::from(groups[2]),
        constants,
        reads: vec![(1, input), (2, weights), (3, rows), (4, skip.unwrap_or(rows))],
        writes: vec![(5, out)],
        ..step(at, name, bytemuck::bytes_of(p), groups)
    }
}

/// A transposed convolution of `batch` images; all else as for [`conv`].
#[allow(clippy::too_many_arguments)]
pub fn transposed(
    plan: &mut Plan,
    at: At,
    p: &Conv,
    batch: usize,
    input: Slot,
    weights: &[f32],
    bias: &[f32],
    skip: Option<Slot>,
    out: Slot,
) -> usize {
    let x = (p.out_height * p.out_width).div_ceil(THREADS);
    let (weights, bias) = (plan.constant(weights), plan.constant(bias));
    let taps = u64::from(p.kernel_height * p.kernel_width) * u64::from(p.out_channels / p.groups);
    let inputs = u64::from(p.in_channels) * u64::from(p.in_height * p.in_width);
    plan.push(Step {
        flops: 2 * taps * inputs * batch as u64,
        reads: vec![(1, input), (2, weights), (3, bias), (4, skip.unwrap_or(bias))],
        writes: vec![(5, out)],
        ..step(at, "transposed", bytemuck::bytes_of(p), [x, p.out_channels, batch as u32])
    })
}

/// `[out, in, taps]` to `[taps, in, padded out]`.
fn pack_taps(p: &Conv, weights: &[f32]) -> Vec<f32> {
    let taps = (p.kernel_height * p.kernel_width) as usize;
    let [inputs, outputs, padded] =
        [p.in_channels, p.out_channels, p.padded_out].map(|v| v as usize);
    let mut packed = vec![0.0; taps * inputs * padded];
    for row in 0..outputs {
        for c in 0..inputs {
            for tap in 0..taps {
                packed[(tap * inputs + c) * padded + row] =
                    weights[(row * inputs + c) * taps + tap];
            }
        }
    }
    packed
}

/// A matrix product for each of `batch` inputs `[k, n]`; `weights` are `[m, k]`, for each where private.
#[allow(clippy::too_many_arguments)]
pub fn matmul(
    plan: &mut Plan,
    at: At,
    p: &Matmul,
    batch: usize,
    input: Slot,
    weights: &[f32],
    bias: &[f32],
    skip: Option<Slot>,
    out: Slot,
) -> usize {
    let name = if p.n.is_multiple_of(4) { "matmul_vec4" } else { "matmul_any" };
    let (weights, bias) = (plan.constant(&pack_rows(p, weights)), plan.constant(bias));
    plan.push(matmul_step(at, name, p, batch, [input, weights, bias], skip, out))
}

/// The step of any product: of `input` with packed weights, and what the rows are finished with.
fn matmul_step(
    at: At,
    name: &str,
    p: &Matmul,
    batch: usize,
    [input, weights, rows]: [Slot; 3],
    skip: Option<Slot>,
    out: Slot,
) -> Step {
    let (across, [x, y]) = tiles(p.m, p.n);
    Step {
        flops: 2 * u64::from(p.m) * u64::from(p.n) * u64::from(p.k) * batch as u64,
        reads: vec![(1, input), (2, weights), (3, rows), (4, skip.unwrap_or(rows))],
        writes: vec![(5, out)],
        constants: vec![("ACROSS", across)],
        ..step(at, name, bytemuck::bytes_of(p), [x, y, batch as u32])
    }
}

/// A convolution of each channel by itself, in front of a product.
#[derive(Clone, Debug)]
pub struct Depthwise {
    /// Sizes and activation; no skip connection.
    pub sizes: Conv,
    /// `[channels, height, width]`.
    pub weights: Vec<f32>,
    /// `[channels]`.
    pub bias: Vec<f32>,
}

/// A product of what `before` makes of `batch` inputs; all else as for [`matmul`], `weights` shared by all.
#[allow(clippy::too_many_arguments)]
pub fn matmul_depthwise(
    plan: &mut Plan,
    at: At,
    p: &Matmul,
    before: &Depthwise,
    batch: usize,
    input: Slot,
    weights: &[f32],
    bias: &[f32],
    skip: Option<Slot>,
    out: Slot,
) -> usize {
    let (weights, bias) = (plan.constant(&pack_rows(p, weights)), plan.constant(bias));
    let product = [input, weights, bias];
    let mut product = matmul_step(at, "matmul_depthwise", p, batch, product, skip, out);
    let sizes = plan.constant_bytes(bytemuck::bytes_of(&before.sizes));
    let (taps, taps_bias) = (plan.constant(&before.weights), plan.constant(&before.bias));
    let rows_of_tiles = product.groups[1];
    let outputs = u64::from(p.k) * u64::from(p.n) * batch as u64;
    let taps_each = rows_of_tiles * before.sizes.kernel_height * before.sizes.kernel_width;
    product.flops = 2 * outputs * (u64::from(p.m) + u64::from(taps_each));
    product.reads.extend([(6, sizes), (7, taps), (8, taps_bias)]);
    product.constants.extend([
        ("KERNEL_WIDTH", f64::from(before.sizes.kernel_width)),
        ("STRIDE_X", f64::from(before.sizes.stride_x)),
    ]);
    plan.push(product)
}

impl Depthwise {
    /// Whether [`matmul_depthwise`] takes a convolution of these sizes.
    pub fn takes(p: &Conv) -> bool {
        is_depthwise(p) && p.out_width.is_multiple_of(4)
    }

    /// Whether [`matmul_depthwise`] computes no value of the convolution twice for so many rows.
    pub fn once(p: &Conv, rows: u32) -> bool {
        tiles(rows, p.out_height * p.out_width).1[1] == 1
    }
}

/// Whether the shader `depthwise` takes a convolution of these sizes.
fn is_depthwise(p: &Conv) -> bool {
    let own_channel = p.groups == p.in_channels && p.in_channels == p.out_channels;
    let narrow = p.kernel_width <= MAX_DEPTHWISE[0] && p.stride_x <= MAX_DEPTHWISE[1];
    own_channel && narrow && p.dilation_x == 1 && p.dilation_y == 1
}

/// The tile that leaves the fewest threads without work: how many threads it has along the columns, and
/// how many tiles there are along columns and rows.
fn tiles(rows: u32, columns: u32) -> (f64, [u32; 2]) {
    let count = |tile: [u32; 2]| [columns.div_ceil(tile[0]), rows.div_ceil(tile[1])];
    let [square, wide] = [count([32, 32]), count([64, 16])];
    // All tiles are equally large; the square one reads less.
    if wide[0] * wide[1] < square[0] * square[1] { (16.0, wide) } else { (8.0, square) }
}

/// `[m, k]` matrices, one after the other, to `[k, padded m]`.
pub(super) fn pack_rows(p: &Matmul, weights: &[f32]) -> Vec<f32> {
    let [m, k, padded] = [p.m, p.k, p.padded_m].map(|v| v as usize);
    let mut packed = vec![0.0; weights.len() / (m * k) * k * padded];
    for (matrix, to) in weights.chunks_exact(m * k).zip(packed.chunks_exact_mut(k * padded)) {
        for row in 0..m {
            for step in 0..k {
                to[step * padded + row] = matrix[row * k + step];
            }
        }
    }
    packed
}

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
        ..step(at, "elementwise", bytemuck::bytes_of(p), values(p.count))
    })
}

/// Puts the one value of `side` beside what is found out about the image.
pub fn side(plan: &mut Plan, side: Slot, results: BufferId) -> usize {
    let mut copy = Elementwise::new(Operation::Copy, [1; MAX_AXES], Epilogue::default());
    copy.offset_out = (core::mem::offset_of!(Found, side) / size_of::<f32>()) as u32;
    let at = At::new(Stage::Crop, "side");
    elementwise(plan, at, &copy, side, None, Slot::Buffer(results))
}

/// Workgroups for a thread per value, along two axes where one does not hold them.
fn values(count: u32) -> Groups {
    let groups = count.div_ceil(THREADS);
    let x = groups.min(MAX_GROUPS);
    [x, groups.div_ceil(x.max(1)), 1]
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
        ..step(at, "resample", bytemuck::bytes_of(p), values(p.count))
    })
}

/// A pooling.
pub fn pool(plan: &mut Plan, at: At, p: &Pool, input: Slot, out: Slot) -> usize {
    let groups = values(p.out_height * p.out_width * p.planes);
    plan.push(Step {
        reads: vec![(1, input)],
        writes: vec![(2, out)],
        ..step(at, "pool", bytemuck::bytes_of(p), groups)
    })
}

/// Counts the grey levels of the uploaded picture in `bins` (65,536 words, cleared).
pub fn histogram(plan: &mut Plan, picture: BufferId, bins: BufferId) -> usize {
    let at = At::new(Stage::Preprocess, "grey levels");
    plan.push(Step {
        reads: vec![(1, Slot::Buffer(picture))],
        writes: vec![(2, Slot::Buffer(bins))],
        ..step(at, "histogram", &[], [HISTOGRAM_GROUPS, 1, 1])
    })
}

/// Finds the grey window and writes it to the head of `results`.
pub fn grey_window(plan: &mut Plan, picture: BufferId, bins: BufferId, results: BufferId) -> usize {
    let at = At::new(Stage::Preprocess, "grey window");
    plan.push(Step {
        reads: vec![(1, head(picture)), (2, Slot::Buffer(bins))],
        writes: vec![(3, Slot::Buffer(results))],
        ..step(at, "grey_window", &[], [1, 1, 1])
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
    let at =
        At::new(Stage::Preprocess, ["reduce whole image", "reduce for regions"][number.min(1)]);
    plan.push(Step {
        constants: vec![("PLANE", number as f64)],
        reads: vec![(1, Slot::Buffer(picture)), (2, Slot::Head(results, FOUND_BYTES))],
        writes: vec![(3, Slot::Buffer(plane))],
        ..step(at, "box_mean", &[], [0, 0, 1])
    })
}

/// Workgroups that reduce a picture to a plane of this size.
pub fn box_mean_groups([width, height]: [usize; 2]) -> Groups {
    [(width as u32).div_ceil(THREADS), height as u32, 1]
}

/// Resamples plane number 0 onto the backbone's input `[height, width]`.
pub fn warp(
    plan: &mut Plan,
    [width, height]: [usize; 2],
    picture: BufferId,
    plane: BufferId,
    out: Slot,
) -> usize {
    let at = At::new(Stage::Preprocess, "resample");
    let params = [width as u32, height as u32, 0, 0];
    let groups = [(width as u32).div_ceil(THREADS), height as u32, 1];
    plan.push(Step {
        reads: vec![(1, head(picture)), (2, Slot::Buffer(plane))],
        writes: vec![(3, out)],
        ..step(at, "warp", bytemuck::bytes_of(&params), groups)
    })
}

/// What the local normalisation reads; the order of the shader's `Params`.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct NormParams {
    sizes: [u32; 4],
    floor: f32,
    gain: f32,
    pad: [u32; 2],
}

/// Normalises `plane` `[height, width]` locally.
pub fn local_norm(plan: &mut Plan, p: &LocalNorm, plane: Slot, out: Slot) {
    let sizes = [p.width as u32, p.height as u32, p.radius as u32, 0];
    let params = NormParams { sizes, floor: p.floor, gain: p.gain, pad: [0; 2] };
    let groups = [sizes[0].div_ceil(THREADS), sizes[1], 1];
    let rows = plan.tensor(2 * p.width * p.height);
    let at = |label: &str| At::new(Stage::Preprocess, label);
    plan.push(Step {
        reads: vec![(1, plane)],
        writes: vec![(3, rows)],
        ..step(at("normalise rows"), "local_norm_rows", bytemuck::bytes_of(&params), groups)
    });
    plan.push(Step {
        reads: vec![(1, plane), (2, rows)],
        writes: vec![(4, out)],
        ..step(at("normalise columns"), "local_norm", bytemuck::bytes_of(&params), groups)
    });
}

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
    let name = if plan.subgroups() { "peak_subgroup" } else { "peak" };
    plan.push(Step {
        reads: vec![(1, maps)],
        writes: vec![(2, peaks)],
        ..step(at, name, bytemuck::bytes_of(&params), [count as u32, 1, 1])
    })
}

/// The buffers of the steps between the heat maps.
#[derive(Clone, Copy, Debug)]
pub struct PoseBuffers {
    /// The uploaded picture.
    pub picture: BufferId,
    /// Working memory, [`PoseStep::work`] values.
    pub work: BufferId,
    /// Where regions lie: two values, then two per landmark.
    pub regions: BufferId,
    /// What is read back: 256 bytes, then 16 per landmark.
    pub results: BufferId,
}

/// From coarse peaks to the places of regions; `model` holds the mean shape `[guides, 2]`, the ridge of each
/// mode, the modes `[modes, guides, 2]`, the guide of each landmark (or the number of guides and then which
/// follower), and for each follower its mean and its modes `[1 + modes, 2]`.
pub fn pose_coarse(
    plan: &mut Plan,
    p: &PoseStep,
    on: PoseBuffers,
    model: Slot,
    peaks: Slot,
) -> usize {
    plan.push(pose(At::new(Stage::Crop, "pose"), "pose_coarse", p, on, model, peaks))
}

/// From fine peaks to what is read back.
pub fn pose_fine(
    plan: &mut Plan,
    p: &PoseStep,
    on: PoseBuffers,
    model: Slot,
    peaks: Slot,
) -> usize {
    plan.push(pose(At::new(Stage::Decode, "result"), "pose_fine", p, on, model, peaks))
}

fn pose(at: At, name: &str, p: &PoseStep, on: PoseBuffers, model: Slot, peaks: Slot) -> Step {
    Step {
        reads: vec![(1, head(on.picture)), (2, model), (3, peaks)],
        writes: vec![
            (4, Slot::Buffer(on.work)),
            (5, Slot::Buffer(on.regions)),
            (6, Slot::Buffer(on.results)),
        ],
        ..step(at, name, bytemuck::bytes_of(p), [1, 1, 1])
    }
}

/// What the crop reads; the order of the shader's `Params`.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct CropParams {
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
    plan.push(Step {
        reads: vec![(1, head(on.picture)), (2, Slot::Buffer(plane)), (3, Slot::Buffer(on.regions))],
        writes: vec![(4, out)],
        ..step(
            At::new(Stage::Crop, "crop"),
            "crop",
            bytemuck::bytes_of(&params),
            [count as u32, 1, 1],
        )
    })
}
