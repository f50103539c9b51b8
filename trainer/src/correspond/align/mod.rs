//! Rough correspondence: an affine map from the template to every image.
//!
//! A search over scale, rotation and shift on a tiny plane (normalised cross-correlation), then
//! Gauss-Newton refinement of all six parameters on a finer one (Evangelidis and Psarakis 2008, in
//! the least-squares form with a free gain).

mod search;
mod refine;

use crate::framing::Framing;
use fiducia_kernels::Affine;
use rayon::prelude::*;

use crate::progress::Progress;
use crate::pyramid::{ImagePyramid, Normed};

/// Fraction of the template left out at each border, where collimation and markers are.
const MARGIN: f64 = 0.12;
/// Number of best starts that are refined.
const STARTS: usize = 4;
/// Radius of the local normalisation, px of the rough and the finer plane.
const RADII: [usize; 2] = [5, 10];

/// The affine map from the template to one image.
#[derive(Clone, Copy, Debug)]
pub struct Alignment {
    /// From normalised units of the template to normalised units of the image.
    pub to_image: Affine,
    /// Normalised cross-correlation at the end, −1 to 1.
    pub score: f64,
}

/// The prepared template.
#[derive(Debug)]
pub struct Aligner {
    rough: Normed,
    fine: Normed,
    framing: Framing,
}

/// Finds the template, `pyramids[template]`, in every image; its own alignment is the identity.
pub fn align_all(
    pyramids: &[ImagePyramid],
    template: usize,
    framing: Framing,
    progress: &Progress,
) -> Vec<Alignment> {
    let aligner = Aligner::new(&pyramids[template], framing);
    let bar = progress.bar("align", pyramids.len());
    let align = |(n, pyramid): (usize, &ImagePyramid)| {
        bar.inc(1);
        if n == template {
            Alignment { to_image: Affine::IDENTITY, score: 1.0 }
        } else {
            aligner.align(pyramid)
        }
    };
    pyramids.par_iter().enumerate().map(align).collect()
}

impl Aligner {
    /// Prepares the template.
    pub fn new(template: &ImagePyramid, framing: Framing) -> Self {
        Self {
            framing,
            rough: Normed::of(template, &template.rough, RADII[0]),
            fine: Normed::of(template, &template.flow, RADII[1]),
        }
    }

    /// Finds the template in `pyramid`.
    pub fn align(&self, pyramid: &ImagePyramid) -> Alignment {
        let fine = Normed::of(pyramid, &pyramid.flow, RADII[1]);
        let starts = self.search(&Normed::of(pyramid, &pyramid.rough, RADII[0]));
        let ends = starts.into_iter().take(STARTS).map(|start| self.refine(&fine, start));
        let value = |end: &Alignment| end.score - self.cost(&fine, &end.to_image);
        ends.max_by(|a, b| value(a).total_cmp(&value(b))).expect("at least one start")
    }

    /// Penalty of `to_image` for the distance between the edges of the template and of the image.
    fn cost(&self, image: &Normed, to_image: &Affine) -> f64 {
        let (from, to) = (edges(&self.fine), edges(image));
        self.framing
            .cost([0, 1].map(|e: usize| fiducia::shape::distance(to_image.apply(from[e]), to[e])))
    }
}

/// Midpoints of the upper and the lower edge of a plane, normalised units.
fn edges(plane: &Normed) -> [[f64; 2]; 2] {
    let [w, h] = plane.size.map(|s| s as f64);
    [[w / 2.0, 0.0], [w / 2.0, h]].map(|p| plane.to_unit.apply(p))
}

/// A template pixel and its value.
type Point = ([f64; 2], f32);

fn inner_points(plane: &Normed, step: usize) -> Vec<Point> {
    let [w, h] = plane.size;
    let inner = |size: usize| {
        ((size as f64 * MARGIN) as usize..size - (size as f64 * MARGIN) as usize).step_by(step)
    };
    inner(h)
        .flat_map(|y| inner(w).map(move |x| (x, y)))
        .map(|(x, y)| ([x as f64, y as f64], plane.data[y * w + x]))
        .collect()
}

#[cfg(test)]
mod tests;
