//! Values along one axis as weighted sums of others on it, by a table: bilinear, cubic and any nearest
//! resizing, and padding with zeros, edges or reflections.

/// Sizes of a resampling, as the shader reads them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "gpu", derive(bytemuck::Pod, bytemuck::Zeroable))]
pub struct Resample {
    /// Number of results.
    pub count: u32,
    /// Places of the axis in the input.
    pub in_size: u32,
    /// Places of the axis in the output.
    pub out_size: u32,
    /// Values between two places of the axis.
    pub inner: u32,
    /// Values that are summed for each result.
    pub taps: u32,
    /// Unused.
    pub pad: [u32; 3],
}

/// Fills `out` `[.., out_size, inner]` from `input` `[.., in_size, inner]`; `places` and `weights` are
/// `[out_size, taps]`. A weight of zero leaves its place unread.
pub fn resample(p: &Resample, input: &[f32], places: &[u32], weights: &[f32], out: &mut [f32]) {
    let [in_size, out_size, inner, taps] =
        [p.in_size, p.out_size, p.inner, p.taps].map(|v| v as usize);
    for (index, result) in out.iter_mut().enumerate() {
        let place = index / inner % out_size;
        let start = index / (inner * out_size) * in_size;
        let mut sum = 0.0;
        for tap in place * taps..(place + 1) * taps {
            let weight = weights[tap];
            if weight != 0.0 {
                sum += weight * input[(start + places[tap] as usize) * inner + index % inner];
            }
        }
        *result = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_the_middle_axis() {
        let p = Resample { count: 6, in_size: 2, out_size: 3, inner: 2, taps: 2, pad: [0; 3] };
        let mut out = [0.0; 6];
        let input = [1.0, 10.0, 3.0, 30.0];
        resample(&p, &input, &[0, 1, 0, 1, 1, 1], &[1.0, 0.0, 0.5, 0.5, 0.0, 1.0], &mut out);
        assert_eq!(out, [1.0, 10.0, 2.0, 20.0, 3.0, 30.0]);
    }
}
