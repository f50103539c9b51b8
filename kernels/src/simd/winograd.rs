//! 3 × 3 convolutions with four times fewer multiplications: Winograd's minimal filtering F(4 × 4, 3 × 3)
//! (Lavin and Gray 2015, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308).
//!
//! A tile `Y` of 4 × 4 outputs is computed from a tile `d` of 6 × 6 inputs and the kernel `g` of 3 × 3. Neighbouring input
//! tiles overlap by 2 pixels. `⊙` multiplies value by value:
//!
//! ```text
//! Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A
//!
//!      │ 4  0 -5  0  1  0 │        │  1/4    0     0  │
//!      │ 0 -4 -4  1  1  0 │        │ -1/6  -1/6  -1/6 │        │ 1  1  1  1  1  0 │
//! Bᵀ = │ 0  4 -4 -1  1  0 │    G = │ -1/6   1/6  -1/6 │   Aᵀ = │ 0  1 -1  2 -2  0 │
//!      │ 0 -2 -1  2  1  0 │        │ 1/24   1/12  1/6 │        │ 0  1  1  4  4  0 │
//!      │ 0  2 -1 -2  1  0 │        │ 1/24  -1/12  1/6 │        │ 0  1 -1  8 -8  1 │
//!      │ 0  4  0 -5  0  1 │        │   0     0     1  │
//! ```
//!
//! That is 36 multiplications for each pair of channels, in place of 16 · 9 = 144. The transforms are linear, so they are
//! taken out of the sum over input channels: each input tile is transformed once for all outputs, each output tile once
//! for all inputs, and the kernels are transformed when the layer is made (in `f64`).
//!
//! Layout: channels lie side by side, so each line of a transform is a few operations on vectors of channels. Transformed
//! tiles are stored as `[36][tiles][channels]`: for each of the 36 values the sum over input channels is then a matrix
//! product `[tiles, inputs] · [inputs, outputs]`, which [`Dense`] computes. Tiles are handled [`TOGETHER`] at a time: enough
//! to fill the register tiles of the products, few enough that all 36 planes stay in the cache.
//!
//! Error: the coefficients reach from 1/24 to 8, so rounding errors are larger than those of direct sums. The tests allow
//! twice the error of a direct convolution, `2 · 2e-5 · √(1 + 9 · inputs)` for values up to 1. Larger tiles, such as
//! F(6 × 6, 3 × 3), would save more multiplications, but their coefficients and errors grow quickly.

extern crate std;
use core::ops::Range;
use std::{cell::Cell, thread_local, vec, vec::Vec};

use pulp::{Arch, Simd, WithSimd};

use super::dense::{Dense, Segment};
use super::vector::{lanes, whole};
use super::{Aligned, Finish, Patches, Slab, threads};
use crate::conv::Conv;

/// Values along an edge of an input tile, and in the tile.
const SIDE: usize = 6;
const SQUARE: usize = SIDE * SIDE;
/// Values along an edge of an output tile.
const OUT: usize = 4;
/// Tiles that are transformed and multiplied together; a multiple of the rows of a product's register tile.
const TOGETHER: usize = 24;
/// With fewer input or output channels than this, the transforms cost more than they save.
const LEAST_CHANNELS: u32 = 16;

thread_local! {
    /// An image padded, its squares transformed, and their products.
    static SCRATCH: Cell<[Aligned; 3]> = const { Cell::new([const { Aligned::new() }; 3]) };
}

/// A 3 × 3 layer.
#[derive(Debug)]
pub(super) struct Winograd {
    inputs: usize,
    outputs: usize,
    /// Output channels up to a whole vector.
    padded: usize,
    /// The places of the input tiles.
    squares: Patches,
    /// Values of an input image.
    input: usize,
    /// Height and width.
    out_size: [usize; 2],
    /// One for each value of a transformed tile.
    products: Vec<Dense>,
    bias: Vec<f32>,
}

/// The data of one run: rows of tiles of all images, one image after the other.
struct Rows<'a> {
    input: &'a [f32],
    skip: &'a [f32],
    finish: &'a Finish,
}

impl Winograd {
    /// `weights` are `[outputs][inputs][3][3]`; `None` where the layer is of another kind, has too few channels to gain, or
    /// where its input channels do not fill whole vectors.
    pub(super) fn new(p: &Conv, weights: &[f32], bias: &[f32]) -> Option<Self> {
        let ones = [p.stride_y, p.stride_x, p.dilation_y, p.dilation_x, p.groups] == [1; 5];
        let wide = p.in_channels >= LEAST_CHANNELS && p.out_channels >= LEAST_CHANNELS;
        let whole = (p.in_channels as usize).is_multiple_of(lanes());
        if !ones || !wide || !whole || [p.kernel_height, p.kernel_width] != [3; 2] {
            return None;
        }
        let [inputs, outputs] = [p.in_channels, p.out_channels].map(|v| v as usize);
        // A plane for each of the 36 values, so that the weights of a product are contiguous. The 16 values more avoid planes that
        // are a power of two apart, which would compete for the same cache lines.
        let area = outputs * inputs + 16;
        let mut kernels = vec![0.0; SQUARE * area];
        for (at, kernel) in weights.chunks_exact(9).enumerate() {
            for (k, value) in kernel_square(kernel).into_iter().enumerate() {
                kernels[k * area + at] = value;
            }
        }
        let padded = outputs.next_multiple_of(lanes());
        let zeros = vec![0.0; padded];
        let mut bias = bias.to_vec();
        bias.resize(padded, 0.0);
        let weight = |k: usize, o: usize, i: usize| {
            if o < outputs { kernels[k * area + o * inputs + i] } else { 0.0 }
        };
        let product = |k: usize| Dense::new([1, inputs], |o, _, i| weight(k, o, i), &zeros);
        let squares = Conv {
            kernel_height: SIDE as u32,
            kernel_width: SIDE as u32,
            stride_y: OUT as u32,
            stride_x: OUT as u32,
            out_height: p.out_height.div_ceil(OUT as u32),
            out_width: p.out_width.div_ceil(OUT as u32),
            ..*p
        };
        Some(Self {
            inputs,
            outputs,
            padded,
            squares: Patches::new(&squares),
            input: (p.in_height * p.in_width) as usize * inputs,
            out_size: [p.out_height as usize, p.out_width as usize],
            products: (0..SQUARE).map(product).collect(),
            bias,
        })
    }

    /// As [`super::Convolution::run`], with `work` multiplications per image if it were done directly.
    pub(super) fn run(
        &self,
        input: &[f32],
        finish: &Finish,
        skip: &[f32],
        out: &mut [f32],
        work: usize,
    ) {
        let images = out.len() / self.first_of(self.rows());
        let rows = images * self.rows();
        let least = rows.div_ceil(threads(work * images));
        self.part(&Rows { input, skip, finish }, 0..rows, least, out);
    }

    /// Rows of tiles in an image.
    fn rows(&self) -> usize {
        self.out_size[0].div_ceil(OUT)
    }

    /// The place in the output where row of tiles number `row` of all images starts.
    fn first_of(&self, row: usize) -> usize {
        let (image, row) = (row / self.rows(), row % self.rows());
        (image * self.out_size[0] + row * OUT) * self.out_size[1] * self.outputs
    }

    /// Fills `out`, which is that of `range`, by several threads where there are more than `least` rows.
    fn part(&self, rows: &Rows, range: Range<usize>, least: usize, out: &mut [f32]) {
        if range.len() <= least {
            let mut scratch = SCRATCH.take();
            let run = Run { of: self, rows, range, out, scratch: &mut scratch };
            Arch::new().dispatch(run);
            return SCRATCH.set(scratch);
        }
        let middle = range.start + range.len().div_ceil(2);
        let (a, b) = out.split_at_mut(self.first_of(middle) - self.first_of(range.start));
        rayon::join(
            || self.part(rows, range.start..middle, least, a),
            || self.part(rows, middle..range.end, least, b),
        );
    }
}

/// Some rows of tiles, by one thread.
struct Run<'a> {
    of: &'a Winograd,
    rows: &'a Rows<'a>,
    range: Range<usize>,
    /// That of these rows.
    out: &'a mut [f32],
    scratch: &'a mut [Aligned; 3],
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { of, rows, range, out, scratch: [planes, seen, products] } = self;
        let (inputs, outputs) = (of.inputs, of.padded);
        seen.resize(SQUARE * TOGETHER * inputs);
        products.resize(SQUARE * TOGETHER * outputs);
        let across = of.out_size[1].div_ceil(OUT);
        let squares = range.start * across..range.end * across;
        let starts: [usize; TOGETHER] = core::array::from_fn(|i| i * inputs);
        let whole = [Segment { start: 0, len: inputs }];
        let before = of.first_of(range.start);
        let mut padded = None;
        // Equal numbers, so that the last ones still fill a register tile.
        let together = squares.len().div_ceil(squares.len().div_ceil(TOGETHER));
        for first in squares.clone().step_by(together) {
            let some = first..(first + together).min(squares.end);
            for (i, square) in some.clone().enumerate() {
                let [image, y, x] = place(square, of.rows(), across);
                if padded != Some(image) {
                    let input = Slab::new(&rows.input[image * of.input..][..of.input]);
                    of.squares.fill(of.squares.seen(0..of.rows()), input, planes);
                    padded = Some(image);
                }
                of.see(simd, &planes[of.squares.start(y * across + x)..], i, seen);
            }
            let seen = seen.chunks_exact(TOGETHER * inputs);
            let out_of = products.chunks_exact_mut(TOGETHER * outputs);
            for ((product, seen), out) in of.products.iter().zip(seen).zip(out_of) {
                let starts = &starts[..some.len()];
                let out = &mut out[..starts.len() * outputs];
                product.run(simd, &whole, seen, starts, &Finish::Nothing, &[], out);
            }
            for (i, square) in some.enumerate() {
                let products = &products[i * outputs..];
                of.show(simd, rows, place(square, of.rows(), across), products, before, out);
            }
        }
    }
}

/// Image, and row and column of tiles in it.
#[inline(always)]
fn place(square: usize, rows: usize, across: usize) -> [usize; 3] {
    let row = square / across;
    [row / rows, row % rows, square % across]
}

impl Winograd {
    /// Transforms the input tile that starts where `planes` do, and stores it as number `i` of `seen` `[36][tiles][inputs]`.
    #[inline(always)]
    fn see<S: Simd>(&self, simd: S, planes: &[f32], i: usize, seen: &mut [f32]) {
        for channel in (0..self.inputs).step_by(S::F32_LANES) {
            let line = self.squares.line();
            let lines = [
                self.inputs::<S>(simd, planes, channel),
                self.inputs::<S>(simd, planes, channel + line),
                self.inputs::<S>(simd, planes, channel + 2 * line),
                self.inputs::<S>(simd, planes, channel + 3 * line),
                self.inputs::<S>(simd, planes, channel + 4 * line),
                self.inputs::<S>(simd, planes, channel + 5 * line),
            ];
            for x in 0..SIDE {
                let column = input_line(simd, column(&lines, x));
                for (y, value) in column.into_iter().enumerate() {
                    let plane = (y * SIDE + x) * TOGETHER + i;
                    let to = &mut seen[plane * self.inputs + channel..][..S::F32_LANES];
                    S::as_mut_simd_f32s(to).0[0] = value;
                }
            }
        }
    }

    /// One row of an input tile, transformed along the row.
    #[inline(always)]
    fn inputs<S: Simd>(&self, simd: S, planes: &[f32], first: usize) -> [S::f32s; SIDE] {
        input_line(simd, six::<S>(&planes[first..], self.inputs))
    }

    /// Transforms the first tile of `products` `[36][tiles][outputs]` and writes it, with bias, activation and skip connection,
    /// to `out`, whose first value is number `before` of the whole output.
    #[inline(always)]
    fn show<S: Simd>(
        &self,
        simd: S,
        rows: &Rows,
        [image, y, x]: [usize; 3],
        products: &[f32],
        before: usize,
        out: &mut [f32],
    ) {
        let ([height, width], line) = (self.out_size, SIDE * TOGETHER * self.padded);
        let skip = rows.skip.get(before..).unwrap_or(&[]);
        for channel in (0..self.outputs).step_by(S::F32_LANES) {
            let len = S::F32_LANES.min(self.outputs - channel);
            let bias = whole::<S>(&self.bias[channel..]);
            let lines = [
                self.outputs::<S>(simd, products, channel),
                self.outputs::<S>(simd, products, channel + line),
                self.outputs::<S>(simd, products, channel + 2 * line),
                self.outputs::<S>(simd, products, channel + 3 * line),
                self.outputs::<S>(simd, products, channel + 4 * line),
                self.outputs::<S>(simd, products, channel + 5 * line),
            ];
            for dx in 0..OUT.min(width - x * OUT) {
                let column = output_line(simd, column(&lines, dx));
                for (dy, sums) in column.into_iter().enumerate().take(height - y * OUT) {
                    let at = (image * height + y * OUT + dy) * width + x * OUT + dx;
                    let at = at * self.outputs + channel - before;
                    let sums = simd.add_f32s(sums, bias);
                    rows.finish.store(simd, sums, at..at + len, skip, out);
                }
            }
        }
    }

    /// One row of a tile of products, transformed along the row.
    #[inline(always)]
    fn outputs<S: Simd>(&self, simd: S, products: &[f32], first: usize) -> [S::f32s; OUT] {
        output_line(simd, six::<S>(&products[first..], TOGETHER * self.padded))
    }
}

/// Six vectors, so many values from one to the next. (Functions of arrays are not inlined with the instructions of this processor.)
#[inline(always)]
fn six<S: Simd>(from: &[f32], step: usize) -> [S::f32s; SIDE] {
    [
        whole::<S>(from),
        whole::<S>(&from[step..]),
        whole::<S>(&from[2 * step..]),
        whole::<S>(&from[3 * step..]),
        whole::<S>(&from[4 * step..]),
        whole::<S>(&from[5 * step..]),
    ]
}

/// A column of six lines.
#[inline(always)]
fn column<V: Copy, const N: usize>([a, b, c, d, e, f]: &[[V; N]; SIDE], x: usize) -> [V; SIDE] {
    [a[x], b[x], c[x], d[x], e[x], f[x]]
}

/// `Bᵀ d` of a row or column `d` of an input tile.
#[inline(always)]
fn input_line<S: Simd>(simd: S, [a, b, c, d, e, f]: [S::f32s; SIDE]) -> [S::f32s; SIDE] {
    let [two, four, five] = [simd.splat_f32s(2.0), simd.splat_f32s(4.0), simd.splat_f32s(5.0)];
    let even = simd.negate_mul_add_e_f32s(four, c, e);
    let odd = simd.negate_mul_add_e_f32s(four, b, d);
    let (near, far) = (simd.sub_f32s(e, c), simd.sub_f32s(d, b));
    [
        simd.mul_add_e_f32s(four, a, simd.negate_mul_add_e_f32s(five, c, e)),
        simd.add_f32s(even, odd),
        simd.sub_f32s(even, odd),
        simd.mul_add_e_f32s(two, far, near),
        simd.negate_mul_add_e_f32s(two, far, near),
        simd.mul_add_e_f32s(four, b, simd.negate_mul_add_e_f32s(five, d, f)),
    ]
}

/// `Aᵀ m` of a row or column `m` of a tile of products.
#[inline(always)]
fn output_line<S: Simd>(simd: S, [a, b, c, d, e, f]: [S::f32s; SIDE]) -> [S::f32s; OUT] {
    let [two, four, eight] = [simd.splat_f32s(2.0), simd.splat_f32s(4.0), simd.splat_f32s(8.0)];
    let (plus, minus) = (simd.add_f32s(b, c), simd.sub_f32s(b, c));
    let (plus2, minus2) = (simd.add_f32s(d, e), simd.sub_f32s(d, e));
    [
        simd.add_f32s(simd.add_f32s(a, plus), plus2),
        simd.mul_add_e_f32s(two, minus2, minus),
        simd.mul_add_e_f32s(four, plus2, plus),
        simd.mul_add_e_f32s(eight, minus2, simd.add_f32s(minus, f)),
    ]
}

/// `G g Gᵀ` of a kernel of 3 × 3 in row-major order.
fn kernel_square(g: &[f32]) -> [f32; SQUARE] {
    const SIXTH: f64 = 1.0 / 6.0;
    let line = |[a, b, c]: [f64; 3]| {
        let (even, far) = (a + c, a + 4.0 * c);
        [
            a * 0.25,
            (even + b) * -SIXTH,
            (b - even) * SIXTH,
            (far + 2.0 * b) * (SIXTH / 4.0),
            (far - 2.0 * b) * (SIXTH / 4.0),
            c,
        ]
    };
    let at = |y: usize, x: usize| f64::from(g[3 * y + x]);
    let columns: [_; 3] = core::array::from_fn(|x| line([at(0, x), at(1, x), at(2, x)]));
    let row = |y: usize| line([columns[0][y], columns[1][y], columns[2][y]]);
    let rows: [_; SIDE] = core::array::from_fn(row);
    core::array::from_fn(|i| rows[i / SIDE][i % SIDE] as f32)
}
