//! The shape model: mean positions of the landmarks and how they vary together (Cootes et al. 1995).
//!
//! It gives the pose of the anatomy, so that regions of interest are cut upright and at one size; it replaces gross
//! outliers among the coarse points; and it measures how unusual a shape is.

use fiducia_kernels::Affine;

/// Residuals of this size halve the weight of a point when a pose or shape is fitted, units.
const ROBUST_UNITS: f64 = 3.0;
/// Assumed standard deviation of positions when a shape is fitted, units.
pub(crate) const NOISE_UNITS: f64 = 1.0;
/// Rounds of re-weighting.
const ROUNDS: usize = 6;

/// Mean shape and principal modes of variation, in units, in a frame of its own.
///
/// ```
/// # use std::path::Path;
/// use fiducia::Pack;
///
/// # fn main() -> Result<(), fiducia::Error> {
/// # let models = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
/// let shape = Pack::open(&models.join("head.fid"))?.shape();
/// // The mean shape, moved by 5 units: the pose is that shift.
/// let moved: Vec<[f64; 2]> = shape.mean.iter().map(|[x, y]| [x + 5.0, *y]).collect();
/// let pose = shape.pose(&moved, &vec![1.0; moved.len()]);
/// assert!((pose.scale - 1.0).abs() < 1e-9 && pose.angle.abs() < 1e-9);
/// assert!((pose.to_image.apply([0.0, 0.0])[0] - 5.0).abs() < 1e-9);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ShapeModel {
    /// Mean position of each landmark, units.
    pub mean: Vec<[f64; 2]>,
    /// Standard deviation along each mode, units.
    pub deviations: Vec<f64>,
    /// Each mode: a unit vector of `x0, y0, x1, y1, …`.
    pub modes: Vec<Vec<f64>>,
}

/// A derived landmark: the backbone has no heat map for it; its position follows from the shape of the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Follower {
    /// Mean position in the frame of the mean shape, units.
    pub mean: [f64; 2],
    /// Movement with each mode, units per unit of the mode's amount.
    pub modes: Vec<[f64; 2]>,
}

/// Position of the mean shape in an image: a similarity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// From the frame of the mean shape to image units.
    pub to_image: Affine,
    /// Rotation, radians, x towards y.
    pub angle: f64,
    /// Size relative to the mean shape.
    pub scale: f64,
}

impl ShapeModel {
    /// Number of values in the pack section for this many landmarks and modes.
    pub fn len(landmarks: usize, modes: usize) -> usize {
        2 * landmarks + modes + modes * 2 * landmarks
    }

    /// Reads mean, deviations and modes from `values`, which holds [`ShapeModel::len`] numbers.
    pub fn from_values(landmarks: usize, modes: usize, values: &[f32]) -> Self {
        let values: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
        let (mean, rest) = values.split_at(2 * landmarks);
        let (deviations, vectors) = rest.split_at(modes);
        Self {
            mean: mean.chunks_exact(2).map(|p| [p[0], p[1]]).collect(),
            deviations: deviations.to_vec(),
            modes: vectors.chunks_exact(2 * landmarks).map(<[f64]>::to_vec).collect(),
        }
    }

    /// The values of the pack section.
    pub fn to_values(&self) -> Vec<f32> {
        let mean = self.mean.iter().flatten();
        mean.chain(&self.deviations).chain(self.modes.iter().flatten()).map(|&v| v as f32).collect()
    }

    /// Fits the mean shape to `points` (image units); outliers get less weight.
    ///
    /// With fewer than two landmarks, or all in one place, the pose is a shift.
    pub fn pose(&self, points: &[[f64; 2]], weights: &[f64]) -> Pose {
        let mut robust = weights.to_vec();
        let mut pose = similarity(&self.mean, points, &robust);
        for _ in 0..ROUNDS {
            for (i, point) in points.iter().enumerate() {
                let residual =
                    distance(pose.to_image.apply(self.mean[i]), *point) / (3.0 * ROBUST_UNITS);
                robust[i] = weights[i] / (1.0 + residual * residual);
            }
            pose = similarity(&self.mean, points, &robust);
        }
        pose
    }

    /// The likely shape nearest to `points` under `pose`, image units.
    pub fn fit(&self, pose: &Pose, points: &[[f64; 2]], weights: &[f64]) -> Vec<[f64; 2]> {
        self.place(pose, &self.amounts(pose, points, weights))
    }

    /// How much of each mode the likely shape nearest to `points` under `pose` has, units.
    pub fn amounts(&self, pose: &Pose, points: &[[f64; 2]], weights: &[f64]) -> Vec<f64> {
        let to_model = pose.to_image.inverse().unwrap_or(Affine::IDENTITY);
        let local: Vec<[f64; 2]> = points.iter().map(|&p| to_model.apply(p)).collect();
        let mut robust = weights.to_vec();
        let mut amounts = Vec::new();
        for _ in 0..ROUNDS {
            amounts = self.regress(&local, &robust);
            for (i, (at, point)) in self.shape(&amounts).into_iter().zip(&local).enumerate() {
                let residual = distance(at, *point) / ROBUST_UNITS;
                robust[i] = weights[i] / (1.0 + residual * residual);
            }
        }
        amounts
    }

    /// The shape with these amounts of the modes under `pose`, in image units.
    pub fn place(&self, pose: &Pose, amounts: &[f64]) -> Vec<[f64; 2]> {
        self.shape(amounts).into_iter().map(|p| pose.to_image.apply(p)).collect()
    }

    /// Weighted ridge regression of the modes on `local`, all in the model's frame.
    fn regress(&self, local: &[[f64; 2]], weights: &[f64]) -> Vec<f64> {
        let count = self.modes.len();
        let mean_weight = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
        let mut normal = vec![vec![0.0; count + 1]; count];
        for a in 0..count {
            for b in 0..count {
                normal[a][b] = (0..local.len())
                    .map(|i| weights[i] * dot(&self.modes[a], &self.modes[b], i))
                    .sum();
            }
            let variance = self.deviations[a] * self.deviations[a];
            normal[a][a] += NOISE_UNITS * NOISE_UNITS * mean_weight.max(1e-9) / variance.max(1e-9);
            let offset = |i: usize| {
                let (dx, dy) = (local[i][0] - self.mean[i][0], local[i][1] - self.mean[i][1]);
                self.modes[a][2 * i] * dx + self.modes[a][2 * i + 1] * dy
            };
            normal[a][count] = (0..local.len()).map(|i| weights[i] * offset(i)).sum();
        }
        solve(normal)
    }

    /// The shape with these amounts of the modes, in the model's frame.
    fn shape(&self, amounts: &[f64]) -> Vec<[f64; 2]> {
        let mut shape = self.mean.clone();
        for (mode, amount) in self.modes.iter().zip(amounts) {
            for (i, point) in shape.iter_mut().enumerate() {
                *point = [point[0] + amount * mode[2 * i], point[1] + amount * mode[2 * i + 1]];
            }
        }
        shape
    }
}

impl Follower {
    /// Reads mean and movements from `values`: `x y` for the mean, then for each mode.
    pub fn from_values(values: &[f32]) -> Self {
        let points = values.chunks_exact(2).map(|p| [p[0], p[1]].map(f64::from));
        let mut points = points.collect::<Vec<_>>().into_iter();
        Self { mean: points.next().unwrap_or_default(), modes: points.collect() }
    }

    /// The values of the patch section.
    pub fn to_values(&self) -> Vec<f32> {
        std::iter::once(&self.mean).chain(&self.modes).flatten().map(|&v| v as f32).collect()
    }

    /// Its position in an image in which the shape has `pose` and `amounts`, image units.
    pub fn place(&self, pose: &Pose, amounts: &[f64]) -> [f64; 2] {
        let moved = |axis: usize| {
            let along = self.modes.iter().zip(amounts).map(|(m, amount)| amount * m[axis]);
            self.mean[axis] + along.sum::<f64>()
        };
        pose.to_image.apply([moved(0), moved(1)])
    }
}

fn dot(a: &[f64], b: &[f64], i: usize) -> f64 {
    a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1]
}

/// Distance of two points.
pub fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Root mean square of distances.
pub(crate) fn rms(distances: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = distances.len().max(1) as f64;
    (distances.map(|d| d * d).sum::<f64>() / count).sqrt()
}

/// The weighted least-squares similarity from `from` to `to` (Umeyama 1991, in the plane).
fn similarity(from: &[[f64; 2]], to: &[[f64; 2]], weights: &[f64]) -> Pose {
    let total = weights.iter().sum::<f64>().max(1e-12);
    let centre = |points: &[[f64; 2]]| {
        let sum = |axis: usize| points.iter().zip(weights).map(|(p, w)| w * p[axis]).sum::<f64>();
        [sum(0) / total, sum(1) / total]
    };
    let (a, b) = (centre(from), centre(to));
    let (mut along, mut across, mut spread) = (0.0, 0.0, 0.0);
    for ((p, q), w) in from.iter().zip(to).zip(weights) {
        let (s, d) = ([p[0] - a[0], p[1] - a[1]], [q[0] - b[0], q[1] - b[1]]);
        along += w * (s[0] * d[0] + s[1] * d[1]);
        across += w * (s[0] * d[1] - s[1] * d[0]);
        spread += w * (s[0] * s[0] + s[1] * s[1]);
    }
    let length = along.hypot(across);
    let (angle, scale) = if length > 1e-9 && spread > 1e-9 {
        (across.atan2(along), length / spread)
    } else {
        (0.0, 1.0)
    };
    Pose { to_image: Affine::similarity(angle, scale, a, b), angle, scale }
}

/// Solves the linear system in the rows `[a | b]` by Gaussian elimination with pivoting.
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let count = rows.len();
    for k in 0..count {
        let pivot =
            (k..count).max_by(|&i, &j| rows[i][k].abs().total_cmp(&rows[j][k].abs())).unwrap_or(k);
        rows.swap(k, pivot);
        let lead = rows[k].clone();
        for row in rows.iter_mut().skip(k + 1) {
            let factor = row[k] / lead[k];
            row.iter_mut().zip(&lead).for_each(|(v, l)| *v -= factor * l);
        }
    }
    let mut solution = vec![0.0; count];
    for k in (0..count).rev() {
        let known: f64 = (k + 1..count).map(|j| rows[k][j] * solution[j]).sum();
        solution[k] = (rows[k][count] - known) / rows[k][k];
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> ShapeModel {
        let mean = vec![[0.0, 0.0], [100.0, 0.0], [100.0, 80.0], [0.0, 80.0], [50.0, 120.0]];
        let mut mode = vec![0.0; 10];
        mode[9] = 1.0;
        ShapeModel { mean, deviations: vec![10.0], modes: vec![mode] }
    }

    #[test]
    fn pose_survives_a_wrong_point() {
        let model = model();
        let truth = Affine::similarity(0.2, 1.1, [0.0, 0.0], [30.0, 40.0]);
        let mut points: Vec<_> = model.mean.iter().map(|&p| truth.apply(p)).collect();
        points[2] = [500.0, -300.0];
        let pose = model.pose(&points, &[1.0; 5]);
        assert!((pose.angle - 0.2).abs() < 0.02 && (pose.scale - 1.1).abs() < 0.02, "{pose:?}");
    }

    #[test]
    fn fit_follows_a_mode_and_not_an_outlier() {
        let model = model();
        let mut points = model.mean.clone();
        points[4][1] += 12.0;
        points[0] = [-40.0, -40.0];
        let pose = Pose { to_image: Affine::IDENTITY, angle: 0.0, scale: 1.0 };
        let shape = model.fit(&pose, &points, &[1.0; 5]);
        assert!(distance(shape[4], points[4]) < 0.5, "{shape:?}");
        assert!(distance(shape[0], [0.0, 0.0]) < 0.5);
    }

    #[test]
    fn one_landmark_is_a_shift() {
        let single = ShapeModel { mean: vec![[3.0, 4.0]], deviations: vec![], modes: vec![] };
        let pose = single.pose(&[[10.0, 20.0]], &[1.0]);
        assert_eq!((pose.angle, pose.scale), (0.0, 1.0));
        assert_eq!(single.fit(&pose, &[[10.0, 20.0]], &[1.0]), [[10.0, 20.0]]);
    }

    #[test]
    fn values_come_back() {
        let model = model();
        let values = model.to_values();
        assert_eq!(values.len(), ShapeModel::len(5, 1));
        assert_eq!(ShapeModel::from_values(5, 1, &values), model);
    }
}
