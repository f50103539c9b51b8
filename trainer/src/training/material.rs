//! What every training works on.

use burn::tensor::Device;

use crate::correspond::Labels;
use crate::correspond::align::Framing;
use crate::nets::Trunk;
use crate::progress::Progress;
use crate::view::View;

/// An image that a person annotated.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotated {
    /// Index into the images.
    pub image: usize,
    /// Its landmarks, units.
    pub points: Vec<[f64; 2]>,
}

/// Images, what is known of them, and the tools.
#[derive(Debug)]
pub struct Material<'a> {
    /// All images, the annotated ones among them.
    pub views: &'a [View],
    /// The annotated images: one for one-shot training; at least one.
    pub annotated: &'a [Annotated],
    /// The frozen trunk.
    pub trunk: &'a Trunk,
    /// Where networks are trained; an autodiff device.
    pub device: &'a Device,
    /// Seed of all randomness.
    pub seed: u64,
    /// How far apart the films are framed.
    pub framing: Framing,
    /// Bars on the terminal.
    pub progress: &'a Progress,
}

impl Material<'_> {
    /// Landmarks of the first annotated image, units of that image.
    pub fn points(&self) -> &[[f64; 2]] {
        &self.annotated[0].points
    }

    /// Number of landmarks.
    pub fn landmarks(&self) -> usize {
        self.points().len()
    }

    /// The annotated image of step `step`: one takes part in every step.
    pub fn anchor(&self, step: usize) -> usize {
        self.annotated[step % self.annotated.len()].image
    }

    /// Whether a person annotated image `n`.
    pub fn is_annotated(&self, n: usize) -> bool {
        self.annotated.iter().any(|a| a.image == n)
    }

    /// Images to learn from besides the anchor: those without annotations, or all where every image
    /// has some.
    pub fn pupils(&self) -> Vec<usize> {
        let all = 0..self.views.len();
        let without: Vec<usize> = all.clone().filter(|&n| !self.is_annotated(n)).collect();
        if without.is_empty() { all.collect() } else { without }
    }

    /// Sets the labels of the annotated images to what people placed there.
    pub fn pin(&self, labels: &mut Labels) {
        for a in self.annotated {
            labels.points[a.image].clone_from(&a.points);
            labels.weights[a.image] = vec![1.0; a.points.len()];
        }
    }
}
