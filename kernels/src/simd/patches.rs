//! Where the outputs of a dense layer find their inputs.

extern crate std;
use core::ops::Range;
use std::vec::Vec;

use super::dense::Segment;
use super::{Aligned, Slab};
use crate::conv::Conv;

/// The input of one image as rows of positions, each with all its channels, padded where the taps reach beyond it.
#[derive(Debug)]
pub(super) struct Patches {
    channels: usize,
    in_size: [usize; 2],
    out_size: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 2],
    /// Height and width of the padded input.
    plane: [usize; 2],
    /// Rows from the first to the last tap.
    span: usize,
    /// Runs of values that an output sees, from the first on: taps side by side are one run.
    segments: Vec<Segment>,
}

impl Patches {
    pub(super) fn new(p: &Conv) -> Self {
        let of = |y: u32, x: u32| [y as usize, x as usize];
        let (in_size, out_size) = (of(p.in_height, p.in_width), of(p.out_height, p.out_width));
        let kernel = of(p.kernel_height, p.kernel_width);
        let (stride, dilation) = (of(p.stride_y, p.stride_x), of(p.dilation_y, p.dilation_x));
        let (pad, channels) = (of(p.pad_y, p.pad_x), p.in_channels as usize);
        let seen = [0, 1]
            .map(|axis: usize| seen_by(out_size[axis], kernel[axis], stride[axis], dilation[axis]));
        let inside = pad == [0, 0] && seen[0] <= in_size[0] && seen[1] <= in_size[1];
        let plane = if inside { in_size } else { seen };
        let mut segments: Vec<Segment> = Vec::new();
        for ky in 0..kernel[0] {
            for kx in 0..kernel[1] {
                let start = (ky * dilation[0] * plane[1] + kx * dilation[1]) * channels;
                match segments.last_mut() {
                    Some(last) if last.start + last.len == start => last.len += channels,
                    _ => segments.push(Segment { start, len: channels }),
                }
            }
        }
        let span = (kernel[0] - 1) * dilation[0];
        Self { channels, in_size, out_size, stride, pad, plane, span, segments }
    }

    /// Runs of values that an output sees, from where its patch starts.
    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether all that is seen lies in the input itself.
    pub(super) fn is_plain(&self) -> bool {
        self.plane == self.in_size && self.pad == [0, 0]
    }

    /// Values of a row of the padded input.
    pub(super) fn line(&self) -> usize {
        self.plane[1] * self.channels
    }

    /// Where the patch of output number `i` starts.
    pub(super) fn start(&self, i: usize) -> usize {
        let (y, x) = (i / self.out_size[1], i % self.out_size[1]);
        (y * self.stride[0] * self.plane[1] + x * self.stride[1]) * self.channels
    }

    /// Where the patches of the outputs from number `first` on start, as many as `starts` has.
    pub(super) fn starts(&self, first: usize, starts: &mut [usize]) {
        let width = self.out_size[1];
        let (mut y, mut x) = (first / width, first % width);
        for start in starts {
            *start = (y * self.stride[0] * self.plane[1] + x * self.stride[1]) * self.channels;
            x += 1;
            if x == width {
                (y, x) = (y + 1, 0);
            }
        }
    }

    /// Rows of the padded input that `rows` of the output see.
    pub(super) fn seen(&self, rows: Range<usize>) -> Range<usize> {
        let end = (rows.end - 1) * self.stride[0] + self.span + 1;
        rows.start * self.stride[0]..end
    }

    /// Fills `planes` with `rows` of the padded input, from those of the `input` that they need.
    pub(super) fn fill(&self, rows: Range<usize>, input: Slab, planes: &mut Aligned) {
        let line = self.line();
        // Every value is written below.
        planes.resize(rows.len() * line);
        let from_line = self.in_size[1] * self.channels;
        let left = (self.pad[1] * self.channels).min(line);
        for (y, to) in rows.zip(planes.chunks_exact_mut(line)) {
            let (before, to) = to.split_at_mut(left);
            let from = input.row(y.wrapping_sub(self.pad[0]), from_line);
            let (inside, after) = to.split_at_mut(from.len().min(line - left));
            before.fill(0.0);
            inside.copy_from_slice(&from[..inside.len()]);
            after.fill(0.0);
        }
    }
}

/// Places along an axis that so many outputs side by side see.
pub(super) fn seen_by(outputs: usize, kernel: usize, stride: usize, dilation: usize) -> usize {
    (outputs - 1) * stride + (kernel - 1) * dilation + 1
}
