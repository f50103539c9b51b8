//! The atlas: the training images warped onto their mean shape and averaged. It shows the anatomy of
//! a set and nobody in particular, so it can be shown and shipped where no radiograph may be.

use fiducia::{Error, Grey, Scale};
use fiducia_kernels::Affine;
use rayon::prelude::*;

use crate::correspond::align::{Alignment, Framing, align_all};
use crate::correspond::aligned;
use crate::correspond::flow::{Field, register};
use crate::correspond::frame::Grid;
use crate::progress::Progress;
use crate::view::{FLOW, View};

/// Images that are averaged: those that align best, for a sharp picture.
const IMAGES: usize = 60;
/// Share of the images that must show a point for it to be drawn.
const COVER: f64 = 0.3;
/// Rounds of undoing the mean deformation.
const ROUNDS: usize = 8;
/// Strength and radius of the sharpening, px; averaging has softened every edge.
const SHARPEN: (f32, usize) = (1.0, 4);

/// A picture of the mean anatomy with its landmarks.
#[derive(Clone, Debug)]
pub struct Atlas {
    /// Grey values, `[height, width]`.
    pub pixels: Vec<u8>,
    /// `[width, height]`, px.
    pub size: [usize; 2],
    /// Landmark positions, px of the picture: where the template's landmarks come to lie.
    pub points_px: Vec<[f64; 2]>,
}

/// Makes the atlas of `views` at `unit_per_px`; `views[at]` is the template with its `points`, units.
///
/// # Errors
/// [`fiducia::ErrorKind::Implausible`] where the average shows no contrast.
pub fn atlas(
    views: &[View],
    at: usize,
    points: &[[f64; 2]],
    unit_per_px: f64,
    framing: Framing,
    progress: &Progress,
) -> Result<Atlas, Error> {
    let alignments = align_all(views, at, framing, progress);
    let mut order: Vec<usize> = (0..views.len()).collect();
    order.sort_by(|&a, &b| alignments[b].score.total_cmp(&alignments[a].score));
    order.truncate(IMAGES);

    let extent = image_corners(&views[at]);
    let grid = Grid::around(&extent, 0.0, FLOW, 4);
    let start = aligned(&views[at], &alignments[at], &grid);
    let fields: Vec<Field> = order
        .par_iter()
        .map(|&n| register(&start, &aligned(&views[n], &alignments[n], &grid)))
        .collect();
    let mean =
        MeanShape::new(&order.iter().map(|&n| alignments[n]).collect::<Vec<_>>(), &fields, grid);

    let size = extent[1].map(|edge| (edge / unit_per_px).round() as usize);
    let average = average(views, &order, &alignments, &fields, &mean, size, unit_per_px);
    let pixels = finish(average, size)?;
    let to_px = |p: &[f64; 2]| mean.forward(*p).map(|v| v / unit_per_px);
    Ok(Atlas { pixels, size, points_px: points.iter().map(to_px).collect() })
}

/// First and last corner of an image, units.
fn image_corners(view: &View) -> [[f64; 2]; 2] {
    let [w, h] = view.size_px.map(|s| s as f64 - 1.0);
    [view.to_unit.apply([0.0, 0.0]), view.to_unit.apply([w, h])]
}

/// From the template to the mean shape: the mean deformation, then the mean affine map.
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

    /// Template units to atlas units.
    fn forward(&self, p: [f64; 2]) -> [f64; 2] {
        let d = displacement(&self.field, &self.grid, p);
        self.map.apply([p[0] + d[0], p[1] + d[1]])
    }

    /// Atlas units to template units, by fixed-point iteration.
    fn backward(&self, q: [f64; 2]) -> [f64; 2] {
        let goal = self.back.apply(q);
        (0..ROUNDS).fold(goal, |p, _| {
            let d = displacement(&self.field, &self.grid, p);
            [goal[0] - d[0], goal[1] - d[1]]
        })
    }
}

/// Displacement at a point of the template, units.
fn displacement(field: &Field, grid: &Grid, p: [f64; 2]) -> [f64; 2] {
    field.at(grid.from_unit().apply(p)).map(|d| d * FLOW)
}

/// Median grey value of all images that show each point, 0 where too few do. What only some images
/// show, such as burned-in text, leaves no trace in a median.
fn average(
    views: &[View],
    order: &[usize],
    alignments: &[Alignment],
    fields: &[Field],
    mean: &MeanShape,
    size: [usize; 2],
    unit_per_px: f64,
) -> Vec<f32> {
    let places: Vec<(&View, Affine, Affine, &Field)> = order
        .iter()
        .zip(fields)
        .map(|(&n, field)| {
            let view = &views[n];
            let to_plane = view.fine.to_image.inverse().unwrap_or(Affine::IDENTITY);
            (view, alignments[n].to_image, to_plane.after(&view.from_unit()), field)
        })
        .collect();
    let least = (COVER * places.len() as f64) as usize + 1;
    let pixel = |i: usize| {
        let q = [(i % size[0]) as f64 * unit_per_px, (i / size[0]) as f64 * unit_per_px];
        let p = mean.backward(q);
        let read = |(view, to_image, to_plane, field): &(&View, Affine, Affine, &Field)| {
            let d = displacement(field, &mean.grid, p);
            let [x, y] = to_plane.apply(to_image.apply([p[0] + d[0], p[1] + d[1]]));
            let [w, h] = view.fine.size;
            let inside = x >= 0.0 && y >= 0.0 && x <= (w - 1) as f64 && y <= (h - 1) as f64;
            inside.then(|| fiducia_kernels::sample(&view.fine.data, view.fine.size, x, y))
        };
        let mut seen: Vec<f32> = places.iter().filter_map(read).collect();
        if seen.len() < least {
            return 0.0;
        }
        seen.sort_by(f32::total_cmp);
        (seen[seen.len() / 2] + seen[(seen.len() - 1) / 2]) / 2.0
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
    let mut plane = fiducia::Plane::default();
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
