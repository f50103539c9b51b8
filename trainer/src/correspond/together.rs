//! Correspondence from one template, or from several together.

use fiducia::Error;
use rayon::prelude::*;

use super::close_up::CloseUp;
use super::{Correspondence, correspond};
use crate::labels::{Labels, cauchy_weight, towards};
use crate::material::{Annotated, Material};

/// Most templates that are matched; further ones still serve as training images.
const MAX_TEMPLATES: usize = 8;

/// Standard deviation of the prior of the close match, normalised units.
const CLOSE_SIGMA: f64 = 3.0;
/// Distance between a label and its close match that halves its weight, normalised units.
const CLOSE_HALF_WEIGHT: f64 = 2.5;

/// The correspondences of all templates, and the initial labels combined from them.
#[derive(Debug)]
pub struct Correspondences {
    each: Vec<Correspondence>,
    /// Initial labels; those of annotated images are the annotations.
    pub labels: Labels,
}

/// The close match of one landmark on every image, once per template.
#[derive(Debug)]
pub struct CloseUps {
    each: Vec<CloseUp>,
}

impl CloseUps {
    /// Matches the landmark near `centres` (`[image]`, normalised units of the image). The descriptor is half
    /// the template's and half that of the `members` (image, point in normalised units), or the template's
    /// alone without members; `None` where there is no template to match.
    pub fn find(
        &self,
        members: &[(usize, [f64; 2])],
        centres: &[[f64; 2]],
        sigma: f64,
    ) -> Option<Vec<[f64; 2]>> {
        let found: Vec<Vec<[f64; 2]>> =
            self.each.iter().map(|c| c.find(members, centres, sigma)).collect();
        (!found.is_empty()).then(|| {
            (0..centres.len()).map(|n| middle(found.iter().map(|f| (f[n], 1.0)))).collect()
        })
    }
}

impl Correspondences {
    /// Finds the landmarks of the annotated images on all other images. Where every image is annotated,
    /// nothing is matched.
    ///
    /// # Errors
    /// As [`correspond`].
    pub fn find(m: &Material<'_>) -> Result<Self, Error> {
        let complete = m.annotated.len() == m.pyramids.len();
        let count = if complete { 0 } else { MAX_TEMPLATES };
        let one = |a: &Annotated| {
            correspond(m.pyramids, a.image, &a.points, m.trunk, m.framing, m.progress)
        };
        let each: Vec<Correspondence> =
            m.annotated.iter().take(count).map(one).collect::<Result<_, _>>()?;
        let nothing = || Labels {
            points: vec![m.points().to_vec(); m.pyramids.len()],
            weights: vec![vec![0.0; m.landmarks()]; m.pyramids.len()],
        };
        let mut labels = if each.is_empty() { nothing() } else { blend(&each) };
        m.pin(&mut labels);
        Ok(Self { each, labels })
    }

    /// Matches every image again around `centres` (`[image][landmark]`, normalised units of the image);
    /// `None` where there is no template to match.
    pub fn match_again(&self, centres: &[Vec<[f64; 2]>], sigma: f64) -> Option<Vec<Vec<[f64; 2]>>> {
        self.mean(|c| c.match_again(centres, sigma))
    }

    /// Prepares the close match of landmark `l` on every image around `centres` (`[image]`, normalised units
    /// of the image).
    ///
    /// # Errors
    /// [`fiducia::ErrorKind::Engine`] where the trunk cannot be run.
    pub fn close_ups(
        &self,
        m: &Material<'_>,
        l: usize,
        centres: &[[f64; 2]],
    ) -> Result<CloseUps, Error> {
        let one = |c: &Correspondence| CloseUp::new(c, m.pyramids, m.trunk, l, centres);
        Ok(CloseUps { each: self.each.iter().map(one).collect::<Result<_, _>>()? })
    }

    /// Moves `labels` by `fraction` of the way to the close match. The errors of the broad and of the close
    /// match are largely independent.
    ///
    /// # Errors
    /// As [`Correspondences::close_ups`].
    pub fn with_close_match(
        &self,
        m: &Material<'_>,
        labels: Labels,
        fraction: f64,
    ) -> Result<Labels, Error> {
        let bar = m.progress.bar("close match", m.landmarks());
        let one = |l: usize| {
            let centres: Vec<[f64; 2]> = labels.points.iter().map(|p| p[l]).collect();
            let found = self.close_ups(m, l, &centres)?.find(&[], &centres, CLOSE_SIGMA);
            bar.inc(1);
            Ok(found.unwrap_or(centres))
        };
        let found: Vec<Vec<[f64; 2]>> =
            (0..m.landmarks()).into_par_iter().map(one).collect::<Result<_, Error>>()?;
        bar.finish();
        let mut moved = labels;
        for (n, points) in moved.points.iter_mut().enumerate() {
            for (l, point) in points.iter_mut().enumerate() {
                moved.weights[n][l] *= cauchy_weight(found[l][n], *point, CLOSE_HALF_WEIGHT);
                *point = towards(*point, found[l][n], fraction);
            }
        }
        m.pin(&mut moved);
        Ok(moved)
    }

    /// The landmarks by registration only, `[image][landmark]`, normalised units of the image.
    pub fn registered(&self) -> Option<Vec<Vec<[f64; 2]>>> {
        self.mean(Correspondence::registered_on_images)
    }

    /// Round-trip error: distance to the template's landmark after `points` of image `n` are matched back to
    /// the template, `[landmark]` of `landmarks`, normalised units; the smallest over all templates.
    pub fn round_trip(&self, n: usize, landmarks: &[usize], points: &[[f64; 2]]) -> Vec<f64> {
        let ways: Vec<Vec<f64>> =
            self.each.iter().map(|c| c.round_trip(n, landmarks, points)).collect();
        let least = |k: usize| ways.iter().map(|w| w[k]).fold(f64::INFINITY, f64::min);
        (0..points.len()).map(|k| if ways.is_empty() { 0.0 } else { least(k) }).collect()
    }

    fn mean(
        &self,
        one: impl Fn(&Correspondence) -> Vec<Vec<[f64; 2]>>,
    ) -> Option<Vec<Vec<[f64; 2]>>> {
        mean(&self.each.iter().map(one).collect::<Vec<_>>())
    }
}

/// The mean of the results of several templates, `[image][landmark]`; `None` without any.
fn mean(all: &[Vec<Vec<[f64; 2]>>]) -> Option<Vec<Vec<[f64; 2]>>> {
    let first = all.first()?;
    let at = |n: usize, l: usize| middle(all.iter().map(|p| (p[n][l], 1.0)));
    Some((0..first.len()).map(|n| (0..first[n].len()).map(|l| at(n, l)).collect()).collect())
}

/// Labels combined from all templates, weighted by their weights.
fn blend(each: &[Correspondence]) -> Labels {
    let mut labels = each[0].labels.clone();
    for n in 0..labels.points.len() {
        for l in 0..labels.points[n].len() {
            let seen =
                each.iter().map(|c| (c.labels.points[n][l], c.labels.weights[n][l].max(1e-6)));
            labels.points[n][l] = middle(seen);
            let trusts = each.iter().map(|c| c.labels.weights[n][l]);
            labels.weights[n][l] = trusts.sum::<f64>() / each.len() as f64;
        }
    }
    labels
}

/// Weighted mean of points.
fn middle(points: impl Iterator<Item = ([f64; 2], f64)>) -> [f64; 2] {
    let (mut sum, mut total) = ([0.0; 2], 0.0);
    for (p, w) in points {
        sum = [sum[0] + w * p[0], sum[1] + w * p[1]];
        total += w;
    }
    sum.map(|s| s / total)
}
