//! Convolution at the speed of the processor: the same sums as [`crate::conv`], with the vector instructions that
//! the machine has (AVX2, AVX-512, NEON, chosen when it runs).
//!
//! The input is spread out first: padded with zeros and, for strides, split so that neighbours of one phase
//! lie side by side. After that every tap is the same plane shifted, and a run of output positions is a
//! matrix product on contiguous memory, whatever the size, stride or dilation of the kernel.

extern crate std;
use std::{cell::Cell, thread_local, vec::Vec};

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::Conv;

mod dense;
mod depthwise;
mod finish;
mod spread;
mod winograd;

use self::dense::Dense;
use self::depthwise::Depthwise;
use self::finish::Finish;
use self::spread::Spread;
use self::winograd::Winograd;

/// Fewer multiplications than this are not worth a second thread: it takes longer to wake.
const LEAST_WORK: usize = 1 << 21;
/// Positions of the longest tile.
const LONGEST_STEP: usize = 3 * 16;

thread_local! {
    /// An input spread out: kept from run to run, so that memory is not asked for each time. Taken while it is in use,
    /// since a thread that waits for others may take up their work.
    static SCRATCH: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// A convolution with its weights laid out for this processor.
#[derive(Debug)]
pub struct Convolution {
    spread: Spread,
    finish: Finish,
    weights: Weights,
    /// Values of one input and of one output image.
    input: usize,
    output: usize,
    /// Multiplications for one image.
    work: usize,
}

#[derive(Debug)]
enum Weights {
    /// Every output channel sees every input channel.
    Dense(Dense),
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
        let spread = Spread::new(p)?;
        let [inputs, outputs] = [p.in_channels, p.out_channels].map(|v| v as usize);
        let taps = (p.kernel_height * p.kernel_width) as usize;
        let of = |per_output: usize| {
            (weights.len() == outputs * per_output && bias.len() == outputs).then_some(())
        };
        let weights = if p.groups == 1 {
            of(inputs * taps)?;
            match Winograd::new(p, weights, bias) {
                Some(weights) => Weights::Winograd(weights),
                None => Weights::Dense(Dense::new(inputs * taps, weights, bias)),
            }
        } else if inputs == outputs && p.groups == p.in_channels {
            of(taps)?;
            Weights::Depthwise(Depthwise::new(taps, weights, bias))
        } else {
            return None;
        };
        Some(Self {
            input: inputs * (p.in_height * p.in_width) as usize,
            output: outputs * (p.out_height * p.out_width) as usize,
            work: outputs * (p.out_height * p.out_width) as usize * taps * inputs
                / p.groups as usize,
            finish: Finish::new(p.epilogue),
            spread,
            weights,
        })
    }

    /// Fills `out` `[batch, out_channels, out_height, out_width]` from `input`
    /// `[batch, in_channels, in_height, in_width]`, on all threads of the pool that it is called in; `skip` has the shape
    /// of `out`, or is empty where the epilogue reads none.
    ///
    /// # Panics
    /// Where the lengths do not fit each other.
    pub fn run(&self, input: &[f32], skip: &[f32], out: &mut [f32]) {
        assert_eq!(input.len() / self.input, out.len() / self.output, "as many images out as in");
        if let Weights::Winograd(weights) = &self.weights {
            return weights.run(input, &self.finish, skip, out);
        }
        let images = out.len() / self.output;
        each(input, self.input, out, self.output, |n, from, to| {
            let skip = skip.get(n * self.output..(n + 1) * self.output).unwrap_or(&[]);
            self.image(from, skip, to, images);
        });
    }

    /// One of `images` images that are worked on at the same time.
    fn image(&self, input: &[f32], skip: &[f32], out: &mut [f32], images: usize) {
        let part = self.part(images) * self.spread.out_area();
        let skip_of = |i: usize, to: &[f32]| skip.get(i * part..i * part + to.len()).unwrap_or(&[]);
        match &self.weights {
            Weights::Depthwise(_) => parts(out, part, |i, to| {
                let channel = i * part / self.spread.out_area();
                self.depthwise(
                    channel,
                    &input[channel * self.spread.in_area()..],
                    skip_of(i, to),
                    to,
                );
            }),
            Weights::Dense(weights) => {
                let plain = self.spread.is_plain(LONGEST_STEP);
                let mut own = SCRATCH.take();
                let planes = if plain {
                    input
                } else {
                    self.spread.clear(input.len() / self.spread.in_area(), &mut own);
                    Arch::new().dispatch(Fill { spread: &self.spread, input, planes: &mut own });
                    &own[..]
                };
                parts(out, part, |i, to| {
                    let first = i * part / self.spread.out_area() / weights.rows();
                    self.dense(first, planes, skip_of(i, to), to);
                });
                SCRATCH.set(own);
            }
            // Takes all images at once.
            Weights::Winograd(_) => {}
        }
    }

    /// Output channels that a thread takes: whole blocks of a dense layer.
    fn part(&self, images: usize) -> usize {
        let block = match &self.weights {
            Weights::Dense(weights) => weights.rows(),
            Weights::Depthwise(_) | Weights::Winograd(_) => 1,
        };
        let outputs = self.output / self.spread.out_area();
        outputs.div_ceil(shares(self.work, images)).next_multiple_of(block)
    }

    fn dense(&self, first: usize, planes: &[f32], skip: &[f32], out: &mut [f32]) {
        Arch::new().dispatch(DensePart { convolution: self, first, planes, skip, out });
    }

    fn depthwise(&self, first: usize, input: &[f32], skip: &[f32], out: &mut [f32]) {
        let mut planes = SCRATCH.take();
        self.spread.clear(1, &mut planes);
        let part =
            DepthwisePart { convolution: self, first, input, planes: &mut planes, skip, out };
        Arch::new().dispatch(part);
        SCRATCH.set(planes);
    }
}

/// How many threads shall share one of `images` images that take `work` multiplications each.
fn shares(work: usize, images: usize) -> usize {
    if work * images < LEAST_WORK {
        return 1;
    }
    rayon::current_num_threads().div_ceil(images)
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

/// Does `one` on every `part` of `out`, on all threads where there are several.
fn parts(out: &mut [f32], part: usize, one: impl Fn(usize, &mut [f32]) + Sync) {
    if out.len() <= part {
        return one(0, out);
    }
    out.par_chunks_mut(part).enumerate().for_each(|(i, to)| one(i, to));
}

struct Fill<'a> {
    spread: &'a Spread,
    input: &'a [f32],
    planes: &'a mut [f32],
}

impl WithSimd for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.spread.fill(self.input, self.planes);
    }
}

struct DensePart<'a> {
    convolution: &'a Convolution,
    first: usize,
    planes: &'a [f32],
    skip: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for DensePart<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Convolution { spread, finish, weights, .. } = self.convolution;
        if let Weights::Dense(weights) = weights {
            weights.run(simd, spread, self.first, self.planes, finish, self.skip, self.out);
        }
    }
}

struct DepthwisePart<'a> {
    convolution: &'a Convolution,
    first: usize,
    input: &'a [f32],
    planes: &'a mut [f32],
    skip: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for DepthwisePart<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Convolution { spread, finish, weights, .. } = self.convolution;
        if let Weights::Depthwise(weights) = weights {
            let Self { first, input, planes, skip, out, .. } = self;
            weights.run(simd, spread, first, input, planes, finish, skip, out);
        }
    }
}

#[cfg(test)]
mod tests;
