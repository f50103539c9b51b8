//! Trains the orientation classifier without labels: every training image against its own mirror image.
//!
//! Heat maps cannot detect mirroring of nearly symmetric anatomy, such as a frontal chest. The asymmetric
//! structures there (heart, gastric bubble, liver) are visible in the trunk's features. A ridge regression
//! maps them to 1 for an image and to -1 for its mirror image. It assumes that the training images are
//! oriented correctly.

use fiducia::Error;
use fiducia::pack::FullImageInput;
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

use super::coarse::backbone_input;
use crate::material::Material;
use crate::nets::Side;
use crate::statistics::{Rank, order_statistic};

/// Ridge parameter, as a fraction of the mean squared norm of the feature vectors.
const RIDGE: f64 = 0.3;
/// Folds of the cross-validation: each image is classified by a model trained on the other folds.
const PARTS: usize = 10;
/// Largest fraction of the training images below the limit.
const REFUSED: f64 = 0.01;

/// The classifier, and the least output of an image that is accepted: 0, half way between image and mirror
/// image, or lower if more than one in a hundred training images would be refused there. For symmetric
/// anatomy the limit becomes so low that nothing is refused.
///
/// # Errors
/// Errors of the trunk.
pub fn learn_side(m: &Material<'_>, frame: &FullImageInput) -> Result<(Side, f64), Error> {
    let runner = m.trunk.runner(frame.width, frame.height)?;
    let size = Side::size(frame.width, frame.height);
    let both = |pyramid| {
        let mut input = backbone_input(pyramid, frame);
        let seen = Side::means(&runner.run(&input)?);
        input.chunks_exact_mut(frame.width).for_each(<[f32]>::reverse);
        Ok([seen, Side::means(&runner.run(&input)?)])
    };
    let seen: Result<Vec<[Vec<f64>; 2]>, Error> = m.pyramids.par_iter().map(both).collect();
    // All images, then all mirror images.
    let seen = seen?;
    let rows: Vec<&Vec<f64>> =
        [0, 1].into_iter().flat_map(|i| seen.iter().map(move |pair| &pair[i])).collect();
    Ok(learn(&rows, size))
}

/// As [`learn_side`], from the pooled features of all images followed by those of all mirror images.
fn learn(rows: &[&Vec<f64>], size: [usize; 2]) -> (Side, f64) {
    let (images, values) = (rows.len() / 2, rows[0].len());
    let (middle, spread) = moments(rows, size[0] * size[1]);
    let x = DMatrix::from_fn(rows.len(), values, |i, k| (rows[i][k] - middle[k]) / spread[k]);
    let products = &x * x.transpose();
    let ridge = RIDGE * products.trace() / rows.len() as f64;
    let target = |row: usize| if row < images { 1.0 } else { -1.0 };

    let mut sides = vec![0.0; rows.len()];
    for part in 0..PARTS {
        let (out, others): (Vec<usize>, Vec<usize>) =
            (0..rows.len()).partition(|row| row % images % PARTS == part);
        let duals = solve(&products, &others, ridge, target);
        for row in out {
            sides[row] = others.iter().zip(&duals).map(|(&o, s)| products[(row, o)] * s).sum();
        }
    }
    let limit = limit(&sides[..images]);
    let caught = sides[images..].iter().filter(|&&side| side < limit).count();
    log::info!("side: {caught} of {images} mirrored training images lie below {limit:.2}");

    let all: Vec<usize> = (0..rows.len()).collect();
    let duals = DVector::from_vec(solve(&products, &all, ridge, target));
    let weights: Vec<f64> =
        (x.transpose() * duals).iter().zip(&spread).map(|(w, s)| w / s).collect();
    let bias = -weights.iter().zip(&middle).map(|(w, m)| w * m).sum::<f64>();
    let weights = weights.into_iter().map(|w| w as f32).collect();
    (Side { weights, size, bias: bias as f32 }, limit)
}

fn limit(sides: &[f64]) -> f64 {
    let lowest = order_statistic(sides.to_vec(), REFUSED, Rank::Lower, f64::total_cmp);
    lowest.map_or(0.0, |limit| limit.min(0.0))
}

/// The dual coefficient of each row in `of`.
fn solve(
    products: &DMatrix<f64>,
    of: &[usize],
    ridge: f64,
    target: impl Fn(usize) -> f64,
) -> Vec<f64> {
    let own = |i: usize, j: usize| if i == j { ridge } else { 0.0 };
    let matrix = DMatrix::from_fn(of.len(), of.len(), |i, j| products[(of[i], of[j])] + own(i, j));
    let right = DVector::from_iterator(of.len(), of.iter().map(|&row| target(row)));
    // A Gram matrix plus a ridge is positive definite, except when all images are identical.
    matrix.cholesky().map_or(vec![0.0; of.len()], |c| c.solve(&right).iter().copied().collect())
}

/// Mean of every feature, and standard deviation of its feature map; `cells` features make up a map.
fn moments(rows: &[&Vec<f64>], cells: usize) -> (Vec<f64>, Vec<f64>) {
    let values = rows[0].len();
    let mean =
        |f: &dyn Fn(&[f64]) -> f64| rows.iter().map(|r| f(r)).sum::<f64>() / rows.len() as f64;
    let middle: Vec<f64> = (0..values).map(|k| mean(&|row| row[k])).collect();
    let mut spread = Vec::with_capacity(values);
    for map in (0..values).step_by(cells) {
        let square = |row: &[f64]| {
            (map..map + cells).map(|k| (row[k] - middle[k]).powi(2)).sum::<f64>() / cells as f64
        };
        spread.extend(vec![mean(&square).sqrt().max(1e-6); cells]);
    }
    (middle, spread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::rng::{item_rng, normal};

    /// Images with one row of two features that differ by `gap` between left and right, and their mirror
    /// images.
    fn rows(count: usize, gap: f64) -> Vec<Vec<f64>> {
        let mut rng = item_rng(3, "side", 0, 0);
        let mut noise = || normal(&mut rng, 1.0);
        let images: Vec<[f64; 2]> = (0..count).map(|_| [gap + noise(), noise()]).collect();
        let mirrored = images.iter().map(|[a, b]| vec![*b, *a]);
        images.iter().map(|i| i.to_vec()).chain(mirrored.collect::<Vec<_>>()).collect()
    }

    fn told(gap: f64) -> (f64, f64) {
        let rows = rows(200, gap);
        let (side, limit) = learn(&rows.iter().collect::<Vec<_>>(), [1, 2]);
        let fraction = |rows: &[Vec<f64>]| {
            rows.iter().filter(|means| side.of(means) < limit).count() as f64 / rows.len() as f64
        };
        (fraction(&rows[..200]), fraction(&rows[200..]))
    }

    #[test]
    fn what_is_lopsided_is_told_apart() {
        let (upright, mirrored) = told(10.0);
        assert_eq!((upright, mirrored), (0.0, 1.0));
    }

    #[test]
    fn what_is_symmetrical_is_hardly_refused() {
        let (upright, mirrored) = told(0.0);
        assert!(upright <= 0.02 && mirrored <= 0.05, "{upright} {mirrored}");
    }
}
