//! Resampling of a plane through an affine map, bilinear, the border repeated outwards.

use crate::affine::Affine;
use crate::math;

/// The value of `source` `[height, width]` at pixel position `(x, y)`, bilinear between pixels.
///
/// Positions outside the plane take the value of the nearest border pixel. A position that is not
/// finite reads the top-left pixel.
#[inline]
pub fn sample(source: &[f32], [width, height]: [usize; 2], x: f64, y: f64) -> f32 {
    let clamp = |v: f64, size: usize| if v >= 0.0 { v.min((size - 1) as f64) } else { 0.0 };
    let (x, y) = (clamp(x, width), clamp(y, height));
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(width - 1), (y0 + 1).min(height - 1));
    let (fx, fy) = ((x - math::floor(x)) as f32, (y - math::floor(y)) as f32);
    let top = source[y0 * width + x0] * (1.0 - fx) + source[y0 * width + x1] * fx;
    let low = source[y1 * width + x0] * (1.0 - fx) + source[y1 * width + x1] * fx;
    top * (1.0 - fy) + low * fy
}

/// Fills `out` `[out_height, out_width]` with `source` read at `to_source(x, y)`.
///
/// `to_source` maps output pixels to source pixels. Both planes must hold at least one pixel.
pub fn warp(
    source: &[f32],
    source_size: [usize; 2],
    to_source: &Affine,
    out: &mut [f32],
    [out_width, out_height]: [usize; 2],
) {
    for y in 0..out_height {
        for x in 0..out_width {
            let [sx, sy] = to_source.apply([x as f64, y as f64]);
            out[y * out_width + x] = sample(source, source_size, sx, sy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANE: [f32; 6] = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0];

    #[test]
    fn reads_between_pixels() {
        assert_eq!(sample(&PLANE, [3, 2], 1.5, 0.5), 6.5);
    }

    #[test]
    fn repeats_the_border() {
        assert_eq!(sample(&PLANE, [3, 2], -4.0, 0.0), 0.0);
        assert_eq!(sample(&PLANE, [3, 2], 9.0, 9.0), 12.0);
        assert_eq!(sample(&PLANE, [3, 2], f64::NAN, 0.0), 0.0);
    }

    #[test]
    fn identity_copies_and_shift_moves() {
        let mut out = [0.0; 6];
        warp(&PLANE, [3, 2], &Affine::IDENTITY, &mut out, [3, 2]);
        assert_eq!(out, PLANE);
        warp(&PLANE, [3, 2], &Affine::shift(1.0, 0.0), &mut out, [3, 2]);
        assert_eq!(out, [1.0, 2.0, 2.0, 11.0, 12.0, 12.0]);
    }
}
