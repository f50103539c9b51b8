//! Reduction of an image by integer factors: each output pixel is the mean of a box of input pixels.

use crate::affine::Affine;

/// Sizes of a reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoxMean {
    /// Input width, px.
    pub width: usize,
    /// Input height, px.
    pub height: usize,
    /// Input pixels per output pixel along x, at least 1 and at most `width`.
    pub factor_x: usize,
    /// Input pixels per output pixel along y, at least 1 and at most `height`.
    pub factor_y: usize,
}

impl BoxMean {
    /// Output `[width, height]`, px; a remainder at the right or lower edge is left out.
    pub fn output(&self) -> [usize; 2] {
        [self.width / self.factor_x, self.height / self.factor_y]
    }

    /// From output pixels to input pixels.
    pub fn to_input(&self) -> Affine {
        let (x, y) = (self.factor_x as f64, self.factor_y as f64);
        Affine::shift((x - 1.0) / 2.0, (y - 1.0) / 2.0).after(&Affine::scale(x, y))
    }
}

/// Writes `gain · (mean of the box) + offset` for every box of `source` `[height, width]`.
///
/// `out` must hold `output()[0] · output()[1]` values. Sums are exact: 16-bit samples are added as
/// integers.
pub fn box_mean(params: &BoxMean, source: &[u16], gain: f32, offset: f32, out: &mut [f32]) {
    let [out_width, out_height] = params.output();
    let scale = gain / (params.factor_x * params.factor_y) as f32;
    for y in 0..out_height {
        for x in 0..out_width {
            let mut sum = 0u64;
            for row in 0..params.factor_y {
                let start = (y * params.factor_y + row) * params.width + x * params.factor_x;
                sum += source[start..start + params.factor_x]
                    .iter()
                    .map(|&v| u64::from(v))
                    .sum::<u64>();
            }
            out[y * out_width + x] = sum as f32 * scale + offset;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_boxes_and_drops_the_remainder() {
        let params = BoxMean { width: 5, height: 3, factor_x: 2, factor_y: 2 };
        let source = [1, 3, 5, 7, 9, 1, 3, 5, 7, 9, 0, 0, 0, 0, 0];
        let mut out = [0.0; 2];
        assert_eq!(params.output(), [2, 1]);
        box_mean(&params, &source, 2.0, 1.0, &mut out);
        assert_eq!(out, [5.0, 13.0]);
    }

    #[test]
    fn output_pixels_sit_at_the_middle_of_their_box() {
        let params = BoxMean { width: 9, height: 9, factor_x: 3, factor_y: 2 };
        assert_eq!(params.to_input().apply([1.0, 1.0]), [4.0, 2.5]);
    }
}
