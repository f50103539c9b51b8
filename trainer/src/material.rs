//! The common inputs of every training stage.

use burn::tensor::Device;

use crate::framing::Framing;
use crate::labels::Labels;
use crate::nets::Trunk;
use crate::progress::Progress;
use crate::pyramid::ImagePyramid;

/// An image annotated by a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotated {
    /// Index into the images.
    pub image: usize,
    /// Its landmarks, normalised units.
    pub points: Vec<[f64; 2]>,
}

/// Images, annotations, trunk and device.
#[derive(Debug)]
pub struct Material<'a> {
    /// All images, including the annotated ones.
    pub pyramids: &'a [ImagePyramid],
    /// The annotated images, at least one; exactly one in one-shot training.
    pub annotated: &'a [Annotated],
    /// The frozen trunk.
    pub trunk: &'a Trunk,
    /// The training device, with automatic differentiation.
    pub device: &'a Device,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Variation of the framing of the images.
    pub framing: Framing,
    /// Progress bars.
    pub progress: &'a Progress,
}

impl Material<'_> {
    /// Landmarks of the first annotated image, normalised units of that image.
    pub fn points(&self) -> &[[f64; 2]] {
        &self.annotated[0].points
    }

    /// Number of landmarks.
    pub fn landmarks(&self) -> usize {
        self.points().len()
    }

    /// The annotated image of step `step`; every step contains one.
    pub fn anchor(&self, step: usize) -> usize {
        self.annotated[step % self.annotated.len()].image
    }

    /// Whether image `n` is annotated.
    pub fn is_annotated(&self, n: usize) -> bool {
        self.annotated.iter().any(|a| a.image == n)
    }

    /// Images to learn from besides the annotated one of each step: those without annotations, or all if
    /// every image is annotated.
    pub fn training_images(&self) -> Vec<usize> {
        let all = 0..self.pyramids.len();
        let without: Vec<usize> = all.clone().filter(|&n| !self.is_annotated(n)).collect();
        if without.is_empty() { all.collect() } else { without }
    }

    /// Resets the labels of the annotated images to their annotations.
    pub fn pin(&self, labels: &mut Labels) {
        for a in self.annotated {
            labels.points[a.image].clone_from(&a.points);
            labels.weights[a.image] = vec![1.0; a.points.len()];
        }
    }
}
