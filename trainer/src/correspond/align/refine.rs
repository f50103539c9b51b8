//! The refinement of all six parameters of an affine map by Gauss-Newton steps.

use fiducia_kernels::{Affine, sample};
use nalgebra::{SMatrix, SVector};

use super::{Aligner, Alignment, Point, edges, inner_points};
use crate::pyramid::Normed;

/// Gauss-Newton steps.
const STEPS: usize = 40;

impl Aligner {
    /// Gauss-Newton on all six parameters; returns the best step.
    pub(super) fn refine(&self, image: &Normed, start: Affine) -> Alignment {
        let points = inner_points(&self.fine, 2);
        let gradient = gradients(image);
        let to_px = image.to_unit.inverse().expect("planes have pixels");
        let mut map = to_px.after(&start).after(&self.fine.to_unit);
        let pulls = self.pulls(image, &points);
        let back = |map: &Affine| {
            image
                .to_unit
                .after(map)
                .after(&self.fine.to_unit.inverse().expect("planes have pixels"))
        };
        let mut best = Alignment { to_image: start, score: correlation(&points, image, &map) };
        for _ in 0..STEPS {
            let Some(step) = gauss_newton(&points, image, &gradient, &map, &pulls) else { break };
            for (row, delta) in map.m.iter_mut().zip([&step[..3], &step[3..]]) {
                row.iter_mut().zip(delta).for_each(|(v, d)| *v += d);
            }
            if !(0.4..2.5).contains(&map.determinant()) {
                break;
            }
            let next = Alignment { to_image: back(&map), score: correlation(&points, image, &map) };
            if next.score - self.cost(image, &next.to_image)
                > best.score - self.cost(image, &best.to_image)
            {
                best = next;
            }
            if step.iter().map(|s| s.abs()).fold(0.0, f64::max) < 1e-4 {
                break;
            }
        }
        best
    }

    /// The framing penalty as springs from each edge of the template to that of the image.
    fn pulls(&self, image: &Normed, points: &[Point]) -> Vec<Pull> {
        let Some(sigma) = self.framing.0 else { return Vec::new() };
        // A correlation lower by c means a sum of squares higher by 2 · c · energy.
        let energy: f64 = points.iter().map(|(_, t)| f64::from(*t).powi(2)).sum();
        let unit = image.to_unit.determinant().abs();
        let strength = energy * unit / (2.0 * sigma * sigma);
        let px = |plane: &Normed| {
            let back = plane.to_unit.inverse().expect("planes have pixels");
            edges(plane).map(|e| back.apply(e))
        };
        let pull = |(from, to)| Pull { from, to, strength };
        px(&self.fine).into_iter().zip(px(image)).map(pull).collect()
    }
}

/// A spring between a point of the template and one of the image, px.
struct Pull {
    from: [f64; 2],
    to: [f64; 2],
    strength: f64,
}

/// Horizontal and vertical derivatives by central differences.
fn gradients(image: &Normed) -> [Vec<f32>; 2] {
    let [w, h] = image.size;
    let at = |x: usize, y: usize| image.data[y * w + x];
    let grid = || (0..h).flat_map(|y| (0..w).map(move |x| (x, y)));
    let dx = grid()
        .map(|(x, y)| (at((x + 1).min(w - 1), y) - at(x.saturating_sub(1), y)) / 2.0)
        .collect();
    let dy = grid()
        .map(|(x, y)| (at(x, (y + 1).min(h - 1)) - at(x, y.saturating_sub(1))) / 2.0)
        .collect();
    [dx, dy]
}

/// One least-squares step on the six numbers of `map`; `None` where the system is singular.
fn gauss_newton(
    points: &[Point],
    image: &Normed,
    gradient: &[Vec<f32>; 2],
    map: &Affine,
    pulls: &[Pull],
) -> Option<[f64; 6]> {
    let read = |plane: &[f32], q: [f64; 2]| f64::from(sample(plane, image.size, q[0], q[1]));
    let values: Vec<f64> = points.iter().map(|(p, _)| read(&image.data, map.apply(*p))).collect();
    let gain = points.iter().zip(&values).map(|((_, t), v)| f64::from(*t) * v).sum::<f64>()
        / values.iter().map(|v| v * v).sum::<f64>().max(1e-9);
    let gain = gain.clamp(0.3, 3.0);
    let mut normal = SMatrix::<f64, 6, 6>::zeros();
    let mut right = SVector::<f64, 6>::zeros();
    for ((p, t), v) in points.iter().zip(&values) {
        let q = map.apply(*p);
        let [gx, gy] = [gain * read(&gradient[0], q), gain * read(&gradient[1], q)];
        let row = SVector::<f64, 6>::from([gx * p[0], gx * p[1], gx, gy * p[0], gy * p[1], gy]);
        let error = (f64::from(*t) - gain * v).clamp(-2.0, 2.0);
        normal += row * row.transpose();
        right += row * error;
    }
    for Pull { from: p, to, strength } in pulls {
        let q = map.apply(*p);
        for (axis, row) in
            [[p[0], p[1], 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, p[0], p[1], 1.0]].iter().enumerate()
        {
            let row = SVector::<f64, 6>::from(*row);
            normal += row * row.transpose() * *strength;
            right += row * ((to[axis] - q[axis]) * strength);
        }
    }
    for i in 0..6 {
        normal[(i, i)] *= 1.0 + 1e-4;
    }
    normal.cholesky().map(|c| c.solve(&right).into())
}

fn correlation(points: &[Point], image: &Normed, map: &Affine) -> f64 {
    let (mut cross, mut own, mut energy) = (0.0, 0.0, 0.0);
    for (p, t) in points {
        let q = map.apply(*p);
        let (v, t) = (f64::from(sample(&image.data, image.size, q[0], q[1])), f64::from(*t));
        cross += v * t;
        own += v * v;
        energy += t * t;
    }
    cross / (own * energy).sqrt().max(1e-9)
}
