//! The input of a convolution spread out, so that every tap is the same memory, shifted.

extern crate std;
use std::vec::Vec;

use super::Finish;
use crate::Conv;

/// Values beyond the last one that may be read, never to any effect: the longest run of positions.
const SLACK: usize = 128;

/// Where the taps of a convolution find their values, and where the results belong.
///
/// Each channel becomes `stride_y · stride_x` planes, one per phase of the stride, padded with zeros. The
/// outputs are positions `y · width + x` of such a plane; those with `x` beyond the output are junk.
#[derive(Debug)]
pub(super) struct Spread {
    in_size: [usize; 2],
    out_size: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 2],
    /// Height and width of a plane.
    plane: [usize; 2],
    /// Where the taps of one channel lie from the first value of its planes.
    taps: Vec<usize>,
}

impl Spread {
    /// `None` where a size is zero.
    pub(super) fn new(p: &Conv) -> Option<Self> {
        let of = |y: u32, x: u32| [y as usize, x as usize];
        let (in_size, out_size) = (of(p.in_height, p.in_width), of(p.out_height, p.out_width));
        let kernel = of(p.kernel_height, p.kernel_width);
        let (stride, dilation) = (of(p.stride_y, p.stride_x), of(p.dilation_y, p.dilation_x));
        let sizes = [in_size, out_size, kernel, stride, dilation];
        if sizes.as_flattened().contains(&0) {
            return None;
        }
        let reach = |axis: usize| (kernel[axis] - 1) * dilation[axis] / stride[axis];
        let plane = [0, 1].map(|axis: usize| out_size[axis] + reach(axis));
        let mut taps = Vec::new();
        for ky in 0..kernel[0] {
            for kx in 0..kernel[1] {
                let (y, x) = (ky * dilation[0], kx * dilation[1]);
                let phase = y % stride[0] * stride[1] + x % stride[1];
                let [row, column] = [y / stride[0], x / stride[1]];
                taps.push((phase * plane[0] + row) * plane[1] + column);
            }
        }
        Some(Self { in_size, out_size, stride, pad: of(p.pad_y, p.pad_x), plane, taps })
    }

    /// Where the taps of one channel lie.
    pub(super) fn taps(&self) -> &[usize] {
        &self.taps
    }

    /// Values of all planes of one channel.
    pub(super) fn channel(&self) -> usize {
        self.stride[0] * self.stride[1] * self.plane[0] * self.plane[1]
    }

    /// Whether the input needs no spreading out: one tap, nothing around it, and at least `run` positions.
    pub(super) fn is_plain(&self, run: usize) -> bool {
        let same = [self.out_size, self.plane] == [self.in_size; 2] && self.stride == [1, 1];
        same && self.taps == [0] && self.pad == [0, 0] && self.positions() >= run
    }

    /// Values of one channel of the output.
    pub(super) fn out_area(&self) -> usize {
        self.out_size[0] * self.out_size[1]
    }

    /// Positions to compute, from the first to the last that is not junk.
    pub(super) fn positions(&self) -> usize {
        (self.out_size[0] - 1) * self.plane[1] + self.out_size[1]
    }

    /// Values of one plane.
    pub(super) fn plane_area(&self) -> usize {
        self.plane[0] * self.plane[1]
    }

    /// Values of a row of a plane.
    pub(super) fn plane_width(&self) -> usize {
        self.plane[1]
    }

    /// How far the farthest tap of a plane lies from its position.
    pub(super) fn reach(&self) -> usize {
        self.taps.iter().map(|tap| tap % self.plane_area()).max().unwrap_or(0)
    }

    /// Where the 16 taps of a square lie where a channel is `[4 phases][images][plane]`.
    pub(super) fn taps_of_phases(&self, images: usize) -> [usize; 16] {
        let area = self.plane_area();
        core::array::from_fn(|i| self.taps[i] / area * images * area + self.taps[i] % area)
    }

    /// Values of one channel of the input.
    pub(super) fn in_area(&self) -> usize {
        self.in_size[0] * self.in_size[1]
    }

    /// Makes `planes` zeros for so many channels.
    pub(super) fn clear(&self, channels: usize, planes: &mut Vec<f32>) {
        planes.clear();
        planes.resize(channels * self.channel() + SLACK, 0.0);
    }

    /// Spreads `input` `[channels, height, width]` out into `planes`, which must be zero where nothing of the input
    /// lies; another input of the same size leaves them so.
    #[inline(always)]
    pub(super) fn fill(&self, input: &[f32], planes: &mut [f32]) {
        let channels = input.chunks_exact(self.in_area());
        for (channel, planes) in channels.zip(planes.chunks_exact_mut(self.channel())) {
            let phases = planes.chunks_exact_mut(self.plane[0] * self.plane[1]);
            for (phase, plane) in phases.enumerate() {
                self.fill_phase(channel, [phase / self.stride[1], phase % self.stride[1]], plane);
            }
        }
    }

    /// The inputs of one phase, `plane` being zero where there are none.
    #[inline(always)]
    pub(super) fn fill_phase(&self, channel: &[f32], phase: [usize; 2], plane: &mut [f32]) {
        let ([_, width], [stride_y, stride_x]) = (self.in_size, self.stride);
        // The first column of the plane that lies in the input, and the input's column there.
        let first = self.pad[1].saturating_sub(phase[1]).div_ceil(stride_x);
        let start = first * stride_x + phase[1] - self.pad[1];
        for (row, to) in plane.chunks_exact_mut(self.plane[1]).enumerate() {
            // Above the input this wraps to a huge number, which is outside too.
            let y = (row * stride_y + phase[0]).wrapping_sub(self.pad[0]);
            let Some(from) = channel.chunks_exact(width).nth(y) else { continue };
            let (Some(to), Some(from)) = (to.get_mut(first..), from.get(start..)) else { continue };
            if stride_x == 1 {
                let n = to.len().min(from.len());
                to[..n].copy_from_slice(&from[..n]);
            } else {
                to.iter_mut().zip(from.iter().step_by(stride_x)).for_each(|(t, f)| *t = *f);
            }
        }
    }

    /// Puts the sums of the positions from `start` on where they belong in one channel of the output, finished.
    #[inline(always)]
    pub(super) fn place(
        &self,
        sums: &[f32],
        start: usize,
        finish: &Finish,
        skip: &[f32],
        out: &mut [f32],
    ) {
        let (width, padded) = (self.out_size[1], self.plane[1]);
        let end = (start + sums.len()).min(self.positions());
        let mut at = start;
        while at < end {
            let (y, x) = (at / padded, at % padded);
            let next = ((y + 1) * padded).min(end);
            if x < width {
                let to = y * width + x;
                let len = (width - x).min(next - at);
                let skip = skip.get(to..to + len).unwrap_or(&[]);
                finish.run(&sums[at - start..][..len], skip, &mut out[to..to + len]);
            }
            at = next;
        }
    }
}
