//! Deformable registration of two images in one frame: dense pyramidal Lucas-Kanade with Gaussian windows.
//! The field is smoothed after every step to keep the deformation anatomically plausible.

use fiducia_kernels::sample;

/// Steps at each level of the pyramid.
const STEPS: usize = 8;
/// Levels; each halves the resolution.
const LEVELS: usize = 3;
/// Standard deviation of the Gaussian window of the local least squares, px.
const WINDOW_SIGMA: f32 = 3.0;
/// Standard deviation of the smoothing of the field after every step, px.
const FIELD_SIGMA: f32 = 2.0;
/// Standard deviation of the smoothing of the final field, px.
const FINAL_SIGMA: f32 = 3.0;
/// Added to the diagonal of the structure tensor, so that flat regions take the displacement of their
/// neighbours.
const STIFFNESS: f32 = 0.05;
/// Largest change of the field in one step, px.
const MAX_STEP: f32 = 1.0;

/// An image and its reduced copies, finest first, each half the size of the one before.
#[derive(Clone, Debug)]
pub struct Levels {
    levels: Vec<Level>,
}

#[derive(Clone, Debug)]
struct Level {
    data: Vec<f32>,
    size: [usize; 2],
}

/// A displacement for every pixel: `x` in the first image corresponds to `x + field(x)` in the second.
#[derive(Clone, Debug)]
pub struct Field {
    /// Displacement along x and y, px, `[height, width]` each.
    pub shift: [Vec<f32>; 2],
    /// `[width, height]`, px.
    pub size: [usize; 2],
}

impl Levels {
    /// Builds the levels from `data` `[height, width]`.
    pub fn new(data: Vec<f32>, size: [usize; 2]) -> Self {
        let mut levels = vec![Level { data, size }];
        while levels.len() < LEVELS {
            levels.push(levels[levels.len() - 1].halved());
        }
        Self { levels }
    }

    /// The finest level, `[height, width]`.
    pub(crate) fn finest(&self) -> &[f32] {
        &self.levels[0].data
    }
}

impl Level {
    fn halved(&self) -> Self {
        let size = self.size.map(|s| (s / 2).max(1));
        let at = |x: usize, y: usize| {
            self.data[y.min(self.size[1] - 1) * self.size[0] + x.min(self.size[0] - 1)]
        };
        let mean =
            |x: usize, y: usize| (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0;
        let data = (0..size[1])
            .flat_map(|y| (0..size[0]).map(move |x| (2 * x, 2 * y)))
            .map(|(x, y)| mean(x, y))
            .collect();
        Self { data, size }
    }
}

impl Field {
    /// The displacement at a pixel position.
    pub fn at(&self, p: [f64; 2]) -> [f64; 2] {
        [0, 1].map(|axis: usize| f64::from(sample(&self.shift[axis], self.size, p[0], p[1])))
    }

    /// The field on a grid of twice the resolution.
    fn doubled(&self, size: [usize; 2]) -> Self {
        let grid = || (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (x, y)));
        let read = |axis: usize| {
            grid().map(move |(x, y)| {
                let (x, y) = ((x as f64 - 0.5) / 2.0, (y as f64 - 0.5) / 2.0);
                2.0 * sample(&self.shift[axis], self.size, x, y)
            })
        };
        Self { shift: [read(0).collect(), read(1).collect()], size }
    }
}

/// The displacement field from `from` to `to`; both have the same size.
pub fn register(from: &Levels, to: &Levels) -> Field {
    let mut field: Option<Field> = None;
    for (a, b) in from.levels.iter().zip(&to.levels).rev() {
        let count = a.size[0] * a.size[1];
        let mut next = match field {
            None => Field { shift: [vec![0.0; count], vec![0.0; count]], size: a.size },
            Some(coarse) => coarse.doubled(a.size),
        };
        for _ in 0..STEPS {
            step(a, b, &mut next);
        }
        field = Some(next);
    }
    let mut field = field.expect("a pyramid has levels");
    field.shift.iter_mut().for_each(|s| blur(s, field.size, FINAL_SIGMA));
    field
}

/// One Lucas-Kanade step: warp, local least squares, smooth.
fn step(from: &Level, to: &Level, field: &mut Field) {
    let [w, h] = from.size;
    let mut warped = vec![0.0f32; w * h];
    for y in 0..h {
        for x in 0..w {
            let i = y * w + x;
            let (sx, sy) =
                (x as f64 + f64::from(field.shift[0][i]), y as f64 + f64::from(field.shift[1][i]));
            warped[i] = sample(&to.data, to.size, sx, sy);
        }
    }
    let mut moments = [0; 5].map(|_: i32| vec![0.0f32; w * h]);
    for y in 0..h {
        let (up, down) = (y.saturating_sub(1) * w, (y + 1).min(h - 1) * w);
        for x in 0..w {
            let (left, right) = (x.saturating_sub(1), (x + 1).min(w - 1));
            let i = y * w + x;
            // The mean gradient of both images makes the step symmetric and more stable.
            let slope = |d: &[f32]| {
                [(d[y * w + right] - d[y * w + left]) / 2.0, (d[down + x] - d[up + x]) / 2.0]
            };
            let (a, b) = (slope(&from.data), slope(&warped));
            let [gx, gy] = [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
            let difference = (from.data[i] - warped[i]).clamp(-2.0, 2.0);
            for (moment, v) in moments.iter_mut().zip([
                gx * gx,
                gx * gy,
                gy * gy,
                gx * difference,
                gy * difference,
            ]) {
                moment[i] = v;
            }
        }
    }
    moments.iter_mut().for_each(|m| blur(m, from.size, WINDOW_SIGMA));
    let [xx, xy, yy, xt, yt] = &moments;
    for i in 0..w * h {
        let (a, b, c) = (xx[i] + STIFFNESS, xy[i], yy[i] + STIFFNESS);
        let det = a * c - b * b;
        let (dx, dy) = ((c * xt[i] - b * yt[i]) / det, (a * yt[i] - b * xt[i]) / det);
        let shorten = (MAX_STEP / dx.hypot(dy).max(1e-6)).min(1.0);
        field.shift[0][i] += dx * shorten;
        field.shift[1][i] += dy * shorten;
    }
    field.shift.iter_mut().for_each(|s| blur(s, from.size, FIELD_SIGMA));
}

/// Gaussian smoothing in place, the border replicated.
fn blur(plane: &mut [f32], [w, h]: [usize; 2], sigma: f32) {
    let radius = (3.0 * sigma).ceil() as usize;
    let bell: Vec<f32> = (0..=2 * radius)
        .map(|i| (-(i as f32 - radius as f32).powi(2) / (2.0 * sigma * sigma)).exp())
        .collect();
    let total: f32 = bell.iter().sum();
    let taps: Vec<f32> = bell.iter().map(|v| v / total).collect();
    let mut line = vec![0.0f32; w + 2 * radius];
    for row in plane.chunks_exact_mut(w) {
        line[..radius].fill(row[0]);
        line[radius..radius + w].copy_from_slice(row);
        line[radius + w..].fill(row[w - 1]);
        row.fill(0.0);
        for (k, tap) in taps.iter().enumerate() {
            row.iter_mut().zip(&line[k..]).for_each(|(out, v)| *out += tap * v);
        }
    }
    let source = plane.to_vec();
    plane.fill(0.0);
    for y in 0..h {
        let out = &mut plane[y * w..(y + 1) * w];
        for (k, tap) in taps.iter().enumerate() {
            let from = (y + k).saturating_sub(radius).min(h - 1) * w;
            out.iter_mut().zip(&source[from..from + w]).for_each(|(o, v)| *o += tap * v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(shift: [f64; 2]) -> Levels {
        let size = [96, 80];
        let value = |x: f64, y: f64| ((x * 0.21).sin() + (y * 0.17 + 0.05 * x).cos()) as f32;
        let grid = (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (x as f64, y as f64)));
        Levels::new(grid.map(|(x, y)| value(x - shift[0], y - shift[1])).collect(), size)
    }

    #[test]
    fn recovers_a_shift() {
        let field = register(&picture([0.0, 0.0]), &picture([3.5, -2.25]));
        let [dx, dy] = field.at([48.0, 40.0]);
        assert!((dx - 3.5).abs() < 0.2 && (dy + 2.25).abs() < 0.2, "{dx} {dy}");
    }
}
