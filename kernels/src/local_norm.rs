//! Local contrast normalisation: brightness and contrast of the neighbourhood are divided out.

use crate::math;

/// Sizes and constants of a local normalisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalNorm {
    /// Plane width, px.
    pub width: usize,
    /// Plane height, px.
    pub height: usize,
    /// Half of the window's side, px: the window covers `2 · radius + 1` pixels, cut at the border.
    pub radius: usize,
    /// Added to the local standard deviation, so that flat film stays flat (grey levels).
    pub floor: f32,
    /// The result has about this standard deviation.
    pub gain: f32,
}

impl LocalNorm {
    /// How many `f64` values of scratch space [`local_norm`] needs.
    pub const fn scratch(&self) -> usize {
        2 * (self.width + 1) * (self.height + 1)
    }
}

/// Replaces each pixel of `plane` `[height, width]` by `gain · (v − mean) / (sd + floor)` over its window.
///
/// Window sums come from integral images of the values and their squares, kept in `scratch`, whose
/// length must be at least [`LocalNorm::scratch`].
pub fn local_norm(params: &LocalNorm, plane: &mut [f32], scratch: &mut [f64]) {
    let (w, h) = (params.width, params.height);
    let stride = w + 1;
    let (sums, squares) = scratch.split_at_mut(stride * (h + 1));
    integrate(plane, w, h, sums, |v| v);
    integrate(plane, w, h, squares, |v| v * v);
    for y in 0..h {
        let (y0, y1) = (y.saturating_sub(params.radius), (y + params.radius + 1).min(h));
        for x in 0..w {
            let (x0, x1) = (x.saturating_sub(params.radius), (x + params.radius + 1).min(w));
            let window = |t: &[f64]| {
                t[y1 * stride + x1] - t[y0 * stride + x1] - t[y1 * stride + x0]
                    + t[y0 * stride + x0]
            };
            let count = ((x1 - x0) * (y1 - y0)) as f64;
            let mean = window(sums) / count;
            let variance = (window(squares) / count - mean * mean).max(0.0);
            let pixel = &mut plane[y * w + x];
            *pixel =
                params.gain * (*pixel - mean as f32) / (math::sqrt(variance) as f32 + params.floor);
        }
    }
}

/// `table[y][x]` = sum of `f(v)` over all pixels above and left of corner `(x, y)`.
fn integrate(plane: &[f32], w: usize, h: usize, table: &mut [f64], f: impl Fn(f64) -> f64) {
    let stride = w + 1;
    table[..stride].fill(0.0);
    for y in 0..h {
        let mut row = 0.0;
        table[(y + 1) * stride] = 0.0;
        for x in 0..w {
            row += f(f64::from(plane[y * w + x]));
            table[(y + 1) * stride + x + 1] = table[y * stride + x + 1] + row;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::{vec, vec::Vec};

    fn run(params: &LocalNorm, plane: &[f32]) -> Vec<f32> {
        let mut out = plane.to_vec();
        local_norm(params, &mut out, &mut vec![0.0; params.scratch()]);
        out
    }

    /// The definition, window by window.
    fn naive(p: &LocalNorm, plane: &[f32]) -> Vec<f32> {
        let mut out = Vec::new();
        for y in 0..p.height {
            for x in 0..p.width {
                let mut window = Vec::new();
                for j in y.saturating_sub(p.radius)..(y + p.radius + 1).min(p.height) {
                    for i in x.saturating_sub(p.radius)..(x + p.radius + 1).min(p.width) {
                        window.push(plane[j * p.width + i]);
                    }
                }
                let n = window.len() as f32;
                let mean = window.iter().sum::<f32>() / n;
                let sd = (window.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / n).sqrt();
                out.push(p.gain * (plane[y * p.width + x] - mean) / (sd + p.floor));
            }
        }
        out
    }

    #[test]
    fn equals_the_definition() {
        let params = LocalNorm { width: 13, height: 9, radius: 3, floor: 6.0, gain: 0.5 };
        let plane: Vec<f32> = (0..13 * 9).map(|i| ((i * 37) % 101) as f32).collect();
        for (a, b) in run(&params, &plane).iter().zip(naive(&params, &plane)) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn flat_film_stays_flat() {
        let params = LocalNorm { width: 4, height: 4, radius: 2, floor: 6.0, gain: 0.5 };
        assert!(run(&params, &[77.0; 16]).iter().all(|v| v.abs() < 1e-6));
    }
}
