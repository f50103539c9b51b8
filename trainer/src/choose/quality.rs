//! Image quality without a reference: sharpness, noise, clipping.

use fiducia::preprocess::Plane;
use serde::Serialize;

use crate::pyramid::ImagePyramid;
use crate::statistics::{Rank, order_statistic};

/// Fraction of the image left out at each border, where collimation and markers are.
const MARGIN: f64 = 0.12;
/// Quantile of the gradient magnitude that serves as the strength of the edges.
const EDGE_QUANTILE: f64 = 0.95;
/// Half the side of the box blur, px.
const BLUR: usize = 2;
/// Median of |z| for a standard normal deviate z.
const NORMAL_MEDIAN: f64 = 0.6745;
/// Grey levels (0 to 255) beyond which a pixel counts as clipped.
const CLIPPED: [f32; 2] = [1.0, 254.0];

/// Measures of one image, on its finest plane.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Fraction of its edge strength that an image loses when it is blurred, 0 to 1; higher is sharper (after
    /// Crété-Roffet et al. 2007).
    pub sharpness: f64,
    /// Standard deviation of the noise divided by the edge strength (after Immerkær 1996, with the median);
    /// lower is better.
    pub noise: f64,
    /// Fraction of the pixels at either end of the grey range; lower is better.
    pub clipped: f64,
}

impl Quality {
    /// Measures the finest plane of `pyramid`.
    pub fn of(pyramid: &ImagePyramid) -> Self {
        let plane = &pyramid.fine;
        let edges = edge_strength(plane).max(1e-6);
        let noise = sample_quantile(inner(plane, |p| roughness(plane, p)), 0.5) / NORMAL_MEDIAN;
        let grey = inner(plane, |p| at(plane, p, 0, 0));
        let clipped = grey.iter().filter(|v| **v <= CLIPPED[0] || **v >= CLIPPED[1]).count();
        Self {
            sharpness: 1.0 - edge_strength(&blurred(plane)) / edges,
            noise: noise / edges,
            clipped: clipped as f64 / grey.len() as f64,
        }
    }
}

fn edge_strength(plane: &Plane) -> f64 {
    let gradient = |p| {
        let [x, y] = [[1, 0], [0, 1]]
            .map(|[dx, dy]: [i64; 2]| at(plane, p, dx, dy) - at(plane, p, -dx, -dy));
        x.hypot(y) / 2.0
    };
    sample_quantile(inner(plane, gradient), EDGE_QUANTILE)
}

/// Magnitude of the second difference along both axes, which suppresses edges and ramps. Scaled so that white
/// noise keeps its standard deviation.
fn roughness(plane: &Plane, p: [usize; 2]) -> f32 {
    let weight = |dx: i64, dy: i64| {
        [-2.0, 1.0][dx.unsigned_abs() as usize] * [-2.0, 1.0][dy.unsigned_abs() as usize]
    };
    let cells = (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy)));
    (cells.map(|(dx, dy)| weight(dx, dy) * at(plane, p, dx, dy)).sum::<f32>() / 6.0).abs()
}

/// The value at offset `(dx, dy)` from pixel `p`, the border replicated.
fn at(plane: &Plane, p: [usize; 2], dx: i64, dy: i64) -> f32 {
    let clamp = |v: usize, d: i64, size: usize| (v as i64 + d).clamp(0, size as i64 - 1) as usize;
    let (x, y) = (clamp(p[0], dx, plane.size[0]), clamp(p[1], dy, plane.size[1]));
    plane.data[y * plane.size[0] + x]
}

/// `value` at every pixel away from the border.
fn inner(plane: &Plane, value: impl Fn([usize; 2]) -> f32) -> Vec<f32> {
    let range = |size: usize| {
        let skipped = (size as f64 * MARGIN) as usize;
        skipped..size - skipped
    };
    let [columns, rows] = plane.size.map(range);
    rows.flat_map(|y| columns.clone().map(move |x| [x, y])).map(value).collect()
}

/// The plane averaged over a box around every pixel.
fn blurred(plane: &Plane) -> Plane {
    let along = |data: &[f32], [dx, dy]: [i64; 2]| -> Vec<f32> {
        let [w, h] = plane.size.map(|s| s as i64);
        let radius = BLUR as i64;
        let read = |x: i64, y: i64| data[(y.clamp(0, h - 1) * w + x.clamp(0, w - 1)) as usize];
        let mean = |i: i64| {
            let cells = (-radius..=radius).map(|k| read(i % w + k * dx, i / w + k * dy));
            cells.sum::<f32>() / (2 * radius + 1) as f32
        };
        (0..w * h).map(mean).collect()
    };
    let data = along(&along(&plane.data, [1, 0]), [0, 1]);
    Plane { data, ..plane.clone() }
}

/// The `q`-quantile as a value of the sample; 0 without values.
fn sample_quantile(values: Vec<f32>, q: f64) -> f64 {
    order_statistic(values, q, Rank::Lower, f32::total_cmp).map_or(0.0, f64::from)
}
