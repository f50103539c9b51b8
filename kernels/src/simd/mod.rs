//! Convolution with vector instructions (AVX2, AVX-512 or NEON, chosen at run time): the same sums as [`crate::conv`].
//!
//! Channels lie side by side here (`[batch, height, width, channels]`), so that vectors are of channels: what a tap sees is
//! contiguous memory, whatever the size, stride or dilation of the kernel.

extern crate std;
use core::ops::Range;
use std::{cell::Cell, thread_local};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::conv::Conv;

mod aligned;
mod dense;
mod depthwise;
mod finish;
mod patches;
mod peak;
mod vector;
mod winograd;

use self::dense::Dense;
use self::depthwise::Depthwise;
use self::finish::Finish;
use self::patches::{Patches, seen_by};
use self::winograd::Winograd;

pub use self::aligned::Aligned;
pub use self::peak::peak;

/// With fewer multiplications than this, a second thread takes longer to wake than it saves.
const LEAST_WORK: usize = 1 << 21;
/// Values that the patches of positions worked on together may see, so that they stay in a cache.
const NEAR: usize = 1 << 14;
/// Positions worked on together at most: whole tiles of a product.
const TOGETHER: usize = 24 * 24;

thread_local! {
    /// What is seen of an input, padded: kept from run to run, so that memory is not asked for each time. Taken while it is in use,
    /// since a thread that waits for others may take up their work.
    static SCRATCH: Cell<Aligned> = const { Cell::new(Aligned::new()) };
}

/// A convolution with its weights laid out for this processor.
#[derive(Debug)]
pub struct Convolution {
    finish: Finish,
    form: Form,
    /// Values of one input image, of one output image and of one row and one position of the output.
    input: usize,
    output: usize,
    row: usize,
    outputs: usize,
    /// Stride, dilation, taps and padding from row to row, and rows of the input.
    along_y: [usize; 5],
    /// Multiplications for one image.
    work: usize,
}

#[derive(Debug)]
enum Form {
    /// Every output channel sees every input channel.
    Dense(Patches, Dense),
    /// Every channel sees itself.
    Depthwise(Depthwise),
    /// Dense with 3 × 3 taps.
    Winograd(Winograd),
}

impl Convolution {
    /// Lays out `weights` `[out_channels, in_channels / groups, kernel_height, kernel_width]` and `bias`
    /// `[out_channels]`; what happens to the sums is `p.epilogue`. `None` where the groups are neither one
    /// nor one per channel, where a size is zero, or where lengths do not fit: [`crate::conv`] does what this does not.
    pub fn new(p: &Conv, weights: &[f32], bias: &[f32]) -> Option<Self> {
        let [inputs, outputs] = [p.in_channels, p.out_channels].map(|v| v as usize);
        let taps = (p.kernel_height * p.kernel_width) as usize;
        let in_area = (p.in_height * p.in_width) as usize;
        let (row, out_area) = (p.out_width as usize * outputs, p.out_height * p.out_width);
        let steps = [p.stride_y, p.stride_x, p.dilation_y, p.dilation_x, p.groups];
        if [inputs, outputs, taps, in_area, out_area as usize].contains(&0) || steps.contains(&0) {
            return None;
        }
        let of = |per_output: usize| {
            (weights.len() == outputs * per_output && bias.len() == outputs).then_some(())
        };
        let form = if p.groups == 1 {
            of(inputs * taps)?;
            let weight = |o: usize, tap: usize, i: usize| weights[(o * inputs + i) * taps + tap];
            match Winograd::new(p, weights, bias) {
                Some(winograd) => Form::Winograd(winograd),
                None => Form::Dense(Patches::new(p), Dense::new([taps, inputs], weight, bias)),
            }
        } else if inputs == outputs && p.groups == p.in_channels {
            of(taps)?;
            Form::Depthwise(Depthwise::new(p, weights, bias))
        } else {
            return None;
        };
        let output = outputs * out_area as usize;
        Some(Self {
            finish: Finish::new(p.epilogue),
            form,
            input: inputs * in_area,
            output,
            row,
            outputs,
            along_y: [p.stride_y, p.dilation_y, p.kernel_height, p.pad_y, p.in_height]
                .map(|v| v as usize),
            work: output * taps * inputs / p.groups as usize,
        })
    }

    /// Fills `out` `[batch, out_height, out_width, out_channels]` from `input`
    /// `[batch, in_height, in_width, in_channels]`, on all threads of the pool that it is called in; `skip` has the shape
    /// of `out`, or is empty where the epilogue reads none.
    ///
    /// # Panics
    /// Where the lengths do not fit each other.
    pub fn run(&self, input: &[f32], skip: &[f32], out: &mut [f32]) {
        assert_eq!(input.len() / self.input, out.len() / self.output, "as many images out as in");
        if out.is_empty() {
            return;
        }
        if let Form::Winograd(winograd) = &self.form {
            return winograd.run(input, &self.finish, skip, out, self.work);
        }
        let images = out.len() / self.output;
        each(input, self.input, out, self.output, |n, from, to| {
            let skip = skip.get(n * self.output..(n + 1) * self.output).unwrap_or(&[]);
            self.image(from, skip, to, threads(self.work * images).div_ceil(images));
        });
    }

    /// Rows of the input that `rows` of the output see; `None` where the layer takes whole images only.
    pub fn seen(&self, rows: Range<usize>) -> Option<Range<usize>> {
        let [stride, dilation, kernel, pad, height] = self.along_y;
        if let Form::Winograd(_) = self.form {
            return None;
        }
        let end = seen_by(rows.end.max(1), kernel, stride, dilation);
        let end = end.saturating_sub(pad).min(height);
        Some((rows.start * stride).saturating_sub(pad).min(end)..end)
    }

    /// Fills `out`, which are `rows` of the output of one image, from what they see of the `input` ([`Convolution::seen`]); `skip` is as
    /// in [`Convolution::run`], of these rows.
    pub fn run_rows(&self, rows: Range<usize>, input: Slab, skip: &[f32], out: &mut [f32]) {
        let mut scratch = SCRATCH.take();
        let part = Part { of: self, rows, input, scratch: &mut scratch, skip, out };
        Arch::new().dispatch(part);
        SCRATCH.set(scratch);
    }

    /// One image, by so many threads.
    fn image(&self, input: &[f32], skip: &[f32], out: &mut [f32], shares: usize) {
        let rows = (out.len() / self.row).div_ceil(shares);
        parts(out, rows * self.row, |from, out| {
            let skip = skip.get(from..from + out.len()).unwrap_or(&[]);
            let rows = from / self.row..(from + out.len()) / self.row;
            self.run_rows(rows, Slab::new(input), skip, out);
        });
    }
}

/// Rows of one image, side by side.
#[derive(Clone, Copy, Debug)]
pub struct Slab<'a> {
    /// Number of the first row in the image.
    pub first: usize,
    /// `[rows, width, channels]`
    pub values: &'a [f32],
}

impl<'a> Slab<'a> {
    /// A whole image.
    pub fn new(values: &'a [f32]) -> Self {
        Self { first: 0, values }
    }

    /// Row number `y` of the image; nothing outside. Rows above it have numbers that wrap to huge ones.
    #[inline(always)]
    fn row(&self, y: usize, len: usize) -> &'a [f32] {
        self.values.chunks_exact(len).nth(y.wrapping_sub(self.first)).unwrap_or(&[])
    }
}

/// How many threads are worth their while for `work` multiplications.
fn threads(work: usize) -> usize {
    if work < LEAST_WORK { 1 } else { rayon::current_num_threads() }
}

/// Does `one` on every image, on all threads where there are several.
fn each(
    input: &[f32],
    of_input: usize,
    out: &mut [f32],
    of_output: usize,
    one: impl Fn(usize, &[f32], &mut [f32]) + Sync,
) {
    if out.len() == of_output {
        return one(0, input, out);
    }
    let images = input.par_chunks_exact(of_input).zip(out.par_chunks_exact_mut(of_output));
    images.enumerate().for_each(|(n, (from, to))| one(n, from, to));
}

/// Does `one` on every `part` of `out` and where it starts, on all threads where there are several.
fn parts(out: &mut [f32], part: usize, one: impl Fn(usize, &mut [f32]) + Sync) {
    if out.len() <= part {
        return one(0, out);
    }
    out.par_chunks_mut(part).enumerate().for_each(|(i, to)| one(i * part, to));
}

/// Some rows of one image.
struct Part<'a> {
    of: &'a Convolution,
    rows: Range<usize>,
    input: Slab<'a>,
    scratch: &'a mut Aligned,
    skip: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { of, rows, input, scratch, skip, out } = self;
        match &of.form {
            Form::Depthwise(depthwise) => {
                depthwise.run(simd, rows.start, input, scratch, &of.finish, skip, out);
            }
            Form::Dense(patches, dense) => {
                let seen = patches.seen(rows);
                let planes = if patches.is_plain() {
                    &input.values[(seen.start - input.first) * patches.line()..]
                } else {
                    patches.fill(seen, input, scratch);
                    &scratch[..]
                };
                let mut starts = [0; TOGETHER];
                let near = (NEAR / dense.seen()).max(1).next_multiple_of(24).min(TOGETHER);
                let near = near * of.outputs;
                for (i, out) in out.chunks_mut(near).enumerate() {
                    let starts = &mut starts[..out.len() / of.outputs];
                    patches.starts(i * near / of.outputs, starts);
                    let skip = skip.get(i * near..i * near + out.len()).unwrap_or(&[]);
                    dense.run(simd, patches.segments(), planes, starts, &of.finish, skip, out);
                }
            }
            // Takes whole images only.
            Form::Winograd(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
