//! Convolution of planes, of any kernel size, stride, dilation and grouping, with bias, activation and
//! skip connection. One reference implementation of the three shaders `conv`, `grouped` and `depthwise`.

use crate::epilogue::Epilogue;

/// Sizes of a convolution, as the shaders read them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "gpu", derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Conv {
    /// Channels of the input.
    pub in_channels: u32,
    /// Height of the input, px.
    pub in_height: u32,
    /// Width of the input, px.
    pub in_width: u32,
    /// Channels of the output.
    pub out_channels: u32,
    /// Height of the output, px.
    pub out_height: u32,
    /// Width of the output, px.
    pub out_width: u32,
    /// Height of the kernel, taps.
    pub kernel_height: u32,
    /// Width of the kernel, taps.
    pub kernel_width: u32,
    /// Input rows per output row.
    pub stride_y: u32,
    /// Input columns per output column.
    pub stride_x: u32,
    /// Rows of zeros above the input.
    pub pad_y: u32,
    /// Columns of zeros left of the input.
    pub pad_x: u32,
    /// Input rows between taps.
    pub dilation_y: u32,
    /// Input columns between taps.
    pub dilation_x: u32,
    /// Groups of channels that see each other.
    pub groups: u32,
    /// Output channels in the packed weights of the shader `conv`: a multiple of 4.
    pub padded_out: u32,
    /// What happens to the sums.
    pub epilogue: Epilogue,
}

/// Fills `out` `[batch, out_channels, out_height, out_width]`.
///
/// `input` is `[batch, in_channels, in_height, in_width]`, `weights`
/// `[out_channels, in_channels / groups, kernel_height, kernel_width]`, `bias` `[out_channels]`; `skip` has
/// the shape of `out`, or is empty where the epilogue reads none.
pub fn conv(p: &Conv, input: &[f32], weights: &[f32], bias: &[f32], skip: &[f32], out: &mut [f32]) {
    let [in_channels, in_height, in_width] =
        [p.in_channels, p.in_height, p.in_width].map(|v| v as usize);
    let [out_channels, out_height, out_width] =
        [p.out_channels, p.out_height, p.out_width].map(|v| v as usize);
    let [kernel_height, kernel_width, groups] =
        [p.kernel_height, p.kernel_width, p.groups].map(|v| v as usize);
    let per_group = in_channels / groups;
    for (at, cell) in out.iter_mut().enumerate() {
        let (ox, oy) = (at % out_width, at / out_width % out_height);
        let row = at / (out_width * out_height) % out_channels;
        let batch = at / (out_width * out_height * out_channels);
        let first_in = row / (out_channels / groups) * per_group;
        let mut sum = 0.0;
        for c in 0..per_group {
            for ky in 0..kernel_height {
                for kx in 0..kernel_width {
                    // Beyond the upper or left edge this wraps to a huge number, which is outside too.
                    let y = (oy * p.stride_y as usize + ky * p.dilation_y as usize)
                        .wrapping_sub(p.pad_y as usize);
                    let x = (ox * p.stride_x as usize + kx * p.dilation_x as usize)
                        .wrapping_sub(p.pad_x as usize);
                    if y < in_height && x < in_width {
                        let plane = (batch * in_channels + first_in + c) * in_height;
                        let tap = ((row * per_group + c) * kernel_height + ky) * kernel_width + kx;
                        sum += weights[tap] * input[(plane + y) * in_width + x];
                    }
                }
            }
        }
        *cell = p.epilogue.finish(sum + bias[row], skip.get(at).copied().unwrap_or(0.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_what_lies_inside() {
        let p = Conv {
            in_channels: 1,
            in_height: 2,
            in_width: 2,
            out_channels: 1,
            out_height: 2,
            out_width: 2,
            kernel_height: 3,
            kernel_width: 3,
            stride_y: 1,
            stride_x: 1,
            pad_y: 1,
            pad_x: 1,
            dilation_y: 1,
            dilation_x: 1,
            groups: 1,
            ..Conv::default()
        };
        let mut out = [0.0; 4];
        let weights = [0.0, 1.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0, 0.0];
        conv(&p, &[1.0, 2.0, 3.0, 4.0], &weights, &[0.5], &[], &mut out);
        assert_eq!(out, [10.5, 20.5, 31.5, 42.5]);
    }
}
