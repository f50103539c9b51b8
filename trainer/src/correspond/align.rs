//! Rough correspondence: an affine map from the template to every image.
//!
//! A search over scale, rotation and shift on a tiny plane (normalised cross-correlation), then
//! Gauss-Newton refinement of all six parameters on a finer one (Evangelidis and Psarakis 2008, in
//! the least-squares form with a free gain).

use fiducia_kernels::{Affine, sample};
use nalgebra::{SMatrix, SVector};
use rayon::prelude::*;

use crate::progress::Progress;
use crate::view::{Normed, View};

const SCALES: [f64; 5] = [0.85, 0.92, 1.0, 1.08, 1.16];
const ANGLES_DEG: [f64; 5] = [-14.0, -7.0, 0.0, 7.0, 14.0];
/// Largest shift that is searched, px of the rough plane.
const REACH: i64 = 20;
/// Share of the template left out at each border, where collimation and labels are.
const MARGIN: f64 = 0.12;
/// Best starts that are refined.
const STARTS: usize = 4;
/// Gauss-Newton steps.
const STEPS: usize = 40;
/// Windows of the local normalisation, px of the rough and the finer plane.
const RADII: [usize; 2] = [5, 10];

/// Where the template lies in an image.
#[derive(Clone, Copy, Debug)]
pub struct Alignment {
    /// From units of the template to units of the image.
    pub to_image: Affine,
    /// Normalised cross-correlation at the end, −1 to 1.
    pub score: f64,
}

/// The template, prepared once.
#[derive(Debug)]
pub struct Aligner {
    rough: Normed,
    fine: Normed,
    framing: Framing,
}

/// How far apart films of a set are framed. Repeated structures (ribs, vertebrae) correlate one period off
/// about as well; where films are framed by the anatomy, nearness tells the periods apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct Framing(
    /// Standard deviation of where the upper and the lower edge lie from one film to the next, units; `None`
    /// where nothing is known.
    pub Option<f64>,
);

impl Framing {
    /// What edges that lie `off` by so many units cost, in units of correlation.
    fn cost(self, off: [f64; 2]) -> f64 {
        self.0.map_or(0.0, |sigma| off.map(|d| (d / sigma).powi(2)).iter().sum::<f64>() / 4.0)
    }
}

/// Finds the template, `views[template]`, in every view; its own alignment is the identity.
pub fn align_all(
    views: &[View],
    template: usize,
    framing: Framing,
    progress: &Progress,
) -> Vec<Alignment> {
    let aligner = Aligner::new(&views[template], framing);
    let bar = progress.bar("align", views.len());
    let align = |(n, view): (usize, &View)| {
        bar.inc(1);
        if n == template {
            Alignment { to_image: Affine::IDENTITY, score: 1.0 }
        } else {
            aligner.align(view)
        }
    };
    views.par_iter().enumerate().map(align).collect()
}

impl Aligner {
    /// Prepares the template.
    pub fn new(template: &View, framing: Framing) -> Self {
        Self {
            framing,
            rough: Normed::of(template, &template.rough, RADII[0]),
            fine: Normed::of(template, &template.flow, RADII[1]),
        }
    }

    /// Finds the template in `view`.
    pub fn align(&self, view: &View) -> Alignment {
        let fine = Normed::of(view, &view.flow, RADII[1]);
        let starts = self.search(&Normed::of(view, &view.rough, RADII[0]));
        let ends = starts.into_iter().take(STARTS).map(|start| self.refine(&fine, start));
        let worth = |end: &Alignment| end.score - self.cost(&fine, &end.to_image);
        ends.max_by(|a, b| worth(a).total_cmp(&worth(b))).expect("at least one start")
    }

    /// What it costs that `to_image` does not take edges to edges.
    fn cost(&self, image: &Normed, to_image: &Affine) -> f64 {
        let (from, to) = (edges(&self.fine), edges(image));
        self.framing.cost([0, 1].map(|e: usize| fiducia::distance(to_image.apply(from[e]), to[e])))
    }

    /// The cost of framing as springs from each edge of the template to that of the image.
    fn pulls(&self, image: &Normed, points: &[Point]) -> Vec<Pull> {
        let Some(sigma) = self.framing.0 else { return Vec::new() };
        // A correlation that is less by c leaves a sum of squares that is larger by 2 · c · energy.
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

    /// Starts by falling correlation, one per scale and rotation.
    fn search(&self, image: &Normed) -> Vec<Affine> {
        let points = inner_points(&self.rough, 1);
        let padded =
            Padded::new(image, 2 * REACH as usize + self.rough.size[0].max(self.rough.size[1]) / 4);
        let [from, to] = [&self.rough, image].map(middle);
        let ends = [&self.rough, image].map(edges);
        let unit = image.to_unit.determinant().abs().sqrt();
        let to_px = image.to_unit.inverse().expect("planes have pixels");
        let mut found = Vec::new();
        for scale in SCALES {
            for angle in ANGLES_DEG {
                let turn = Affine::similarity(angle.to_radians(), scale, from, to);
                let off = [0, 1].map(|e: usize| {
                    let (is, should) =
                        (to_px.apply(turn.apply(ends[0][e])), to_px.apply(ends[1][e]));
                    [is[0] - should[0], is[1] - should[1]]
                });
                let cost = |shift: [f64; 2]| {
                    self.framing.cost(off.map(|d| (d[0] + shift[0]).hypot(d[1] + shift[1]) * unit))
                };
                let (score, shift) = padded.best_shift(
                    &points,
                    &to_px.after(&turn).after(&self.rough.to_unit),
                    cost,
                );
                let moved = image
                    .to_unit
                    .after(&Affine::shift(shift[0] as f64, shift[1] as f64))
                    .after(&to_px)
                    .after(&turn);
                found.push((score, moved));
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.into_iter().map(|(_, start)| start).collect()
    }

    /// Gauss-Newton on all six parameters; the best step is kept.
    fn refine(&self, image: &Normed, start: Affine) -> Alignment {
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
}

/// Middle of a plane, units.
fn middle(plane: &Normed) -> [f64; 2] {
    plane.to_unit.apply([plane.size[0] as f64 / 2.0, plane.size[1] as f64 / 2.0])
}

/// Middles of the upper and the lower edge of a plane, units.
fn edges(plane: &Normed) -> [[f64; 2]; 2] {
    let [w, h] = plane.size.map(|s| s as f64);
    [[w / 2.0, 0.0], [w / 2.0, h]].map(|p| plane.to_unit.apply(p))
}

/// A spring between a point of the template and one of the image, px.
struct Pull {
    from: [f64; 2],
    to: [f64; 2],
    strength: f64,
}

/// A template pixel and its value.
type Point = ([f64; 2], f32);

fn inner_points(plane: &Normed, step: usize) -> Vec<Point> {
    let [w, h] = plane.size;
    let inner = |size: usize| {
        ((size as f64 * MARGIN) as usize..size - (size as f64 * MARGIN) as usize).step_by(step)
    };
    inner(h)
        .flat_map(|y| inner(w).map(move |x| (x, y)))
        .map(|(x, y)| ([x as f64, y as f64], plane.data[y * w + x]))
        .collect()
}

/// An image with a border of zeros, so that shifts need no bounds checks.
struct Padded {
    data: Vec<f32>,
    size: [usize; 2],
    pad: i64,
}

impl Padded {
    fn new(image: &Normed, pad: usize) -> Self {
        let size = [image.size[0] + 2 * pad, image.size[1] + 2 * pad];
        let mut data = vec![0.0; size[0] * size[1]];
        for (y, row) in image.data.chunks_exact(image.size[0]).enumerate() {
            let start = (y + pad) * size[0] + pad;
            data[start..start + row.len()].copy_from_slice(row);
        }
        Self { data, size, pad: pad as i64 }
    }

    /// The shift after `map` (template px to image px) that correlates best, less what it costs.
    fn best_shift(
        &self,
        points: &[Point],
        map: &Affine,
        cost: impl Fn([f64; 2]) -> f64,
    ) -> (f64, [i64; 2]) {
        let reach = |size: usize| (REACH, size as i64 - 1 - REACH);
        let [(x0, x1), (y0, y1)] = self.size.map(reach);
        let place = |(p, v): &Point| {
            let q = map.apply(*p);
            let x = (q[0].round() as i64 + self.pad).clamp(x0, x1);
            let y = (q[1].round() as i64 + self.pad).clamp(y0, y1);
            ((y * self.size[0] as i64 + x) as isize, *v)
        };
        let placed: Vec<(isize, f32)> = points.iter().map(place).collect();
        let energy: f32 = placed.iter().map(|(_, v)| v * v).sum();
        let mut best = (f64::NEG_INFINITY, [0, 0]);
        for dy in -REACH..=REACH {
            for dx in -REACH..=REACH {
                let offset = (dy * self.size[0] as i64 + dx) as isize;
                let (mut cross, mut own) = (0.0f32, 0.0f32);
                for &(i, v) in &placed {
                    let pixel = self.data[(i + offset) as usize];
                    cross += v * pixel;
                    own += pixel * pixel;
                }
                let score = f64::from(cross / (own * energy).sqrt().max(1e-6))
                    - cost([dx as f64, dy as f64]);
                if score > best.0 {
                    best = (score, [dx, dy]);
                }
            }
        }
        best
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::film;

    /// Height and width of the film, px; pixels are units.
    const SIDE: usize = 240;
    /// Distance of the ribs, units.
    const PERIOD: f64 = 24.0;

    /// Ribs across a body, moved down by `shift` units: all alike but for one, whose middle is moved by
    /// `odd` units.
    fn ribs(shift: f64, odd: f64) -> View {
        film(SIDE, |x, y| {
            let rib = (std::f64::consts::TAU * (y - shift) / PERIOD).sin();
            let body = (-((x - 120.0) / 60.0).powi(2)).exp();
            let faint = (-((y - 120.0 - odd) / 30.0).powi(2)).exp();
            20_000.0 + 12_000.0 * body * rib * (1.0 - 0.6 * faint)
        })
    }

    #[test]
    fn framing_tells_alike_structures_apart() {
        let near = 4.0;
        let far = near - PERIOD;
        let (template, film) = (ribs(0.0, 0.0), ribs(near, far));
        let moved = |framing| {
            let found = Aligner::new(&template, Framing(framing)).align(&film);
            found.to_image.apply([120.0, 120.0])[1] - 120.0
        };
        let (framed, free) = (moved(Some(20.0)), moved(None));
        assert!((framed - near).abs() < 1.5, "{framed} where {near} is the nearest period");
        assert!((free - far).abs() < 1.5, "{free} where {far} is most alike");
    }

    #[test]
    fn framing_holds_the_size() {
        let stretched = film(SIDE, |x, y| {
            let y = 120.0 + (y - 120.0) / 1.1;
            let rib = (std::f64::consts::TAU * y / PERIOD).sin();
            20_000.0 + 12_000.0 * (-((x - 120.0) / 60.0).powi(2)).exp() * rib
        });
        let template = ribs(0.0, 1e9);
        let height = |framing| {
            let found = Aligner::new(&template, Framing(framing)).align(&stretched).to_image;
            (found.apply([120.0, 240.0])[1] - found.apply([120.0, 0.0])[1]) / 240.0
        };
        let (framed, free) = (height(Some(2.0)), height(None));
        assert!((free - 1.1).abs() < 0.02, "{free} where the film is stretched to 1.1");
        assert!((framed - 1.0).abs() < 0.03, "{framed} where films are framed alike");
    }

    #[test]
    fn without_framing_distance_costs_nothing() {
        assert_eq!(Framing(None).cost([80.0; 2]), 0.0);
        assert_eq!(Framing(Some(20.0)).cost([20.0; 2]), 0.5);
    }
}
