//! The search over scale, rotation and shift on the rough plane.

use fiducia_kernels::Affine;

use super::{Aligner, Point, edges, inner_points};
use crate::pyramid::Normed;

const SCALES: [f64; 5] = [0.85, 0.92, 1.0, 1.08, 1.16];
const ANGLES_DEG: [f64; 5] = [-14.0, -7.0, 0.0, 7.0, 14.0];
/// Largest shift in the search, px of the rough plane.
const SEARCH_RADIUS: i64 = 20;

impl Aligner {
    /// Starting maps in order of decreasing correlation, one per scale and rotation.
    pub(super) fn search(&self, image: &Normed) -> Vec<Affine> {
        let points = inner_points(&self.rough, 1);
        let padded = Padded::new(
            image,
            2 * SEARCH_RADIUS as usize + self.rough.size[0].max(self.rough.size[1]) / 4,
        );
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
}

/// Centre of a plane, normalised units.
fn middle(plane: &Normed) -> [f64; 2] {
    plane.to_unit.apply([plane.size[0] as f64 / 2.0, plane.size[1] as f64 / 2.0])
}

/// An image padded with zeros, so that shifts need no bounds checks.
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

    /// The shift after `map` (template px to image px) with the highest correlation minus penalty.
    fn best_shift(
        &self,
        points: &[Point],
        map: &Affine,
        cost: impl Fn([f64; 2]) -> f64,
    ) -> (f64, [i64; 2]) {
        let reach = |size: usize| (SEARCH_RADIUS, size as i64 - 1 - SEARCH_RADIUS);
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
        for dy in -SEARCH_RADIUS..=SEARCH_RADIUS {
            for dx in -SEARCH_RADIUS..=SEARCH_RADIUS {
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
