//! All images of a set in one frame: that of the image which is most similar to all others.

use fiducia_kernels::Affine;
use rayon::prelude::*;

use crate::correspond::align::align_all;
use crate::correspond::aligned;
use crate::correspond::flow::Levels;
use crate::correspond::frame::Grid;
use crate::framing::Framing;
use crate::progress::Progress;
use crate::pyramid::{FLOW, ImagePyramid, ROUGH, normalised};
use crate::statistics::median;

/// Fraction of the image left out at each border, where collimation and markers are.
const MARGIN: f64 = 0.08;
/// Local normalisation window of the rough planes, px.
const ROUGH_RADIUS: usize = 5;
/// Distance of the points where measures are sampled, px of the frame.
const SPARSE: usize = 5;

/// Every image, aligned to one of them and locally normalised.
#[derive(Debug)]
pub(super) struct CommonFrame {
    /// The images on a grid of [`FLOW`] normalised units.
    pub images: Vec<Levels>,
    /// Mean correlation of each image with all others, −1 to 1.
    pub typicality: Vec<f64>,
    /// Sample points with weights: how much of the local structure all images have in common. The weights sum
    /// to 1.
    pub anatomy: Vec<([f64; 2], f64)>,
}

impl CommonFrame {
    /// Chooses the reference and aligns all `pyramids` to it.
    pub(super) fn new(pyramids: &[ImagePyramid], progress: &Progress) -> Self {
        let reference = largest(&rough_typicality(pyramids));
        let alignments = align_all(pyramids, reference, Framing::default(), progress);
        let (low, high) = inner(&pyramids[reference]);
        let grid = Grid::around(&[low, high], 0.0, FLOW, 4);
        let images: Vec<Levels> =
            pyramids.par_iter().zip(&alignments).map(|(v, a)| aligned(v, a, &grid)).collect();
        let planes: Vec<&[f32]> = images.iter().map(Levels::finest).collect();
        let mean = mean_of(&planes);
        let typicality = correlation_with_others(&planes);
        Self { typicality, anatomy: anatomy(&mean, grid.size), images }
    }

    /// The values of image `n`, `[height, width]`.
    pub(super) fn plane(&self, n: usize) -> &[f32] {
        self.images[n].finest()
    }

    /// Weighted mean of a length in px of the frame, converted to normalised units.
    pub(super) fn mean_on_anatomy(&self, length_px: impl Fn([f64; 2]) -> f64) -> f64 {
        self.anatomy.iter().map(|&(p, weight)| weight * length_px(p)).sum::<f64>() * FLOW
    }
}

/// Mean correlation of every image with all others, centres aligned.
fn rough_typicality(pyramids: &[ImagePyramid]) -> Vec<f64> {
    let extent = |pyramid: &ImagePyramid, axis: usize| {
        let (low, high) = inner(pyramid);
        high[axis] - low[axis]
    };
    let usual = |axis: usize| median(pyramids.iter().map(|v| extent(v, axis)).collect());
    let size = [0, 1].map(|axis| ((usual(axis) / ROUGH) as usize).max(1));
    let read = |pyramid: &ImagePyramid| {
        let (low, high) = inner(pyramid);
        let corner =
            |axis: usize| (low[axis] + high[axis]) / 2.0 - ROUGH * (size[axis] as f64 - 1.0) / 2.0;
        let to_unit = Affine::shift(corner(0), corner(1)).after(&Affine::scale(ROUGH, ROUGH));
        normalised(pyramid.sample(&pyramid.rough, &to_unit, size), size, ROUGH_RADIUS)
    };
    let planes: Vec<Vec<f32>> = pyramids.par_iter().map(read).collect();
    correlation_with_others(&planes.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// First and last corner of what lies inside the margin, normalised units.
fn inner(pyramid: &ImagePyramid) -> ([f64; 2], [f64; 2]) {
    let at =
        |fraction: f64| pyramid.to_unit.apply(pyramid.size_px.map(|s| fraction * (s as f64 - 1.0)));
    (at(MARGIN), at(1.0 - MARGIN))
}

/// Mean correlation of each plane with all others: its correlation with their normalised sum.
fn correlation_with_others(planes: &[&[f32]]) -> Vec<f64> {
    let unit: Vec<Vec<f32>> = planes.par_iter().map(|p| unit_length(p)).collect();
    let mean = mean_of(&unit.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let n = planes.len() as f64;
    unit.par_iter().map(|u| (n * dot(u, &mean) - 1.0) / (n - 1.0).max(1.0)).collect()
}

fn unit_length(plane: &[f32]) -> Vec<f32> {
    let length = dot(plane, plane).sqrt().max(1e-9);
    plane.iter().map(|&v| (f64::from(v) / length) as f32).collect()
}

fn mean_of(planes: &[&[f32]]) -> Vec<f32> {
    let mut mean = vec![0.0; planes.first().map_or(0, |p| p.len())];
    for plane in planes {
        mean.iter_mut().zip(*plane).for_each(|(m, v)| *m += v / planes.len() as f32);
    }
    mean
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// Correlation of two planes, −1 to 1.
pub(super) fn correlation(a: &[f32], b: &[f32]) -> f64 {
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-9)
}

/// Sample points of the frame, weighted by the local power of the mean image. The images are normalised to a
/// local variance of 1, so this is the fraction of structure that all of them fraction.
fn anatomy(mean: &[f32], [width, height]: [usize; 2]) -> Vec<([f64; 2], f64)> {
    let power = |x: usize, y: usize| {
        let cells = (0..SPARSE * SPARSE).map(|i| (y + i / SPARSE) * width + x + i % SPARSE);
        cells.map(|i| f64::from(mean[i] * mean[i])).sum::<f64>()
    };
    let starts = |size: usize| (0..(size + 1).saturating_sub(SPARSE)).step_by(SPARSE);
    let middle = (SPARSE as f64 - 1.0) / 2.0;
    let mut points: Vec<([f64; 2], f64)> = starts(height)
        .flat_map(|y| starts(width).map(move |x| (x, y)))
        .map(|(x, y)| ([x as f64 + middle, y as f64 + middle], power(x, y)))
        .collect();
    let total = points.iter().map(|p| p.1).sum::<f64>().max(1e-12);
    points.iter_mut().for_each(|p| p.1 /= total);
    points
}

/// Index of the largest value; the first of several equal ones.
fn largest(values: &[f64]) -> usize {
    (0..values.len()).rev().max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or(0)
}
