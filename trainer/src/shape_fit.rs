//! Learns the statistical shape model from noisy labels, and regularises the labels with it.

use fiducia::shape::{Pose, ShapeModel, distance};
use nalgebra::{DMatrix, SymmetricEigen};

use crate::labels::{Labels, cauchy_weight};
use crate::statistics::median;

/// Most modes of variation of the model.
const MODES: usize = 8;
/// Deviations from the median shape are clipped to this length before the modes are computed, normalised
/// units.
const PULL: f64 = 12.0;
/// Distance to the fitted shape that halves a label's weight, normalised units.
const HALF_WEIGHT: f64 = 2.5;
/// Labels farther than this from the fitted shape are replaced by it, normalised units.
const GROSS: f64 = 7.0;
/// Iterations of alignment and averaging.
const ROUNDS: usize = 3;

/// Learns mean and modes from `points` (`[image][landmark]`, normalised units); the frame is that of `start`.
pub fn learn_shape(
    points: &[Vec<[f64; 2]>],
    weights: &[Vec<f64>],
    start: &[[f64; 2]],
) -> ShapeModel {
    let landmarks = start.len();
    let mut model = ShapeModel { mean: start.to_vec(), deviations: Vec::new(), modes: Vec::new() };
    let mut aligned = Vec::new();
    for _ in 0..ROUNDS {
        aligned = points
            .iter()
            .zip(weights)
            .map(|(p, w)| into_frame(&model.pose(p, w), p))
            .collect::<Vec<_>>();
        let middle = |l: usize, axis: usize| median(aligned.iter().map(|p| p[l][axis]).collect());
        model.mean = (0..landmarks).map(|l| [middle(l, 0), middle(l, 1)]).collect();
    }
    find_modes(&mut model, &aligned);
    // Gross errors cause modes of their own: replace them by the fitted shape and compute the modes again.
    let upright = Pose { to_image: fiducia_kernels::Affine::IDENTITY, angle: 0.0, scale: 1.0 };
    for _ in 0..ROUNDS {
        for (shape, weights) in aligned.iter_mut().zip(weights) {
            let likely = model.fit(&upright, shape, weights);
            let far = shape.iter_mut().zip(likely).filter(|(p, q)| distance(**p, *q) > GROSS);
            far.for_each(|(p, q)| *p = q);
        }
        find_modes(&mut model, &aligned);
    }
    model
}

/// Principal components of the `aligned` shapes about the model's mean.
fn find_modes(model: &mut ShapeModel, aligned: &[Vec<[f64; 2]>]) {
    let axes = 2 * model.mean.len();
    let rows: Vec<Vec<f64>> = aligned.iter().map(|p| deviations(p, &model.mean)).collect();
    let data = DMatrix::from_fn(rows.len(), axes, |i, j| rows[i][j]);
    let eigen = SymmetricEigen::new(data.transpose() * &data / rows.len() as f64);
    let mut order: Vec<usize> = (0..axes).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    // A similarity has four degrees of freedom. At most half of the others may vary, or the model would
    // reproduce every error. There are fewer modes than images.
    let count = MODES.min(axes.saturating_sub(4) / 2).min(rows.len().saturating_sub(1));
    model.deviations =
        order[..count].iter().map(|&k| eigen.eigenvalues[k].max(0.0).sqrt()).collect();
    model.modes = order[..count]
        .iter()
        .map(|&k| eigen.eigenvectors.column(k).iter().copied().collect())
        .collect();
}

/// Reduces the weight of labels far from the fitted shape and replaces gross errors by it.
pub fn regularise(labels: &mut Labels, model: &ShapeModel) {
    for (points, weights) in labels.points.iter_mut().zip(&mut labels.weights) {
        let pose = model.pose(points, weights);
        let likely = model.fit(&pose, points, weights);
        for ((point, weight), likely) in points.iter_mut().zip(weights).zip(likely) {
            *weight *= cauchy_weight(*point, likely, HALF_WEIGHT);
            if distance(*point, likely) > GROSS {
                *point = likely;
            }
        }
    }
}

fn into_frame(pose: &Pose, points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let back = pose.to_image.inverse().unwrap_or(fiducia_kernels::Affine::IDENTITY);
    points.iter().map(|&p| back.apply(p)).collect()
}

fn deviations(points: &[[f64; 2]], mean: &[[f64; 2]]) -> Vec<f64> {
    let pulled = |(p, m): (&[f64; 2], &[f64; 2])| {
        let d = [p[0] - m[0], p[1] - m[1]];
        let shorten = (PULL / d[0].hypot(d[1]).max(1e-9)).min(1.0);
        [d[0] * shorten, d[1] * shorten]
    };
    points.iter().zip(mean).flat_map(pulled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fiducia_kernels::Affine;

    fn sample_labels() -> (Labels, Vec<[f64; 2]>) {
        let around = |k: i32| f64::from(k) * std::f64::consts::PI / 6.0;
        let mean: Vec<[f64; 2]> =
            (0..12).map(|k| [60.0 * around(k).cos(), 80.0 * around(k).sin()]).collect();
        let mut labels = Labels::default();
        for n in 0..20 {
            let pose = Affine::similarity(
                0.01 * n as f64,
                1.0 + 0.01 * n as f64,
                [0.0; 2],
                [n as f64, 30.0],
            );
            let mut shape = mean.clone();
            shape[4][1] += (n as f64 - 10.0) * 0.8;
            labels.points.push(shape.iter().map(|&p| pose.apply(p)).collect());
            labels.weights.push(vec![1.0; 12]);
        }
        (labels, mean)
    }

    #[test]
    fn a_gross_error_is_replaced_and_doubted() {
        let (mut labels, mean) = sample_labels();
        let right = labels.points[3][1];
        labels.points[3][1] = [right[0] + 30.0, right[1]];
        let model = learn_shape(&labels.points, &labels.weights, &mean);
        regularise(&mut labels, &model);
        assert!(distance(labels.points[3][1], right) < 3.0, "{:?} {right:?}", labels.points[3][1]);
        assert!(labels.weights[3][1] < 0.1);
        assert!(labels.weights[5][1] > 0.5);
    }

    #[test]
    fn modes_are_unit_vectors_by_falling_spread() {
        let (labels, mean) = sample_labels();
        let model = learn_shape(&labels.points, &labels.weights, &mean);
        assert!(model.deviations.windows(2).all(|w| w[0] >= w[1]));
        for mode in &model.modes {
            assert!((mode.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}
