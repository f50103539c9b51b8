//! Convolution at the speed of the processor: the same sums as [`crate::conv`], with the vector instructions that
//! the machine has (AVX2, AVX-512, NEON, chosen when it runs).
//!
//! The input is spread out first: padded with zeros and, for strides, split so that neighbours of one phase
//! lie side by side. After that every tap is the same plane shifted, and a run of output positions is a
//! matrix product on contiguous memory, whatever the size, stride or dilation of the kernel.

extern crate std;
use std::vec::Vec;

use pulp::{Arch, Simd, WithSimd};

use crate::Conv;

mod dense;
mod depthwise;
mod finish;
mod spread;

use self::dense::Dense;
use self::depthwise::Depthwise;
use self::finish::Finish;
use self::spread::Spread;

/// A convolution with its weights laid out for this processor.
#[derive(Debug)]
pub struct Convolution {
    spread: Spread,
    finish: Finish,
    weights: Weights,
    /// Values of one input and of one output image.
    input: usize,
    output: usize,
}

#[derive(Debug)]
enum Weights {
    /// Every output channel sees every input channel.
    Dense(Dense),
    /// Every channel sees itself.
    Depthwise(Depthwise),
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
            Weights::Dense(Dense::new(inputs * taps, weights, bias))
        } else if inputs == outputs && p.groups == p.in_channels {
            of(taps)?;
            Weights::Depthwise(Depthwise::new(taps, weights, bias))
        } else {
            return None;
        };
        Some(Self {
            input: inputs * (p.in_height * p.in_width) as usize,
            output: outputs * (p.out_height * p.out_width) as usize,
            finish: Finish::new(p.epilogue),
            spread,
            weights,
        })
    }

    /// Fills `out` `[batch, out_channels, out_height, out_width]` from `input`
    /// `[batch, in_channels, in_height, in_width]`; `skip` has the shape of `out`, or is empty where the
    /// epilogue reads none. `scratch` is overwritten; kept, it saves an allocation.
    ///
    /// # Panics
    /// Where the lengths do not fit each other.
    pub fn run(&self, input: &[f32], skip: &[f32], out: &mut [f32], scratch: &mut Vec<f32>) {
        assert_eq!(input.len() / self.input, out.len() / self.output, "as many images out as in");
        Arch::new().dispatch(Run { convolution: self, input, skip, out, scratch });
    }
}

struct Run<'a> {
    convolution: &'a Convolution,
    input: &'a [f32],
    skip: &'a [f32],
    out: &'a mut [f32],
    scratch: &'a mut Vec<f32>,
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Convolution { spread, finish, weights, input, output } = self.convolution;
        let images = self.input.chunks_exact(*input).zip(self.out.chunks_exact_mut(*output));
        for (n, (from, to)) in images.enumerate() {
            let skip = self.skip.get(n * output..(n + 1) * output).unwrap_or(&[]);
            let in_place =
                matches!(weights, Weights::Dense(_)) && spread.is_plain(Dense::step::<S>());
            let planes = if in_place {
                from
            } else {
                spread.fill(from, self.scratch);
                &self.scratch[..]
            };
            match weights {
                Weights::Dense(w) => w.run(simd, spread, planes, finish, skip, to),
                Weights::Depthwise(w) => w.run(simd, spread, planes, finish, skip, to),
            }
        }
    }
}

#[cfg(test)]
mod tests;
