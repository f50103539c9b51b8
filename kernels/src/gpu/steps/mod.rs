//! Steps for a plan: which shader computes a layer, with its weights packed and its workgroups counted.

extern crate std;
use std::{string::String, vec};

mod conv;
mod matmul;
mod int8;
mod elementwise;
mod picture;
mod pose;
mod packing;

pub use conv::{conv, transposed};
pub use elementwise::{elementwise, pool, resample, side};
pub(super) use int8::block;
pub use int8::{conv_int8, matmul_int8, takes_conv_int8};
pub use matmul::{Depthwise, matmul, matmul_depthwise};
pub use packing::pack_shape;
pub(super) use packing::{Quantised, pack_rows};
#[cfg(test)]
pub(super) use picture::NormParams;
pub use picture::{box_mean, box_mean_groups, grey_window, histogram, local_norm, warp};
#[cfg(test)]
pub(super) use pose::CropParams;
pub use pose::{PoseBuffers, crop, peak, pose_coarse, pose_fine};

use super::wire::Picture;
use super::{BufferId, Groups, Kernel, Plan, Slot, Stage, Step};

/// Threads of a workgroup in the shaders that take a thread per value.
const THREADS: u32 = 64;
/// Fewer input channels than this leave a matrix product idle.
const MIN_PRODUCT_CHANNELS: u32 = 8;
/// Header of an uploaded picture and a few pixels: the binding of steps that read no pixel.
const PICTURE_HEAD_BYTES: usize = size_of::<Picture>() + 16;

/// The stage that a step belongs to, and its label.
#[derive(Clone, Debug)]
pub struct At {
    /// Part of the run.
    pub stage: Stage,
    /// What it computes, such as the name of the graph node.
    pub label: String,
}

impl At {
    /// A place in a plan.
    pub fn new(stage: Stage, label: impl Into<String>) -> Self {
        Self { stage, label: label.into() }
    }
}

/// The operands of a convolution or matrix product.
#[derive(Clone, Debug)]
pub struct Layer<'a> {
    /// Where the step belongs.
    pub at: At,
    /// Number of inputs that lie one after the other.
    pub batch: usize,
    /// What is read.
    pub input: Slot,
    /// Weights, in the order of the layer's definition.
    pub weights: &'a [f32],
    /// A value for each output channel or row.
    pub bias: &'a [f32],
    /// Values of a skip connection, in the shape of the output.
    pub skip: Option<Slot>,
    /// Where the results go.
    pub out: Slot,
}

impl Layer<'_> {
    /// The step of the layer on `kernel`: `weights` as the shader reads them, `rows` with the bias of each row (and, in
    /// 8 bits, its scale).
    fn step(
        self,
        kernel: &'static Kernel,
        params: &[u8],
        [weights, rows]: [Slot; 2],
        [x, y]: [u32; 2],
    ) -> Step {
        Step {
            reads: vec![(1, self.input), (2, weights), (3, rows), (4, self.skip.unwrap_or(rows))],
            writes: vec![(5, self.out)],
            ..step(self.at, kernel, params, [x, y, self.batch as u32])
        }
    }

    /// Puts packed weights and the bias into the plan.
    fn constants(&self, plan: &mut Plan, packed: &[f32]) -> [Slot; 2] {
        [plan.constant(packed), plan.constant(self.bias)]
    }
}

/// A step without bindings.
fn step(at: At, kernel: &'static Kernel, params: &[u8], groups: Groups) -> Step {
    Step {
        kernel,
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

/// The header of the uploaded picture.
fn head(picture: BufferId) -> Slot {
    Slot::Head(picture, PICTURE_HEAD_BYTES)
}

/// The tile of a product that leaves the fewest threads without work: how many threads it has along the columns, and how
/// many tiles there are along columns and rows.
fn tiles(rows: u32, columns: u32) -> (f64, [u32; 2]) {
    let count = |tile: [u32; 2]| [columns.div_ceil(tile[0]), rows.div_ceil(tile[1])];
    let [square, wide] = [count([32, 32]), count([64, 16])];
    // All tiles are equally large; the square one reads less.
    if wide[0] * wide[1] < square[0] * square[1] { (16.0, wide) } else { (8.0, square) }
}
