//! 3 × 3 layers with 2.25 times fewer multiplications: F(2 × 2, 3 × 3) of Winograd (Lavin and Gray 2016).
//!
//! Outputs are made in squares of 2 × 2 from squares of 4 × 4 inputs. With the input spread out as for a stride of 2, the
//! 16 inputs of a square are 16 places that are the same for all squares, so a run of squares is a run of positions here
//! too: the input's transform, 16 matrix products, and the output's transform, all on vectors of squares.

extern crate std;
use std::{cell::Cell, thread_local, vec, vec::Vec};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::dense::{self, Dense};
use super::{Finish, LEAST_WORK, Spread};
use crate::Conv;

/// Values of a square of inputs.
const SQUARE: usize = 16;
/// Values of a square of outputs.
const OUTPUTS: usize = 4;
/// Fewer channels than this on either side are not worth the transforms.
const LEAST_CHANNELS: u32 = 24;
/// Runs of squares that a thread takes at least.
const LEAST_RUNS: usize = 4;

thread_local! {
    /// Inputs spread out, and sums of squares on their way to their places.
    static PLANES: Cell<[Vec<f32>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
    /// A run of squares, transformed.
    static RUN: Cell<[Vec<f32>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
}

/// A 3 × 3 layer.
#[derive(Debug)]
pub(super) struct Winograd {
    /// Where the 16 inputs of squares lie.
    squares: Spread,
    inputs: usize,
    outputs: usize,
    in_area: usize,
    out_size: [usize; 2],
    /// Output channels that are summed together, and squares in a run.
    rows: usize,
    step: usize,
    /// `[blocks][16][inputs][rows]`, zeros beyond the last output channel.
    weights: Vec<f32>,
    /// One per row of all blocks.
    bias: Vec<f32>,
}

impl Winograd {
    /// `weights` are `[outputs][inputs][3][3]`; `None` where the layer is of another kind, or too small to gain.
    pub(super) fn new(p: &Conv, weights: &[f32], bias: &[f32]) -> Option<Self> {
        let ones = [p.stride_y, p.stride_x, p.dilation_y, p.dilation_x, p.groups] == [1; 5];
        let wide = p.in_channels >= LEAST_CHANNELS && p.out_channels >= LEAST_CHANNELS;
        if !ones || !wide || [p.kernel_height, p.kernel_width] != [3; 2] {
            return None;
        }
        let squares = Spread::new(&Conv {
            kernel_height: 4,
            kernel_width: 4,
            stride_y: 2,
            stride_x: 2,
            out_height: p.out_height.div_ceil(2),
            out_width: p.out_width.div_ceil(2),
            ..*p
        })?;
        let (rows, step) = Arch::new().dispatch(dense::Shape);
        let [inputs, outputs] = [p.in_channels, p.out_channels].map(|v| v as usize);
        let blocks = outputs.div_ceil(rows);
        let mut transformed = vec![0.0; blocks * SQUARE * inputs * rows];
        for (i, kernel) in weights.chunks_exact(9).enumerate() {
            let (o, c) = (i / inputs, i % inputs);
            for (k, value) in kernel_square(kernel).into_iter().enumerate() {
                let at = ((o / rows * SQUARE + k) * inputs + c) * rows + o % rows;
                transformed[at] = value;
            }
        }
        let mut bias = bias.to_vec();
        bias.resize(blocks * rows, 0.0);
        let out_size = [p.out_height as usize, p.out_width as usize];
        let in_area = (p.in_height * p.in_width) as usize;
        let weights = transformed;
        Some(Self { squares, inputs, outputs, in_area, out_size, rows, step, weights, bias })
    }

    /// As [`super::Convolution::run`].
    pub(super) fn run(&self, input: &[f32], finish: &Finish, skip: &[f32], out: &mut [f32]) {
        let images = input.len() / (self.inputs * self.in_area);
        let positions = images * self.squares.plane_area();
        // Where the layer is small, one thread does all.
        let work = 9 * input.len() * self.outputs;
        let at_least = |items: usize| if work < LEAST_WORK { usize::MAX } else { items };
        let [mut planes, mut sums] = PLANES.take();
        self.spread(input, images, at_least(self.rows), &mut planes);
        // `[runs][rows of all blocks][4][step]`
        let of_run = self.bias.len() * OUTPUTS * self.step;
        sums.resize(positions.div_ceil(self.step) * of_run, 0.0);
        let runs = sums.par_chunks_exact_mut(of_run).with_min_len(at_least(LEAST_RUNS)).enumerate();
        runs.for_each(|(i, sums)| {
            let [mut seen, mut products] = RUN.take();
            seen.resize(SQUARE * self.inputs * self.step, 0.0);
            products.resize(SQUARE * self.rows * self.step, 0.0);
            let (of, start) = (self, i * self.step);
            let planes = &planes[..];
            let (seen_, products_) = (&mut seen[..], &mut products[..]);
            let run = Run { of, images, start, planes, seen: seen_, products: products_, sums };
            Arch::new().dispatch(run);
            RUN.set([seen, products]);
        });
        let area = self.out_size[0] * self.out_size[1];
        let channels = out.par_chunks_exact_mut(area).with_min_len(at_least(self.rows)).enumerate();
        channels.for_each(|(i, out)| {
            let skip = skip.get(i * area..(i + 1) * area).unwrap_or(&[]);
            let (image, channel) = (i / self.outputs, i % self.outputs);
            let (of, sums) = (self, &sums[..]);
            Arch::new().dispatch(Place { of, sums, image, channel, finish, skip, out });
        });
        PLANES.set([planes, sums]);
    }

    /// `input` as `[channels][4 phases][images][plane]`.
    fn spread(&self, input: &[f32], images: usize, least: usize, planes: &mut Vec<f32>) {
        let area = self.squares.plane_area();
        let channel = 4 * images * area;
        planes.clear();
        planes.resize(self.inputs * channel + self.squares.reach() + self.step, 0.0);
        let channels = planes.par_chunks_exact_mut(channel).with_min_len(least).enumerate();
        channels.take(self.inputs).for_each(|(channel, planes)| {
            Arch::new().dispatch(FillChannel { of: self, images, channel, input, planes });
        });
    }
}

/// One channel of one image, on its way to its place.
struct Place<'a> {
    of: &'a Winograd,
    sums: &'a [f32],
    image: usize,
    channel: usize,
    finish: &'a Finish,
    skip: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Place<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { of, sums, image, channel, finish, skip, out } = self;
        let (step, rows) = (of.step, of.bias.len());
        let [_, width] = of.out_size;
        let padded = of.squares.plane_width();
        let mut line = [0.0f32; 2 * MAX_STEP];
        for (y, out) in out.chunks_exact_mut(width).enumerate() {
            let first = image * of.squares.plane_area() + y / 2 * padded;
            let end = first + width.div_ceil(2);
            let mut at = first;
            while at < end {
                let (run, from) = (at / step, at % step);
                let n = (step - from).min(end - at);
                let pair = ((run * rows + channel) * OUTPUTS + y % 2 * 2) * step;
                let (left, right) = (&sums[pair + from..][..n], &sums[pair + step + from..][..n]);
                for ((to, l), r) in line.chunks_exact_mut(2).zip(left).zip(right) {
                    (to[0], to[1]) = (*l, *r);
                }
                let to = 2 * (at - first);
                let len = (2 * n).min(width - to);
                let skip = skip.get(y * width + to..y * width + to + len).unwrap_or(&[]);
                finish.run(&line[..len], skip, &mut out[to..to + len]);
                at += n;
            }
        }
    }
}

/// One channel of all images, on its way into planes.
struct FillChannel<'a> {
    of: &'a Winograd,
    images: usize,
    channel: usize,
    input: &'a [f32],
    planes: &'a mut [f32],
}

impl WithSimd for FillChannel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { of, images, channel, input, planes } = self;
        for (i, plane) in planes.chunks_exact_mut(of.squares.plane_area()).enumerate() {
            let (phase, image) = (i / images, i % images);
            let from = &input[(image * of.inputs + channel) * of.in_area..][..of.in_area];
            of.squares.fill_phase(from, [phase / 2, phase % 2], plane);
        }
    }
}

/// Squares of the longest run.
const MAX_STEP: usize = super::LONGEST_STEP;

/// One run of squares: all outputs of `step` positions.
struct Run<'a> {
    of: &'a Winograd,
    images: usize,
    start: usize,
    planes: &'a [f32],
    /// `[16][inputs][step]`
    seen: &'a mut [f32],
    /// `[16][rows][step]`
    products: &'a mut [f32],
    /// `[rows of all blocks][4][step]`
    sums: &'a mut [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.of.rows == dense::ROWS[0] {
            self.all::<S, { dense::ROWS[0] }>(simd);
        } else {
            self.all::<S, { dense::ROWS[1] }>(simd);
        }
    }
}

impl Run<'_> {
    #[inline(always)]
    fn all<S: Simd, const N: usize>(self, simd: S) {
        let Self { of, images, start, planes, seen, products, sums } = self;
        let (step, inputs) = (Dense::step::<S>(), of.inputs);
        let area = of.squares.plane_area();
        let taps = of.squares.taps_of_phases(images);
        for c in 0..inputs {
            let planes = &planes[4 * images * area * c + start..];
            for first in (0..step).step_by(S::F32_LANES) {
                let square = taps.map(|tap| load::<S>(&planes[tap + first..]));
                let square = input_square(simd, square);
                for (k, value) in square.into_iter().enumerate() {
                    store::<S>(&mut seen[(k * inputs + c) * step + first..], value);
                }
            }
        }
        let blocks = of.weights.chunks_exact(SQUARE * inputs * N).zip(of.bias.chunks_exact(N));
        for ((weights, bias), sums) in blocks.zip(sums.chunks_exact_mut(N * OUTPUTS * step)) {
            let seen = seen.chunks_exact(inputs * step);
            let products_of = products.chunks_exact_mut(N * step);
            for ((weights, seen), out) in
                weights.chunks_exact(inputs * N).zip(seen).zip(products_of)
            {
                dense::product::<S, N>(simd, &[0.0; N], weights, seen, out);
            }
            for (n, (bias, sums)) in
                bias.iter().zip(sums.chunks_exact_mut(OUTPUTS * step)).enumerate()
            {
                let bias = simd.splat_f32s(*bias);
                for first in (0..step).step_by(S::F32_LANES) {
                    let at = |k: usize| load::<S>(&products[(k * N + n) * step + first..]);
                    let square = output_square(simd, core::array::from_fn(at));
                    for (k, value) in square.into_iter().enumerate() {
                        let value = simd.add_f32s(value, bias);
                        store::<S>(&mut sums[k * step + first..], value);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn load<S: Simd>(from: &[f32]) -> S::f32s {
    S::as_simd_f32s(&from[..S::F32_LANES]).0[0]
}

#[inline(always)]
fn store<S: Simd>(to: &mut [f32], value: S::f32s) {
    S::as_mut_simd_f32s(&mut to[..S::F32_LANES]).0[0] = value;
}

/// `Bᵀ d B` of a square `d` in row-major order.
#[inline(always)]
fn input_square<S: Simd>(simd: S, d: [S::f32s; SQUARE]) -> [S::f32s; SQUARE] {
    let line = |[a, b, c, d]: [S::f32s; 4]| {
        [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
    };
    let columns: [_; 4] = core::array::from_fn(|x| line(core::array::from_fn(|y| d[4 * y + x])));
    let rows: [_; 4] = core::array::from_fn(|y| line(core::array::from_fn(|x| columns[x][y])));
    core::array::from_fn(|i| rows[i / 4][i % 4])
}

/// `Aᵀ m A` of a square `m` in row-major order: 2 × 2 values.
#[inline(always)]
fn output_square<S: Simd>(simd: S, m: [S::f32s; SQUARE]) -> [S::f32s; OUTPUTS] {
    let line = |[a, b, c, d]: [S::f32s; 4]| {
        let both = simd.add_f32s(b, c);
        [simd.add_f32s(a, both), simd.sub_f32s(simd.sub_f32s(b, c), d)]
    };
    let columns: [_; 4] = core::array::from_fn(|x| line(core::array::from_fn(|y| m[4 * y + x])));
    let rows: [_; 2] = core::array::from_fn(|y| line(core::array::from_fn(|x| columns[x][y])));
    [rows[0][0], rows[0][1], rows[1][0], rows[1][1]]
}

/// `G g Gᵀ` of a kernel of 3 × 3 in row-major order.
fn kernel_square(g: &[f32]) -> [f32; SQUARE] {
    let line = |[a, b, c]: [f64; 3]| [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c];
    let at = |y: usize, x: usize| f64::from(g[3 * y + x]);
    let columns: [_; 3] = core::array::from_fn(|x| line([at(0, x), at(1, x), at(2, x)]));
    let row = |y: usize| line([columns[0][y], columns[1][y], columns[2][y]]);
    let rows: [_; 4] = core::array::from_fn(row);
    core::array::from_fn(|i| rows[i / 4][i % 4] as f32)
}
