//! The close match of one landmark: every image is matched again with small patches around the landmark.
//!
//! Large patches find the right structure but are drawn to large contrast nearby, such as the gap between the
//! lips in front of an incisor's edge. Small patches decide the last few normalised units.

use fiducia::Error;
use fiducia_kernels::Affine;
use rayon::prelude::*;

use super::Correspondence;
use super::matching::{CLOSE, Descriptors, Matcher};
use crate::nets::Trunk;
use crate::pyramid::ImagePyramid;

/// One landmark of one template, and every image resampled around the estimated position of the landmark.
#[derive(Debug)]
pub(super) struct CloseUp {
    matcher: Matcher,
    /// From normalised units of the template to normalised units of the image, shifted so that the landmark maps to
    /// its estimated position.
    frames: Vec<Affine>,
    descriptors: Vec<Descriptors>,
}

impl CloseUp {
    /// Resamples all `pyramids` around `centres` (`[image]`, normalised units of the image) for landmark `l`.
    pub(super) fn new(
        from: &Correspondence,
        pyramids: &[ImagePyramid],
        trunk: &Trunk,
        l: usize,
        centres: &[[f64; 2]],
    ) -> Result<Self, Error> {
        let point = from.points[l];
        let matcher = Matcher::new(trunk, &pyramids[from.template], &[point], CLOSE)?;
        let frame = |(alignment, centre): (&super::Alignment, &[f64; 2])| {
            let there = alignment.to_image.apply(point);
            Affine::shift(centre[0] - there[0], centre[1] - there[1]).after(&alignment.to_image)
        };
        let frames: Vec<Affine> = from.alignments.iter().zip(centres).map(frame).collect();
        let describe =
            |(pyramid, frame): (&ImagePyramid, &Affine)| matcher.describe(pyramid, frame);
        let descriptors =
            pyramids.par_iter().zip(&frames).map(describe).collect::<Result<_, _>>()?;
        Ok(Self { matcher, frames, descriptors })
    }

    /// The best match of the landmark on every image near `centres`, normalised units of the image. The
    /// descriptor is half the template's and half that of the `members` (image, point in normalised units).
    pub(super) fn find(
        &self,
        members: &[(usize, [f64; 2])],
        centres: &[[f64; 2]],
        sigma: f64,
    ) -> Vec<[f64; 2]> {
        let local = |n: usize, p: [f64; 2]| {
            self.frames[n].inverse().expect("alignments keep some size").apply(p)
        };
        let seen: Vec<_> = members
            .iter()
            .map(|&(n, p)| self.matcher.patches(&self.descriptors[n], local(n, p)))
            .collect();
        let patches = self.matcher.blended(0, &seen);
        let one = |(n, &centre): (usize, &[f64; 2])| {
            let centre = local(n, centre);
            let found = self.matcher.find_patches(&self.descriptors[n], &patches, centre, sigma);
            self.frames[n].apply(found.point)
        };
        centres.par_iter().enumerate().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use fiducia::shape::distance;

    use super::super::matching::{BROAD, Matcher};
    use super::super::{Alignment, Labels};
    use super::*;
    use crate::pyramid::synthetic;

    /// A bright blob near a bright edge, moved by `shift` px; pixels are normalised units.
    fn blob(shift: [f64; 2]) -> ImagePyramid {
        synthetic(128, |x, y| {
            let (x, y) = (x - shift[0], y - shift[1]);
            let blob = (-(((x - 60.0) / 3.0).powi(2) + ((y - 64.0) / 5.0).powi(2))).exp();
            let edge = 1.0 / (1.0 + (-(x - 80.0) / 2.0).exp());
            8_000.0 + 30_000.0 * blob + 15_000.0 * edge + 3_000.0 * (y * 0.2).sin()
        })
    }

    #[test]
    fn a_landmark_is_found_from_a_few_units_away() {
        let weights =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../models/efficientnet-lite0-f16.safetensors");
        let trunk = Trunk::open(weights.as_ref()).unwrap();
        let pyramids = [blob([0.0; 2]), blob([5.0, -3.0])];
        let point = [60.0, 64.0];
        let from = Correspondence {
            template: 0,
            points: vec![point],
            alignments: vec![Alignment { to_image: Affine::IDENTITY, score: 1.0 }; 2],
            matcher: Matcher::new(&trunk, &pyramids[0], &[point], BROAD).unwrap(),
            descriptors: Vec::new(),
            registered: Vec::new(),
            labels: Labels::default(),
        };
        let (there, thought) = ([65.0, 61.0], [63.0, 62.5]);
        let close = CloseUp::new(&from, &pyramids, &trunk, 0, &[point, thought]).unwrap();
        for members in [vec![], vec![(1, there)]] {
            let found = close.find(&members, &[point, thought], 3.0);
            assert!(distance(found[0], point) < 0.3, "{:?}", found[0]);
            // The prior pulls it back a little.
            assert!(distance(found[1], there) < 1.0, "{:?}", found[1]);
        }
    }
}
