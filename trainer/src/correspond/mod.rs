//! From the template to every unlabelled image, without any training labels: affine alignment, dense
//! registration along several paths, feature matching; each landmark with a confidence.

pub mod frame;
pub mod align;
pub mod flow;
pub mod matching;
mod close_up;
mod together;

pub use together::{CloseUps, Correspondences};

use fiducia::{Error, distance};
use rayon::prelude::*;

use self::align::{Alignment, Framing, align_all};
use self::flow::{Field, Pyramid, register};
use self::frame::Grid;
use self::matching::{BROAD, Descriptors, Matcher};
use crate::nets::Trunk;
use crate::progress::Progress;
use crate::view::{FLOW, View, normalised};

/// Unlabelled images that a path may lead through, besides the direct one.
const PATHS: usize = 12;
/// Space around the landmarks in which deformation is found, units.
const MARGIN: f64 = 40.0;
/// Local normalisation window of the registered images, px.
const NORM_RADIUS: usize = 14;
/// Width of the prior around the registered point, units.
const PRIOR_SIGMA: f64 = 6.0;
/// Disagreement of matching and registration that halves a label's weight, units.
const DOUBT: f64 = 2.5;

/// The template and all images in one frame, and the tools to match them again.
#[derive(Debug)]
pub struct Correspondence {
    /// Index of the template.
    template: usize,
    /// Its landmarks, template units.
    points: Vec<[f64; 2]>,
    /// Where the template lies in each image; the identity for the template itself.
    pub alignments: Vec<Alignment>,
    /// The matcher that holds the template's descriptors.
    pub matcher: Matcher,
    /// Features of each image in the aligned frame.
    pub descriptors: Vec<Descriptors>,
    /// The landmarks by registration alone, template units.
    pub registered: Vec<Vec<[f64; 2]>>,
    /// First labels.
    pub labels: Labels,
}

/// Points of every landmark on every image, in units of that image, with weights from 0 to 1.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Labels {
    /// `[image][landmark]`, units.
    pub points: Vec<Vec<[f64; 2]>>,
    /// `[image][landmark]`, 0 to 1.
    pub weights: Vec<Vec<f64>>,
}

/// Finds `points` (units of the template, `views[template]`) on all `views`.
///
/// # Errors
/// [`fiducia::ErrorKind::Engine`] where the trunk cannot be run.
pub fn correspond(
    views: &[View],
    template: usize,
    points: &[[f64; 2]],
    trunk: &Trunk,
    framing: Framing,
    progress: &Progress,
) -> Result<Correspondence, Error> {
    let alignments = align_all(views, template, framing, progress);
    let registered = register_all(views, template, points, &alignments, progress);

    let matcher = Matcher::new(trunk, &views[template], points, BROAD)?;
    let bar = progress.bar("match", views.len());
    let matched =
        views.par_iter().zip(&alignments).zip(&registered).map(|((view, alignment), centres)| {
            let descriptors = matcher.describe(view, &alignment.to_image)?;
            let found = matcher.find(&descriptors, centres, PRIOR_SIGMA);
            bar.inc(1);
            Ok((descriptors, found))
        });
    let mut labels = Labels::default();
    let mut descriptors = Vec::new();
    for ((result, alignment), centres) in
        matched.collect::<Vec<Result<_, Error>>>().into_iter().zip(&alignments).zip(&registered)
    {
        let (features, found) = result?;
        descriptors.push(features);
        labels.points.push(found.iter().map(|m| alignment.to_image.apply(m.point)).collect());
        labels
            .weights
            .push(found.iter().zip(centres).map(|(m, c)| trust(m.point, *c, DOUBT)).collect());
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

/// Weight of a label on which two sources differ by the distance of `a` and `b`.
pub fn trust(a: [f64; 2], b: [f64; 2], doubt: f64) -> f64 {
    let d = distance(a, b) / doubt;
    1.0 / (1.0 + d * d)
}

/// The point `share` of the way between two.
pub fn towards(from: [f64; 2], to: [f64; 2], share: f64) -> [f64; 2] {
    [0, 1].map(|axis| from[axis] + share * (to[axis] - from[axis]))
}

impl Correspondence {
    /// The landmarks by registration alone, `[image][landmark]`, units of the image.
    pub fn registered_on_images(&self) -> Vec<Vec<[f64; 2]>> {
        let place = |(points, alignment): (&Vec<[f64; 2]>, &Alignment)| {
            points.iter().map(|&p| alignment.to_image.apply(p)).collect()
        };
        self.registered.iter().zip(&self.alignments).map(place).collect()
    }

    /// Matches every image again around `centres` (`[image][landmark]`, units of the image).
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

    /// See [`Correspondences::way_back`].
    fn way_back(&self, n: usize, landmarks: &[usize], points: &[[f64; 2]]) -> Vec<f64> {
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

/// The landmarks by registration, in template units: the median over the direct path and the paths
/// through other images.
fn register_all(
    views: &[View],
    template: usize,
    points: &[[f64; 2]],
    alignments: &[Alignment],
    progress: &Progress,
) -> Vec<Vec<[f64; 2]>> {
    let grid = Grid::around(points, MARGIN, FLOW, 4);
    let pyramids: Vec<Pyramid> =
        views.par_iter().zip(alignments).map(|(v, a)| aligned(v, a, &grid)).collect();
    let start: Vec<[f64; 2]> = points.iter().map(|&p| grid.from_unit().apply(p)).collect();
    let follow = |field: &Field, points: &[[f64; 2]]| -> Vec<[f64; 2]> {
        points.iter().map(|&p| (p, field.at(p))).map(|(p, d)| [p[0] + d[0], p[1] + d[1]]).collect()
    };
    let direct: Vec<Vec<[f64; 2]>> =
        pyramids.par_iter().map(|to| follow(&register(&pyramids[template], to), &start)).collect();

    let stations = stations(alignments, template);
    let bar = progress.bar("register", views.len());
    let one = |n: usize| {
        let through = |&s: &usize| {
            if s == n {
                direct[n].clone()
            } else {
                follow(&register(&pyramids[s], &pyramids[n]), &direct[s])
            }
        };
        let mut paths: Vec<Vec<[f64; 2]>> = stations.iter().map(through).collect();
        paths.push(direct[n].clone());
        bar.inc(1);
        let median = |l: usize, axis: usize| median(paths.iter().map(|p| p[l][axis]).collect());
        (0..points.len()).map(|l| grid.to_unit.apply([median(l, 0), median(l, 1)])).collect()
    };
    (0..views.len()).into_par_iter().map(one).collect()
}

/// The images that align best with the template; paths lead through them.
fn stations(alignments: &[Alignment], template: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..alignments.len()).filter(|&n| n != template).collect();
    order.sort_by(|&a, &b| alignments[b].score.total_cmp(&alignments[a].score));
    order.truncate(PATHS);
    order
}

/// An image in the template's frame, locally normalised.
pub(crate) fn aligned(view: &View, alignment: &Alignment, grid: &Grid) -> Pyramid {
    let grey = view.sample(&view.flow, &alignment.to_image.after(&grid.to_unit), grid.size);
    Pyramid::new(normalised(grey, grid.size, NORM_RADIUS), grid.size)
}

/// Middle value; the mean of the two middle ones of an even number.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 { f64::NAN } else { (values[n / 2] + values[(n - 1) / 2]) / 2.0 }
}
