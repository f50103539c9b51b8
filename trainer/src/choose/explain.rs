//! How well one image registers to others, and they back to it.

use fiducia::shape::distance;
use nalgebra::{Matrix3, Matrix3x2, Vector3};
use serde::Serialize;

use super::frame::{CommonFrame, correlation};
use crate::correspond::flow::{Field, register};

/// A round trip that misses its start by more than this counts as lost, normalised units.
const LOST: f64 = 16.0;

/// Registration quality of one image, the mean over the other images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Explained {
    /// Correlation after the others are warped onto it, −1 to 1; higher is better.
    pub correlation: f64,
    /// Mean displacement that no affine map explains, normalised units; lower is better.
    pub deformation: f64,
    /// Mean distance from a point to its round trip there and back, normalised units; lower is better.
    pub cycle: f64,
}

/// Registers image `from` to each of `others` and back.
pub(super) fn explain(frame: &CommonFrame, from: usize, others: &[usize]) -> Explained {
    let mut sum = Explained::default();
    let mut count = 0.0;
    for &to in others.iter().filter(|&&n| n != from) {
        let there = register(&frame.images[from], &frame.images[to]);
        let back = register(&frame.images[to], &frame.images[from]);
        sum.correlation += correlation(frame.plane(from), &warped(frame.plane(to), &there));
        sum.deformation += deformation(frame, &there);
        sum.cycle += cycle(frame, &there, &back);
        count += 1.0;
    }
    let mean = |v: f64| v / f64::max(count, 1.0);
    Explained {
        correlation: mean(sum.correlation),
        deformation: mean(sum.deformation),
        cycle: mean(sum.cycle),
    }
}

/// `plane` warped by `field`.
fn warped(plane: &[f32], field: &Field) -> Vec<f32> {
    let [w, _] = field.size;
    let read = |i: usize| {
        let x = (i % w) as f64 + f64::from(field.shift[0][i]);
        let y = (i / w) as f64 + f64::from(field.shift[1][i]);
        fiducia_kernels::sample(plane, field.size, x, y)
    };
    (0..plane.len()).map(read).collect()
}

/// Mean length of the displacements on the anatomy after subtraction of their best affine map, normalised
/// units.
fn deformation(frame: &CommonFrame, field: &Field) -> f64 {
    let row = |p: [f64; 2]| Vector3::new(p[0], p[1], 1.0);
    let (mut normal, mut right) = (Matrix3::zeros(), Matrix3x2::zeros());
    for &(p, weight) in &frame.anatomy {
        normal += weight * row(p) * row(p).transpose();
        right += weight * row(p) * nalgebra::RowVector2::from(field.at(p));
    }
    let affine = normal.cholesky().map_or(Matrix3x2::zeros(), |c| c.solve(&right));
    frame.mean_on_anatomy(|p| {
        let explained = affine.transpose() * row(p);
        distance(field.at(p), explained.into())
    })
}

/// Mean distance on the anatomy from a point to its round trip through `there` and `back`, normalised units.
fn cycle(frame: &CommonFrame, there: &Field, back: &Field) -> f64 {
    let follow = |field: &Field, p: [f64; 2]| {
        let d = field.at(p);
        [p[0] + d[0], p[1] + d[1]]
    };
    frame.mean_on_anatomy(|p| distance(p, follow(back, follow(there, p)))).min(LOST)
}
