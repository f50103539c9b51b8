//! Similarity of a template's patch of features with an image, at positions between the cells of the feature map.

/// Patch similarity near one landmark. Between cells, features are interpolated, not similarities: a patch that lies
/// between cells resembles each of them less, so interpolated similarities are highest at cells and draw matches there.
///
/// A patch's cells all lie at the same place between the image's cells, and cells have unit length, so an interpolated
/// feature's product with the template's, and its length, follow from products that are computed once per cell.
pub(super) struct PatchSimilarity {
    /// First cell for which `products` has values.
    origin: [i64; 2],
    side: usize,
    /// Half the patch's side, cells.
    half: usize,
    /// Per cell of the patch, the products of the template's feature there with those of the image: `[side, side]`,
    /// indexed by the patch's centre.
    products: Vec<Vec<f32>>,
    /// Of each image cell from `half` before `origin` on, `[side + 2 · half; 2]`.
    neighbours: Vec<Neighbours>,
}

/// Products of a cell's feature with that of the next cells, and of the two beside the diagonal.
struct Neighbours {
    right: f32,
    below: f32,
    diagonal: f32,
    across: f32,
}

impl PatchSimilarity {
    /// Of the `template`'s patch with that `side`, for positions up to `radius` cells from `centre` along x and y; `map`
    /// holds vectors of unit length with its shape, `[channels, height, width]`.
    pub(super) fn new(
        (map, [channels, h, w]): (&[f32], [usize; 3]),
        (template, patch): (&[Vec<f32>], i64),
        centre: [f64; 2],
        radius: f64,
    ) -> Self {
        let reach = radius.ceil() as i64 + 1;
        let origin = centre.map(|c| c.floor() as i64 - reach);
        let (side, half) = (2 * reach + 2, patch / 2);
        // Beyond the border the border's features go on.
        let index = |x: i64, y: i64| {
            y.clamp(0, h as i64 - 1) as usize * w + x.clamp(0, w as i64 - 1) as usize
        };
        let product = |a: usize, b: usize| -> f32 {
            (0..channels).map(|c| map[c * h * w + a] * map[c * h * w + b]).sum()
        };
        let [left, top] = origin;
        let products = template.iter().enumerate().map(|(k, cell)| {
            let (dx, dy) = (k as i64 % patch - half, k as i64 / patch - half);
            let with_template = |i: i64| -> f32 {
                let at = index(left + i % side + dx, top + i / side + dy);
                (0..channels).map(|c| map[c * h * w + at] * cell[c]).sum()
            };
            (0..side * side).map(with_template).collect()
        });
        let wide = side + 2 * half;
        let neighbours = (0..wide * wide).map(|i| {
            let (x, y) = (left - half + i % wide, top - half + i / wide);
            let [here, right, below] = [index(x, y), index(x + 1, y), index(x, y + 1)];
            Neighbours {
                right: product(here, right),
                below: product(here, below),
                diagonal: product(here, index(x + 1, y + 1)),
                across: product(right, below),
            }
        });
        Self {
            origin,
            side: side as usize,
            half: half as usize,
            products: products.collect(),
            neighbours: neighbours.collect(),
        }
    }

    /// Mean similarity of the patch whose centre lies at a cell position, -1 to 1.
    pub(super) fn at(&self, x: f64, y: f64) -> f32 {
        let (x, y) = (x - self.origin[0] as f64, y - self.origin[1] as f64);
        let (left, top) = (x.floor() as usize, y.floor() as usize);
        let (fx, fy) = ((x - x.floor()) as f32, (y - y.floor()) as f32);
        let (side, wide) = (self.side, self.side + 2 * self.half);
        let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
        let [a, b, c, d] = weights;
        let own: f32 = weights.iter().map(|w| w * w).sum();
        let patch = 2 * self.half + 1;
        let mut sum = 0.0;
        for (k, products) in self.products.iter().enumerate() {
            let i = top * side + left;
            let product = a * products[i]
                + b * products[i + 1]
                + c * products[i + side]
                + d * products[i + side + 1];
            let n = (top + k / patch) * wide + left + k % patch;
            let near = &self.neighbours;
            let cross = a * b * near[n].right
                + c * d * near[n + wide].right
                + a * c * near[n].below
                + b * d * near[n + 1].below
                + a * d * near[n].diagonal
                + b * c * near[n].across;
            sum += product / (own + 2.0 * cross).max(1e-9).sqrt();
        }
        sum / self.products.len() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fiducia_test_support::Rng;

    const SHAPE: [usize; 3] = [6, 9, 11];

    fn unit(mut v: Vec<f32>) -> Vec<f32> {
        let length = v.iter().map(|v| v * v).sum::<f32>().sqrt();
        v.iter_mut().for_each(|v| *v /= length);
        v
    }

    /// The feature at a cell position, interpolated and of unit length.
    fn feature(map: &[f32], x: f64, y: f64) -> Vec<f32> {
        let [_, h, w] = SHAPE;
        unit(map.chunks_exact(h * w).map(|c| fiducia_kernels::sample(c, [w, h], x, y)).collect())
    }

    #[test]
    fn features_are_interpolated_and_not_similarities() {
        let [channels, h, w] = SHAPE;
        let mut rng = Rng::new(5);
        let mut map = vec![0.0; channels * h * w];
        for cell in 0..h * w {
            let v = unit((0..channels).map(|_| rng.below(2001) as f32 / 1000.0 - 1.0).collect());
            v.iter().enumerate().for_each(|(c, v)| map[c * h * w + cell] = *v);
        }
        let place = [5.3, 4.6];
        let cells = || (0..9).map(|k| (f64::from(k % 3 - 1), f64::from(k / 3 - 1)));
        let template: Vec<_> =
            cells().map(|(dx, dy)| feature(&map, place[0] + dx, place[1] + dy)).collect();
        let similarity = PatchSimilarity::new((&map, SHAPE), (&template, 3), [5.0, 4.0], 2.0);
        assert!((similarity.at(place[0], place[1]) - 1.0).abs() < 1e-5, "found where it was taken");
        for (x, y) in [(5.0, 4.0), (3.2, 2.9), (6.9, 5.7), (4.5, 4.5)] {
            let products = cells().zip(&template).map(|((dx, dy), cell)| -> f32 {
                feature(&map, x + dx, y + dy).iter().zip(cell).map(|(a, b)| a * b).sum()
            });
            let expected = products.sum::<f32>() / 9.0;
            assert!((similarity.at(x, y) - expected).abs() < 1e-5, "{x} {y}");
        }
    }
}
