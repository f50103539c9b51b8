//! Target heat maps and the training loss.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};

/// Writes a Gaussian around `(x, y)` with standard deviation `sigma` cells and sum 1 into `out` `[height,
/// width]`.
///
/// Returns whether at least half of it lies inside; otherwise `out` is zero.
pub fn target(point: [f64; 2], sigma: f64, [width, height]: [usize; 2], out: &mut [f32]) -> bool {
    let bell = |c: f64, n: usize| -> Vec<f32> {
        (0..n).map(|i| (-(i as f64 - c).powi(2) / (2.0 * sigma * sigma)).exp() as f32).collect()
    };
    let (across, down) = (bell(point[0], width), bell(point[1], height));
    let total = across.iter().sum::<f32>() * down.iter().sum::<f32>();
    // A complete Gaussian has the sum 2 π σ²; half of it must be inside.
    let inside = f64::from(total) > std::f64::consts::PI * sigma * sigma;
    let scale = if inside { 1.0 / total } else { 0.0 };
    for (row, d) in out.chunks_exact_mut(width).zip(down) {
        row.iter_mut().zip(&across).for_each(|(o, a)| *o = a * d * scale);
    }
    inside
}

/// Weighted mean cross-entropy of `logits` `[n, cells]` against `targets` `[n, cells]`.
pub fn loss(logits: Tensor<2>, targets: Vec<f32>, weights: &[f32], device: &Device) -> Tensor<1> {
    let [n, cells] = logits.dims();
    let total = weights.iter().sum::<f32>().max(1e-6);
    let targets = Tensor::<2>::from_data(TensorData::new(targets, [n, cells]), device);
    let weights = Tensor::<2>::from_data(TensorData::new(weights.to_vec(), [n, 1]), device);
    (log_softmax(logits, 1) * targets * weights).sum().neg().div_scalar(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_to_one_inside_and_to_zero_outside() {
        let mut map = vec![0.0; 40 * 30];
        assert!(target([12.3, 20.0], 1.5, [40, 30], &mut map));
        assert!((map.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        assert!(!target([-9.0, 20.0], 1.5, [40, 30], &mut map));
        assert!(map.iter().all(|v| *v == 0.0));
    }

    #[test]
    fn loss_of_a_certain_right_answer_is_small() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_data(
            TensorData::new(vec![20.0f32, 0.0, 0.0, 0.0, 20.0, 0.0], [2, 3]),
            &device,
        );
        let right = loss(logits.clone(), vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0], &[1.0, 0.5], &device);
        let wrong = loss(logits, vec![0.0, 1.0, 0.0, 0.0, 1.0, 0.0], &[1.0, 0.5], &device);
        assert!(right.into_scalar::<f32>() < 1e-3);
        assert!(wrong.into_scalar::<f32>() > 10.0);
    }
}
