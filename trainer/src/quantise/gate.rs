//! Measures how far quantisation moves landmarks, on images without labels.

use fiducia::shape::distance;
use fiducia::{Backend, Detector, Error, Pack};

use crate::data::Unlabelled;
use crate::parallel::map_chunks;

/// Displacement of one landmark over all images.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// Name of the landmark.
    pub landmark: String,
    /// Mean distance, px of the image.
    pub mean_px: f64,
    /// Largest distance, px of the image.
    pub largest_px: f64,
    /// Mean distance, normalised units.
    pub mean: f64,
}

/// Distance of the landmarks of `after` from those of `before` on `images`; calls `done` after each image.
///
/// # Errors
/// Where a pack does not compile or an image cannot be read.
pub fn moved(
    before: &Pack,
    after: &Pack,
    images: &[Unlabelled],
    done: &(dyn Fn() + Sync),
) -> Result<Vec<Moved>, Error> {
    let detectors =
        || Ok([Detector::new(before, Backend::Cpu)?, Detector::new(after, Backend::Cpu)?]);
    let all = map_chunks(images, detectors, |[a, b]: &mut [Detector; 2], image: &Unlabelled| {
        let radiograph = image.read()?;
        let (a, b) = (a.observe(&radiograph)?, b.observe(&radiograph)?);
        done();
        let pairs = a.found.iter().zip(&b.found);
        let apart = pairs.map(|(a, b)| [distance(a.px, b.px), distance(a.point, b.point)]);
        Ok(apart.collect::<Vec<[f64; 2]>>())
    })?;
    let one = |(l, name): (usize, &String)| {
        let of = |which: usize| all.iter().map(move |image| image[l][which]);
        let count = all.len().max(1) as f64;
        Moved {
            landmark: name.clone(),
            mean_px: of(0).sum::<f64>() / count,
            largest_px: of(0).fold(0.0, f64::max),
            mean: of(1).sum::<f64>() / count,
        }
    };
    Ok(before.manifest().landmarks.iter().enumerate().map(one).collect())
}
