//! From the template to every unlabelled image, without training labels: affine alignment, dense registration
//! along several paths, feature matching; each landmark with a weight.

pub mod frame;
pub mod align;
pub mod flow;
mod similarity;
pub mod matching;
mod close_up;
mod together;

pub use together::{CloseUps, Correspondences};

use fiducia::Error;
use fiducia::shape::distance;
use rayon::prelude::*;

use self::align::{Alignment, align_all};
use self::flow::{Field, Levels, register};
use self::frame::Grid;
use self::matching::{BROAD, Descriptors, Matcher};
use crate::framing::Framing;
use crate::labels::{Labels, cauchy_weight};
use crate::nets::Trunk;
use crate::progress::Progress;
use crate::pyramid::{FLOW, ImagePyramid, normalised};
use crate::statistics::median;

/// Unlabelled images used as intermediate stations of registration paths, besides the direct path.
const PATHS: usize = 12;
/// Margin around the landmarks within which deformation is computed, normalised units.
const MARGIN: f64 = 40.0;
/// Radius of the local normalisation of the registered images, px.
const NORM_RADIUS: usize = 14;
/// Standard deviation of the prior around the registered point, normalised units.
const PRIOR_SIGMA: f64 = 6.0;
/// Difference between matching and registration that halves a label's weight, normalised units.
const HALF_WEIGHT: f64 = 2.5;

/// The template and all images in one frame, and the matcher to match them again.
#[derive(Debug)]
pub struct Correspondence {
    /// Index of the template.
    template: usize,
    /// Its landmarks, normalised units of the template.
    points: Vec<[f64; 2]>,
    /// Affine map from the template to each image; the identity for the template itself.
    pub alignments: Vec<Alignment>,
    /// The matcher with the template's descriptors.
    pub matcher: Matcher,
    /// Features of each image in the aligned frame.
    pub descriptors: Vec<Descriptors>,
    /// The landmarks by registration only, normalised units of the template.
    pub registered: Vec<Vec<[f64; 2]>>,
    /// Initial labels.
    pub labels: Labels,
}

/// Finds `points` (normalised units of the template, `pyramids[template]`) on all `pyramids`.
///
/// # Errors
/// [`fiducia::ErrorKind::Engine`] where the trunk cannot be run.
pub fn correspond(
    pyramids: &[ImagePyramid],
    template: usize,
    points: &[[f64; 2]],
    trunk: &Trunk,
    framing: Framing,
    progress: &Progress,
) -> Result<Correspondence, Error> {
    let alignments = align_all(pyramids, template, framing, progress);
    let registered = register_all(pyramids, template, points, &alignments, progress);

    let matcher = Matcher::new(trunk, &pyramids[template], points, BROAD)?;
    let bar = progress.bar("match", pyramids.len());
    let matched = pyramids.par_iter().zip(&alignments).zip(&registered).map(
        |((pyramid, alignment), centres)| {
            let descriptors = matcher.describe(pyramid, &alignment.to_image)?;
            let found = matcher.find(&descriptors, centres, PRIOR_SIGMA);
            bar.inc(1);
            Ok((descriptors, found))
        },
    );
    let mut labels = Labels::default();
    let mut descriptors = Vec::new();
    for ((result, alignment), centres) in
        matched.collect::<Vec<Result<_, Error>>>().into_iter().zip(&alignments).zip(&registered)
    {
        let (features, found) = result?;
        descriptors.push(features);
        labels.points.push(found.iter().map(|m| alignment.to_image.apply(m.point)).collect());
        labels.weights.push(
            found
                .iter()
                .zip(centres)
                .map(|(m, c)| cauchy_weight(m.point, *c, HALF_WEIGHT))
                .collect(),
        );
    }
    labels.points[template] = points.to_vec();
    labels.weights[template] = vec![1.0; points.len()];
    Ok(Correspondence {
        template,
        points: points.to_vec(),
        alignments,
        matcher,
        descriptors,
        registered,
        labels,
    })
}

impl Correspondence {
    /// The landmarks by registration only, `[image][landmark]`, normalised units of the image.
    pub fn registered_on_images(&self) -> Vec<Vec<[f64; 2]>> {
        let place = |(points, alignment): (&Vec<[f64; 2]>, &Alignment)| {
            points.iter().map(|&p| alignment.to_image.apply(p)).collect()
        };
        self.registered.iter().zip(&self.alignments).map(place).collect()
    }

    /// Matches every image again around `centres` (`[image][landmark]`, normalised units of the image).
    pub fn match_again(&self, centres: &[Vec<[f64; 2]>], sigma: f64) -> Vec<Vec<[f64; 2]>> {
        let one = |n: usize| {
            let to_image = self.alignments[n].to_image;
            let back = to_image.inverse().expect("alignments keep some size");
            let local: Vec<[f64; 2]> = centres[n].iter().map(|&p| back.apply(p)).collect();
            let found = self.matcher.find(&self.descriptors[n], &local, sigma);
            found.iter().map(|m| to_image.apply(m.point)).collect()
        };
        (0..centres.len()).into_par_iter().map(one).collect()
    }

    /// See [`Correspondences::round_trip`].
    fn round_trip(&self, n: usize, landmarks: &[usize], points: &[[f64; 2]]) -> Vec<f64> {
        let back = self.alignments[n].to_image.inverse().expect("alignments keep some size");
        let one = |(&l, &p): (&usize, &[f64; 2])| {
            let patches = self.matcher.patches(&self.descriptors[n], back.apply(p));
            let template = &self.descriptors[self.template];
            let goal = self.points[l];
            distance(self.matcher.find_patches(template, &patches, goal, PRIOR_SIGMA).point, goal)
        };
        landmarks.iter().zip(points).map(one).collect()
    }
}

/// The landmarks by registration, in normalised units of the template: the median over the direct path and the paths
/// through other images.
fn register_all(
    pyramids: &[ImagePyramid],
    template: usize,
    points: &[[f64; 2]],
    alignments: &[Alignment],
    progress: &Progress,
) -> Vec<Vec<[f64; 2]>> {
    let grid = Grid::around(points, MARGIN, FLOW, 4);
    let levels: Vec<Levels> =
        pyramids.par_iter().zip(alignments).map(|(v, a)| aligned(v, a, &grid)).collect();
    let start: Vec<[f64; 2]> = points.iter().map(|&p| grid.from_unit().apply(p)).collect();
    let follow = |field: &Field, points: &[[f64; 2]]| -> Vec<[f64; 2]> {
        points.iter().map(|&p| (p, field.at(p))).map(|(p, d)| [p[0] + d[0], p[1] + d[1]]).collect()
    };
    let direct: Vec<Vec<[f64; 2]>> =
        levels.par_iter().map(|to| follow(&register(&levels[template], to), &start)).collect();

    let stations = stations(alignments, template);
    let bar = progress.bar("register", pyramids.len());
    let one = |n: usize| {
        let through = |&s: &usize| {
            if s == n {
                direct[n].clone()
            } else {
                follow(&register(&levels[s], &levels[n]), &direct[s])
            }
        };
        let mut paths: Vec<Vec<[f64; 2]>> = stations.iter().map(through).collect();
        paths.push(direct[n].clone());
        bar.inc(1);
        let median = |l: usize, axis: usize| median(paths.iter().map(|p| p[l][axis]).collect());
        (0..points.len()).map(|l| grid.to_unit.apply([median(l, 0), median(l, 1)])).collect()
    };
    (0..pyramids.len()).into_par_iter().map(one).collect()
}

/// The images that align best with the template; they are the stations of the paths.
fn stations(alignments: &[Alignment], template: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..alignments.len()).filter(|&n| n != template).collect();
    order.sort_by(|&a, &b| alignments[b].score.total_cmp(&alignments[a].score));
    order.truncate(PATHS);
    order
}

/// An image in the template's frame, locally normalised.
pub(crate) fn aligned(pyramid: &ImagePyramid, alignment: &Alignment, grid: &Grid) -> Levels {
    let grey = pyramid.sample(&pyramid.flow, &alignment.to_image.after(&grid.to_unit), grid.size);
    Levels::new(normalised(grey, grid.size, NORM_RADIUS), grid.size)
}
