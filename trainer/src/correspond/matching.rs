//! Matching the template's landmarks by trunk features: at each candidate position the feature patches of
//! three levels are compared with the template's, and the three similarities are multiplied.

use fiducia::Error;
use fiducia_kernels::Affine;

use crate::correspond::frame::Grid;
use crate::correspond::similarity::PatchSimilarity;
use crate::nets::{Trunk, TrunkFeatures, TrunkRunner};
use crate::pyramid::{FINE, ImagePyramid, MATCH, normalised};

/// Resolution and extent of the compared feature patches.
#[derive(Clone, Copy, Debug)]
pub struct Sharpness {
    /// Pixel of the grid that features are computed on, normalised units.
    pixel: f64,
    /// Patch side per level, cells; 0 leaves a level out.
    patch: [i64; 3],
    /// Radius of the local normalisation, px.
    norm_radius: usize,
    /// Margin around the landmarks, normalised units.
    margin: f64,
}

/// Patches of 12 to 29 normalised units around all landmarks: finds each landmark by its surroundings.
pub const BROAD: Sharpness =
    Sharpness { pixel: MATCH, patch: [5, 3, 3], norm_radius: 66, margin: 36.0 };
/// Patches of 5 to 6 normalised units around one landmark.
pub const CLOSE: Sharpness =
    Sharpness { pixel: 0.24, patch: [5, 3, 0], norm_radius: 50, margin: 20.0 };

/// Candidates lie within this distance of the centre along x and y, px of the match grid.
const SEARCH_RADIUS: i64 = 20;
/// Half the side of the soft-argmax window, px.
const WINDOW: i64 = 3;
/// Gain of the normalised image: the spread of the inputs that the trunk was trained with.
const GAIN: f32 = 0.5;
/// Rotations (degrees) and scales of the template whose descriptors are averaged.
const TEMPLATE_VIEWS: [(f64, f64); 5] =
    [(0.0, 1.0), (5.0, 1.0), (-5.0, 1.0), (0.0, 1.06), (0.0, 0.94)];

/// Trunk features of one aligned image, each vector of unit length.
#[derive(Clone, Debug)]
pub struct Descriptors {
    levels: TrunkFeatures,
}

/// The template's landmark descriptors.
#[derive(Clone, Debug)]
pub struct Matcher {
    sharpness: Sharpness,
    grid: Grid,
    runner: TrunkRunner,
    /// One descriptor per landmark.
    templates: Vec<Patches>,
}

/// Descriptor of a landmark: per level `[patch cells][channels]`, each cell of unit length.
pub type Patches = [Vec<Vec<f32>>; 3];

/// The match of a landmark.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    /// Position, normalised units of the template (the aligned frame).
    pub point: [f64; 2],
    /// Product of the similarities at the peak, 0 to 1.
    pub score: f32,
}

impl Matcher {
    /// Computes the descriptors of the landmarks `points` (normalised units of the template) of `template`.
    ///
    /// # Errors
    /// [`fiducia::ErrorKind::Engine`] where the trunk cannot be run.
    pub fn new(
        trunk: &Trunk,
        template: &ImagePyramid,
        points: &[[f64; 2]],
        sharpness: Sharpness,
    ) -> Result<Self, Error> {
        let grid = Grid::around(points, sharpness.margin, sharpness.pixel, Trunk::MULTIPLE);
        let runner = trunk.runner(grid.size[0], grid.size[1])?;
        let mut matcher = Self { sharpness, grid, runner, templates: Vec::new() };
        let middle = grid.to_unit.apply([grid.size[0] as f64 / 2.0, grid.size[1] as f64 / 2.0]);
        let mut pyramids = Vec::new();
        for (degrees, scale) in TEMPLATE_VIEWS {
            let turn = Affine::similarity(degrees.to_radians(), scale, middle, middle);
            pyramids.push((
                matcher.describe(template, &turn)?,
                turn.inverse().expect("an augmentation has a scale above 0"),
            ));
        }
        let describe = |p: &[f64; 2]| {
            let seen =
                || pyramids.iter().map(|(features, from_template)| (features, *from_template));
            [0, 1, 2].map(|level| matcher.template_patch(seen(), level, *p))
        };
        matcher.templates = points.iter().map(describe).collect();
        Ok(matcher)
    }

    /// Features of `pyramid` in the aligned frame; `to_image` maps normalised units of the template to image
    /// normalised units.
    ///
    /// # Errors
    /// [`fiducia::ErrorKind::Engine`] where the trunk cannot be run.
    pub fn describe(
        &self,
        pyramid: &ImagePyramid,
        to_image: &Affine,
    ) -> Result<Descriptors, Error> {
        let plane = if self.sharpness.pixel <= FINE { &pyramid.fine } else { &pyramid.middle };
        let grey = pyramid.sample(plane, &to_image.after(&self.grid.to_unit), self.grid.size);
        let mut image = normalised(grey, self.grid.size, self.sharpness.norm_radius);
        image.iter_mut().for_each(|v| *v *= GAIN);
        let mut levels = self.runner.run(&image)?;
        for (map, [channels, h, w]) in levels.maps.iter_mut().zip(levels.shape) {
            unit_length(map, channels, h * w);
        }
        Ok(Descriptors { levels })
    }

    /// Finds every landmark near its `centre` (normalised units of the template), with a Gaussian prior of `sigma`
    /// normalised units around the centre.
    pub fn find(&self, image: &Descriptors, centres: &[[f64; 2]], sigma: f64) -> Vec<Match> {
        let find = |(template, &centre): (&Patches, &[f64; 2])| {
            self.find_patches(image, template, centre, sigma)
        };
        self.templates.iter().zip(centres).map(find).collect()
    }

    /// Finds the best match of `patches` near `centre` (normalised units of the template), as [`Matcher::find`].
    pub fn find_patches(
        &self,
        image: &Descriptors,
        patches: &Patches,
        centre: [f64; 2],
        sigma: f64,
    ) -> Match {
        let middle = self.grid.from_unit().apply(centre);
        let map = self.similarity(image, patches, middle, sigma / self.sharpness.pixel);
        let (offset, score) = soft_peak(&map);
        let point = self.grid.to_unit.apply([middle[0] + offset[0], middle[1] + offset[1]]);
        Match { point, score }
    }

    /// The descriptor of an image at `point` (normalised units of the template).
    pub fn patches(&self, image: &Descriptors, point: [f64; 2]) -> Patches {
        let pyramid = [(image, Affine::IDENTITY)];
        [0, 1, 2].map(|level| self.template_patch(pyramid.iter().copied(), level, point))
    }

    /// Descriptor of landmark `l`: half the template's, half the mean of `others`.
    pub fn blended(&self, l: usize, others: &[Patches]) -> Patches {
        let mut blend = self.templates[l].clone();
        let fraction = 1.0 / others.len().max(1) as f32;
        for (level, patch) in blend.iter_mut().enumerate() {
            for (k, cell) in patch.iter_mut().enumerate() {
                for other in others {
                    cell.iter_mut().zip(&other[level][k]).for_each(|(v, o)| *v += fraction * o);
                }
                to_unit_length(cell);
            }
        }
        blend
    }

    /// Similarity of the candidates around `middle` (grid px), `[2 · SEARCH_RADIUS + 1; 2]`.
    fn similarity(
        &self,
        image: &Descriptors,
        template: &Patches,
        middle: [f64; 2],
        sigma_px: f64,
    ) -> Vec<f32> {
        let side = (2 * SEARCH_RADIUS + 1) as usize;
        let offset = |i: usize| (i as i64 - SEARCH_RADIUS) as f64;
        let mut map: Vec<f32> = (0..side * side)
            .map(|i| {
                (-(offset(i % side).powi(2) + offset(i / side).powi(2))
                    / (2.0 * sigma_px * sigma_px))
                    .exp() as f32
            })
            .collect();
        for level in (0..3).filter(|&level| self.sharpness.patch[level] > 0) {
            let stride = f64::from(4 << level);
            let patch = (template[level].as_slice(), self.sharpness.patch[level]);
            let map_of_level = (image.levels.maps[level].as_slice(), image.levels.shape[level]);
            // From a pixel of the grid to a position among the cells of this level.
            let cell = |px: f64| (px - (stride - 1.0) / 2.0) / stride;
            let radius = SEARCH_RADIUS as f64 / stride;
            let similarity = PatchSimilarity::new(map_of_level, patch, middle.map(cell), radius);
            for (i, v) in map.iter_mut().enumerate() {
                let (dx, dy) = (offset(i % side), offset(i / side));
                let found = similarity.at(cell(middle[0] + dx), cell(middle[1] + dy));
                *v *= found.clamp(0.0, 1.0);
            }
        }
        map
    }

    /// The mean patch of a landmark over all augmented copies of the template.
    fn template_patch<'a>(
        &self,
        pyramids: impl Iterator<Item = (&'a Descriptors, Affine)> + Clone,
        level: usize,
        point: [f64; 2],
    ) -> Vec<Vec<f32>> {
        let (side, stride) = (self.sharpness.patch[level], f64::from(4 << level));
        let mut patch = Vec::new();
        if side == 0 {
            return patch;
        }
        let half = side / 2;
        for dy in -half..=half {
            for dx in -half..=half {
                let mut cell = vec![0.0; Trunk::CHANNELS[level]];
                for (features, from_template) in pyramids.clone() {
                    let p = self.grid.from_unit().apply(from_template.apply(point));
                    let at = |v: f64, d: i64| (v - (stride - 1.0) / 2.0) / stride + d as f64;
                    features.add_at(level, at(p[0], dx), at(p[1], dy), &mut cell);
                }
                to_unit_length(&mut cell);
                patch.push(cell);
            }
        }
        patch
    }
}

impl Descriptors {
    /// Adds the bilinear feature vector at cell position `(x, y)` to `sum`.
    fn add_at(&self, level: usize, x: f64, y: f64, sum: &mut [f32]) {
        let [_, h, w] = self.levels.shape[level];
        for (c, total) in sum.iter_mut().enumerate() {
            *total += fiducia_kernels::sample(
                &self.levels.maps[level][c * h * w..(c + 1) * h * w],
                [w, h],
                x,
                y,
            );
        }
    }
}

fn to_unit_length(cell: &mut [f32]) {
    let length = cell.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-9);
    cell.iter_mut().for_each(|v| *v /= length);
}

/// Subtracts each channel's mean over the image and scales every cell's vector to unit length.
fn unit_length(map: &mut [f32], channels: usize, cells: usize) {
    for channel in map.chunks_exact_mut(cells) {
        let mean = channel.iter().sum::<f32>() / cells as f32;
        channel.iter_mut().for_each(|v| *v -= mean);
    }
    for i in 0..cells {
        let length =
            (0..channels).map(|c| map[c * cells + i].powi(2)).sum::<f32>().sqrt().max(1e-9);
        (0..channels).for_each(|c| map[c * cells + i] /= length);
    }
}

/// Peak of a candidate map as an offset from its centre, px, with its value; a map of zeros gives the centre.
fn soft_peak(map: &[f32]) -> ([f64; 2], f32) {
    let side = 2 * SEARCH_RADIUS + 1;
    let best = (0..map.len()).max_by(|&a, &b| map[a].total_cmp(&map[b])).unwrap_or(0);
    let (px, py) = (best as i64 % side, best as i64 / side);
    let window = || {
        let range = |p: i64| (p - WINDOW).max(0)..=(p + WINDOW).min(side - 1);
        range(py).flat_map(move |y| range(px).map(move |x| (x, y)))
    };
    let at = |(x, y): (i64, i64)| f64::from(map[(y * side + x) as usize]);
    let low = window().map(at).fold(f64::INFINITY, f64::min);
    let weight = |p| (at(p) - low).powi(2);
    let total: f64 = window().map(weight).sum();
    if total < 1e-20 {
        return ([0.0, 0.0], map[best]);
    }
    let mean = |pick: fn((i64, i64)) -> i64| {
        window().map(|p| weight(p) * (pick(p) - SEARCH_RADIUS) as f64).sum::<f64>() / total
    };
    ([mean(|p| p.0), mean(|p| p.1)], map[best])
}
