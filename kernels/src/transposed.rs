//! Transposed convolution of planes, of any kernel size, stride, dilation and grouping, with bias, activation
//! and skip connection: what an input pixel was to a convolution, an output pixel is here.

use crate::conv::Conv;

/// Fills `out` `[batch, out_channels, out_height, out_width]`.
///
/// Stride, dilation and padding of `p` are those of the convolution that this transposes: a tap `(ky, kx)` of
/// the input pixel `(iy, ix)` adds to the output pixel `(iy · stride_y + ky · dilation_y − pad_y, …)`. All
/// else is as for [`crate::conv()`].
pub fn transposed(
    p: &Conv,
    input: &[f32],
    weights: &[f32],
    bias: &[f32],
    skip: &[f32],
    out: &mut [f32],
) {
    let [in_channels, in_height, in_width] =
        [p.in_channels, p.in_height, p.in_width].map(|v| v as usize);
    let [out_channels, out_height, out_width] =
        [p.out_channels, p.out_height, p.out_width].map(|v| v as usize);
    let per_group = in_channels / p.groups as usize;
    for (at, cell) in out.iter_mut().enumerate() {
        let (ox, oy) = (at % out_width, at / out_width % out_height);
        let row = at / (out_width * out_height) % out_channels;
        let batch = at / (out_width * out_height * out_channels);
        let first_in = row / (out_channels / p.groups as usize) * per_group;
        let mut sum = 0.0;
        for ky in 0..p.kernel_height {
            let y = source(oy, ky, [p.stride_y, p.dilation_y, p.pad_y]);
            let Some(y) = y.filter(|&y| y < in_height) else { continue };
            for kx in 0..p.kernel_width {
                let x = source(ox, kx, [p.stride_x, p.dilation_x, p.pad_x]);
                let Some(x) = x.filter(|&x| x < in_width) else { continue };
                for c in 0..per_group {
                    let plane = batch * in_channels + first_in + c;
                    let taps =
                        ((row * per_group + c) as u32 * p.kernel_height + ky) * p.kernel_width + kx;
                    sum += weights[taps as usize] * input[(plane * in_height + y) * in_width + x];
                }
            }
        }
        *cell = p.epilogue.finish(sum + bias[row], skip.get(at).copied().unwrap_or(0.0));
    }
}

/// The input place that adds to output place `at` through `tap`; `None` between and before the places.
fn source(at: usize, tap: u32, [stride, dilation, pad]: [u32; 3]) -> Option<usize> {
    let shifted = (at + pad as usize).checked_sub((tap * dilation) as usize)?;
    (shifted % stride as usize == 0).then_some(shifted / stride as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pixels_meet_where_their_taps_overlap() {
        let p = Conv {
            in_channels: 1,
            in_height: 1,
            in_width: 2,
            out_channels: 1,
            out_height: 1,
            out_width: 5,
            kernel_height: 1,
            kernel_width: 3,
            stride_y: 1,
            stride_x: 2,
            dilation_y: 1,
            dilation_x: 1,
            groups: 1,
            ..Conv::default()
        };
        let mut out = [0.0; 5];
        transposed(&p, &[1.0, 10.0], &[1.0, 2.0, 3.0], &[0.5], &[], &mut out);
        assert_eq!(out, [1.5, 2.5, 13.5, 20.5, 30.5]);
    }
}
