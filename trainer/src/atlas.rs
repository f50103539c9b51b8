//! The atlas: the training images warped onto their mean shape and averaged. It shows typical anatomy but no
//! real patient, so it can be published where a radiograph may not.

use fiducia::Error;
use fiducia::pack::Scale;
use fiducia::preprocess::Grey;
use fiducia_kernels::Affine;
use rayon::prelude::*;

use crate::correspond::align::{Alignment, align_all};
use crate::correspond::aligned;
use crate::correspond::flow::{Field, register};
use crate::correspond::frame::Grid;
use crate::framing::Framing;
use crate::progress::Progress;
use crate::pyramid::{FLOW, ImagePyramid};
use crate::statistics::median;

/// Images that are averaged: the best-aligned ones, for a sharp result.
const IMAGES: usize = 60;
/// Fraction of the images that must show a point for it to be drawn.
const COVER: f64 = 0.3;
/// Iterations that invert the mean deformation.
const ROUNDS: usize = 8;
/// Strength and radius (px) of the unsharp mask; averaging softens every edge.
const SHARPEN: (f32, usize) = (1.0, 4);

/// An image of the mean anatomy with its landmarks.
#[derive(Clone, Debug)]
pub struct Atlas {
    /// Grey values, `[height, width]`.
    pub pixels: Vec<u8>,
    /// `[width, height]`, px.
    pub size: [usize; 2],
    /// Landmark positions, px of the atlas: the template's landmarks mapped to the mean shape.
    pub points_px: Vec<[f64; 2]>,
}

/// Computes the atlas of the images with a pixel size of `unit_per_px` normalised units; `pyramids[at]` is
/// the template with its landmarks `points`, normalised units.
///
/// # Errors
/// [`fiducia::ErrorKind::Implausible`] where the average has no contrast.
pub fn atlas(
    pyramids: &[ImagePyramid],
    at: usize,
    points: &[[f64; 2]],
    unit_per_px: f64,
    framing: Framing,
    progress: &Progress,
) -> Result<Atlas, Error> {
    let alignments = align_all(pyramids, at, framing, progress);
    let mut order: Vec<usize> = (0..pyramids.len()).collect();
    order.sort_by(|&a, &b| alignments[b].score.total_cmp(&alignments[a].score));
    order.truncate(IMAGES);

    let extent = image_corners(&pyramids[at]);
    let grid = Grid::around(&extent, 0.0, FLOW, 4);
    let start = aligned(&pyramids[at], &alignments[at], &grid);
    let fields: Vec<Field> = order
        .par_iter()
        .map(|&n| register(&start, &aligned(&pyramids[n], &alignments[n], &grid)))
        .collect();
    let mean =
        MeanShape::new(&order.iter().map(|&n| alignments[n]).collect::<Vec<_>>(), &fields, grid);

    let size = extent[1].map(|edge| (edge / unit_per_px).round() as usize);
    let average = average(pyramids, &order, &alignments, &fields, &mean, size, unit_per_px);
    let pixels = finish(average, size)?;
    let to_px = |p: &[f64; 2]| mean.forward(*p).map(|v| v / unit_per_px);
    Ok(Atlas { pixels, size, points_px: points.iter().map(to_px).collect() })
}

/// First and last corner of an image, normalised units.
fn image_corners(pyramid: &ImagePyramid) -> [[f64; 2]; 2] {
    let [w, h] = pyramid.size_px.map(|s| s as f64 - 1.0);
    [pyramid.to_unit.apply([0.0, 0.0]), pyramid.to_unit.apply([w, h])]
}

/// Maps the template to the mean shape: the mean deformation, then the mean affine map.
struct MeanShape {
    grid: Grid,
    field: Field,
    map: Affine,
    back: Affine,
}

impl MeanShape {
    fn new(alignments: &[Alignment], fields: &[Field], grid: Grid) -> Self {
        let count = fields.len() as f64;
        let mut map = Affine { m: [[0.0; 3]; 2] };
        for alignment in alignments {
            for (row, add) in map.m.iter_mut().zip(&alignment.to_image.m) {
                row.iter_mut().zip(add).for_each(|(v, a)| *v += a / count);
            }
        }
        let of = |axis: usize, i: usize| {
            fields.iter().map(|f| f.shift[axis][i]).sum::<f32>() / count as f32
        };
        let mean = |axis: usize| (0..fields[0].shift[axis].len()).map(move |i| of(axis, i));
        let field = Field { shift: [mean(0).collect(), mean(1).collect()], size: fields[0].size };
        Self { grid, field, map, back: map.inverse().unwrap_or(Affine::IDENTITY) }
    }

    /// Template normalised units to atlas normalised units.
    fn forward(&self, p: [f64; 2]) -> [f64; 2] {
        let d = displacement(&self.field, &self.grid, p);
        self.map.apply([p[0] + d[0], p[1] + d[1]])
    }

    /// Atlas normalised units to normalised units of the template, by fixed-point iteration.
    fn backward(&self, q: [f64; 2]) -> [f64; 2] {
        let goal = self.back.apply(q);
        (0..ROUNDS).fold(goal, |p, _| {
            let d = displacement(&self.field, &self.grid, p);
            [goal[0] - d[0], goal[1] - d[1]]
        })
    }
}

/// Displacement at a point of the template, normalised units.
fn displacement(field: &Field, grid: &Grid, p: [f64; 2]) -> [f64; 2] {
    field.at(grid.from_unit().apply(p)).map(|d| d * FLOW)
}

/// Median grey value of all images that show each point, 0 where too few do. The median removes what only a
/// few images show, such as burned-in text.
fn average(
    pyramids: &[ImagePyramid],
    order: &[usize],
    alignments: &[Alignment],
    fields: &[Field],
    mean: &MeanShape,
    size: [usize; 2],
    unit_per_px: f64,
) -> Vec<f32> {
    let places: Vec<(&ImagePyramid, Affine, Affine, &Field)> = order
        .iter()
        .zip(fields)
        .map(|(&n, field)| {
            let pyramid = &pyramids[n];
            let to_plane = pyramid.fine.to_image.inverse().unwrap_or(Affine::IDENTITY);
            (pyramid, alignments[n].to_image, to_plane.after(&pyramid.from_unit()), field)
        })
        .collect();
    let least = (COVER * places.len() as f64) as usize + 1;
    let pixel = |i: usize| {
        let q = [(i % size[0]) as f64 * unit_per_px, (i / size[0]) as f64 * unit_per_px];
        let p = mean.backward(q);
        let read =
            |(pyramid, to_image, to_plane, field): &(&ImagePyramid, Affine, Affine, &Field)| {
                let d = displacement(field, &mean.grid, p);
                let [x, y] = to_plane.apply(to_image.apply([p[0] + d[0], p[1] + d[1]]));
                let [w, h] = pyramid.fine.size;
                let inside = x >= 0.0 && y >= 0.0 && x <= (w - 1) as f64 && y <= (h - 1) as f64;
                inside.then(|| fiducia_kernels::sample(&pyramid.fine.data, pyramid.fine.size, x, y))
            };
        let seen: Vec<f64> = places.iter().filter_map(read).map(f64::from).collect();
        if seen.len() < least {
            return 0.0;
        }
        median(seen) as f32
    };
    (0..size[0] * size[1]).into_par_iter().map(pixel).collect()
}

/// Sharpens and stretches the average to 8 bit.
fn finish(average: Vec<f32>, size: [usize; 2]) -> Result<Vec<u8>, Error> {
    let soft = box_blur(&box_blur(&average, size, SHARPEN.1), size, SHARPEN.1);
    let sharp = |(v, s): (&f32, f32)| {
        ((v + SHARPEN.0 * (v - s)) * 256.0 + 256.0).clamp(0.0, 65535.0) as u16
    };
    let pixels = average.iter().zip(soft).map(sharp).collect();
    let radiograph = fiducia::Radiograph {
        name: "atlas".to_owned(),
        width: size[0],
        height: size[1],
        pixels,
        spacing_mm: None,
        mm_source: fiducia::MmSource::None,
        inverted: false,
        dicom: None,
    };
    let mut plane = fiducia::preprocess::Plane::default();
    Grey::new(&radiograph)?.reduce(
        1.0,
        Scale::ImageHeight { field_height: size[1] as f64 }.unit_per_px(size[1], None),
        &mut plane,
    );
    Ok(plane.data.iter().map(|v| v.round().clamp(0.0, 255.0) as u8).collect())
}

fn box_blur(plane: &[f32], [w, h]: [usize; 2], radius: usize) -> Vec<f32> {
    let mean = |line: &dyn Fn(usize) -> f32, i: usize, n: usize| {
        let (low, high) = (i.saturating_sub(radius), (i + radius).min(n - 1));
        (low..=high).map(line).sum::<f32>() / (high - low + 1) as f32
    };
    let rows: Vec<f32> = (0..w * h).map(|i| mean(&|x| plane[i / w * w + x], i % w, w)).collect();
    (0..w * h).map(|i| mean(&|y| rows[y * w + i % w], i / w, h)).collect()
}
