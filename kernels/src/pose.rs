//! The pose of a shape model in an image: the reference implementation of the fits in pose.wgsl.
//!
//! A shape model (Cootes et al. 1995) is a mean shape and modes of variation, in units, in a frame of its own. Two fits
//! use it, both robust by iteratively reweighted least squares: that of its pose (a similarity) and that of its modes.
//! Nothing here allocates: callers provide the working memory.

use crate::affine::Affine;
use crate::math;

/// Rounds of reweighting in both fits.
pub const ROUNDS: usize = 6;
/// A residual of this size halves the weight of a point in the fit of the pose, units.
pub const POSE_ROBUST_UNITS: f64 = 9.0;
/// A residual of this size halves the weight of a point in the fit of the modes, units.
pub const SHAPE_ROBUST_UNITS: f64 = 3.0;
/// Assumed standard deviation of a position in the fit of the modes, units.
pub const NOISE_UNITS: f64 = 1.0;

/// The place of the mean shape in an image, as a similarity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// From the frame of the mean shape to image units.
    pub to_image: Affine,
    /// Rotation, radians, x towards y.
    pub angle: f64,
    /// Size relative to the mean shape.
    pub scale: f64,
}

/// A shape model of `n` landmarks.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a, M> {
    /// Mean position of each landmark, units; `[n]`.
    pub mean: &'a [[f64; 2]],
    /// Standard deviation along each mode, units.
    pub deviations: &'a [f64],
    /// Each mode, a unit vector of `x0, y0, x1, y1, …`; `[modes][2 n]`.
    pub modes: &'a [M],
}

/// The expected position of a landmark.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// That of a landmark of the shape model.
    ModelLandmark(usize),
    /// Derived from the shape of the model landmarks.
    Derived {
        /// Mean position in the frame of the mean shape, units.
        mean: [f64; 2],
        /// Movement with each mode, units per unit of the mode's amount.
        modes: &'a [[f64; 2]],
    },
}

impl Place<'_> {
    /// The position in an image in which the `model_landmarks` have these positions, and their shape this pose and these
    /// amounts of the modes; units.
    pub fn among(&self, model_landmarks: &[[f64; 2]], pose: &Pose, amounts: &[f64]) -> [f64; 2] {
        match *self {
            Self::ModelLandmark(model_landmark) => model_landmarks[model_landmark],
            Self::Derived { mean, modes } => {
                let moved = |axis: usize| {
                    let along = modes.iter().zip(amounts).map(|(m, amount)| amount * m[axis]);
                    mean[axis] + along.sum::<f64>()
                };
                pose.to_image.apply([moved(0), moved(1)])
            }
        }
    }
}

/// Distance of two points.
pub fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    math::hypot(a[0] - b[0], a[1] - b[1])
}

/// The weighted least-squares similarity from `from` to `to` (Umeyama 1991, in the plane).
///
/// With fewer than two points, or all of them in one place, it is a shift.
pub fn similarity(from: &[[f64; 2]], to: &[[f64; 2]], weights: &[f64]) -> Pose {
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
    let length = math::hypot(along, across);
    let (angle, scale) = if length > 1e-9 && spread > 1e-9 {
        (math::atan2(across, along), length / spread)
    } else {
        (0.0, 1.0)
    };
    Pose { to_image: Affine::similarity(angle, scale, a, b), angle, scale }
}

/// Fits the mean shape `mean` to `points` (image units); points far from it count less.
///
/// All slices have one value for each landmark; `robust` is working memory, left with the final weights.
pub fn fit_pose(
    mean: &[[f64; 2]],
    points: &[[f64; 2]],
    weights: &[f64],
    robust: &mut [f64],
) -> Pose {
    robust.copy_from_slice(weights);
    let mut pose = similarity(mean, points, robust);
    for _ in 0..ROUNDS {
        for (i, point) in points.iter().enumerate() {
            let residual = distance(pose.to_image.apply(mean[i]), *point) / POSE_ROBUST_UNITS;
            robust[i] = weights[i] / (1.0 + residual * residual);
        }
        pose = similarity(mean, points, robust);
    }
    pose
}

/// Working memory of [`Shape::fit`].
#[derive(Debug)]
pub struct Work<'a> {
    /// The weights of the last round; `[n]`.
    pub robust: &'a mut [f64],
    /// The normal equations; `[modes][modes + 1]`.
    pub system: &'a mut [f64],
}

impl<M: AsRef<[f64]>> Shape<'_, M> {
    /// Values of the normal equations in [`Work`].
    pub const fn system_len(modes: usize) -> usize {
        modes * (modes + 1)
    }

    /// Fits the modes to `local`, points in the frame of the model; points far from the shape count less. Writes the amount
    /// of each mode, units, to `amounts`.
    pub fn fit(&self, local: &[[f64; 2]], weights: &[f64], work: Work<'_>, amounts: &mut [f64]) {
        let Work { robust, system } = work;
        robust.copy_from_slice(weights);
        for _ in 0..ROUNDS {
            self.regress(local, robust, system, amounts);
            for (i, point) in local.iter().enumerate() {
                let residual = distance(self.point(i, amounts), *point) / SHAPE_ROBUST_UNITS;
                robust[i] = weights[i] / (1.0 + residual * residual);
            }
        }
    }

    /// Landmark number `i` of the shape with these amounts of the modes, in the frame of the model.
    pub fn point(&self, i: usize, amounts: &[f64]) -> [f64; 2] {
        let mut point = self.mean[i];
        for (mode, amount) in self.modes.iter().zip(amounts) {
            let mode = mode.as_ref();
            point = [point[0] + amount * mode[2 * i], point[1] + amount * mode[2 * i + 1]];
        }
        point
    }

    /// The ridge of a mode, relative to the mean weight of the points: variance of the noise by variance of the mode.
    pub fn ridge(&self, mode: usize) -> f64 {
        NOISE_UNITS * NOISE_UNITS / self.variance(mode)
    }

    fn variance(&self, mode: usize) -> f64 {
        (self.deviations[mode] * self.deviations[mode]).max(1e-9)
    }

    /// Weighted ridge regression of the modes on `local`.
    fn regress(
        &self,
        local: &[[f64; 2]],
        weights: &[f64],
        system: &mut [f64],
        amounts: &mut [f64],
    ) {
        let count = self.modes.len();
        let mean_weight = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
        for (a, row) in system.chunks_exact_mut(count + 1).enumerate() {
            let mode = self.modes[a].as_ref();
            for (b, cell) in row[..count].iter_mut().enumerate() {
                let other = self.modes[b].as_ref();
                *cell = (0..local.len()).map(|i| weights[i] * dot(mode, other, i)).sum();
            }
            row[a] += NOISE_UNITS * NOISE_UNITS * mean_weight.max(1e-9) / self.variance(a);
            let offset = |i: usize| {
                let (dx, dy) = (local[i][0] - self.mean[i][0], local[i][1] - self.mean[i][1]);
                mode[2 * i] * dx + mode[2 * i + 1] * dy
            };
            row[count] = (0..local.len()).map(|i| weights[i] * offset(i)).sum();
        }
        solve(system, amounts);
    }
}

fn dot(a: &[f64], b: &[f64], i: usize) -> f64 {
    a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1]
}

/// Solves the linear system in the rows `[a | b]` of `system` by Gaussian elimination with partial pivoting, in place.
fn solve(system: &mut [f64], solution: &mut [f64]) {
    let count = solution.len();
    let width = count + 1;
    for k in 0..count {
        let size = |row: usize| system[row * width + k].abs();
        let pivot = (k..count).max_by(|&i, &j| size(i).total_cmp(&size(j))).unwrap_or(k);
        for column in k..width {
            system.swap(k * width + column, pivot * width + column);
        }
        for row in k + 1..count {
            let factor = system[row * width + k] / system[k * width + k];
            for column in k..width {
                system[row * width + column] -= factor * system[k * width + column];
            }
        }
    }
    for k in (0..count).rev() {
        let known: f64 = (k + 1..count).map(|j| system[k * width + j] * solution[j]).sum();
        solution[k] = (system[k * width + count] - known) / system[k * width + k];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEAN: [[f64; 2]; 5] =
        [[0.0, 0.0], [100.0, 0.0], [100.0, 80.0], [0.0, 80.0], [50.0, 120.0]];

    #[test]
    fn the_pose_ignores_a_wrong_point() {
        let truth = Affine::similarity(0.2, 1.1, [0.0, 0.0], [30.0, 40.0]);
        let mut points = MEAN.map(|p| truth.apply(p));
        points[2] = [500.0, -300.0];
        let mut robust = [0.0; 5];
        let pose = fit_pose(&MEAN, &points, &[1.0; 5], &mut robust);
        assert!((pose.angle - 0.2).abs() < 0.02 && (pose.scale - 1.1).abs() < 0.02, "{pose:?}");
        assert!(robust[2] < 1e-3, "{robust:?}");
    }

    #[test]
    fn the_modes_follow_the_points_and_not_an_outlier() {
        let modes = [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], {
            let half = 0.5f64;
            [half, 0.0, -half, 0.0, half, 0.0, -half, 0.0, 0.0, 0.0]
        }];
        let shape = Shape { mean: &MEAN, deviations: &[10.0, 10.0], modes: &modes };
        let mut points = MEAN;
        points[4][1] += 12.0;
        points[0] = [-40.0, -40.0];
        let (mut robust, mut system, mut amounts) = ([0.0; 5], [0.0; 6], [0.0; 2]);
        let work = Work { robust: &mut robust, system: &mut system };
        shape.fit(&points, &[1.0; 5], work, &mut amounts);
        assert!((amounts[0] - 12.0).abs() < 0.5 && amounts[1].abs() < 0.5, "{amounts:?}");
        assert!(distance(shape.point(4, &amounts), points[4]) < 0.5);
    }

    #[test]
    fn one_point_is_a_shift() {
        let pose = fit_pose(&[[3.0, 4.0]], &[[10.0, 20.0]], &[1.0], &mut [0.0]);
        assert_eq!((pose.angle, pose.scale), (0.0, 1.0));
        assert_eq!(pose.to_image.apply([3.0, 4.0]), [10.0, 20.0]);
    }

    #[test]
    fn a_system_is_solved_with_a_zero_on_its_diagonal() {
        // 2 y = 4, 3 x + y = 5.
        let (mut system, mut solution) = ([0.0, 2.0, 4.0, 3.0, 1.0, 5.0], [0.0; 2]);
        solve(&mut system, &mut solution);
        assert_eq!(solution, [1.0, 2.0]);
    }
}
