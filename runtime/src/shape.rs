//! The shape model: mean positions of the landmarks and how they vary together (Cootes et al. 1995).
//!
//! It gives the pose of the anatomy, so that regions of interest are cut upright and at one size; it replaces gross
//! outliers among the coarse points; and it measures how unusual a shape is.

use fiducia_kernels::Affine;
use fiducia_kernels::pose::{Place, Shape, Work, fit_pose};
pub use fiducia_kernels::pose::{Pose, distance};

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
pub struct DerivedLandmark {
    /// Mean position in the frame of the mean shape, units.
    pub mean: [f64; 2],
    /// Movement with each mode, units per unit of the mode's amount.
    pub modes: Vec<[f64; 2]>,
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
        fit_pose(&self.mean, points, weights, &mut vec![0.0; points.len()])
    }

    /// The likely shape nearest to `points` under `pose`, image units.
    pub fn fit(&self, pose: &Pose, points: &[[f64; 2]], weights: &[f64]) -> Vec<[f64; 2]> {
        self.place(pose, &self.amounts(pose, points, weights))
    }

    /// How much of each mode the likely shape nearest to `points` under `pose` has, units.
    pub fn amounts(&self, pose: &Pose, points: &[[f64; 2]], weights: &[f64]) -> Vec<f64> {
        let to_model = pose.to_image.inverse().unwrap_or(Affine::IDENTITY);
        let local: Vec<[f64; 2]> = points.iter().map(|&p| to_model.apply(p)).collect();
        let modes = self.modes.len();
        let mut robust = vec![0.0; points.len()];
        let mut system = vec![0.0; Shape::<Vec<f64>>::system_len(modes)];
        let mut amounts = vec![0.0; modes];
        let work = Work { robust: &mut robust, system: &mut system };
        self.shape().fit(&local, weights, work, &mut amounts);
        amounts
    }

    /// The shape with these amounts of the modes under `pose`, in image units.
    pub fn place(&self, pose: &Pose, amounts: &[f64]) -> Vec<[f64; 2]> {
        let shape = self.shape();
        (0..self.mean.len()).map(|i| pose.to_image.apply(shape.point(i, amounts))).collect()
    }

    /// The model as the kernels read it.
    pub(crate) fn shape(&self) -> Shape<'_, Vec<f64>> {
        Shape { mean: &self.mean, deviations: &self.deviations, modes: &self.modes }
    }
}

impl DerivedLandmark {
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
        self.expected().among(&[], pose, amounts)
    }

    /// The derived as the kernels read it.
    pub(crate) fn expected(&self) -> Place<'_> {
        Place::Derived { mean: self.mean, modes: &self.modes }
    }
}

/// Root mean square of distances.
pub(crate) fn rms(distances: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = distances.len().max(1) as f64;
    (distances.map(|d| d * d).sum::<f64>() / count).sqrt()
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
