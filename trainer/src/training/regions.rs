//! Regions of interest of the refine network: cut around a label, aligned to the pose of the image, then
//! rotated, scaled and shifted at random, within the error of the coarse stage.

use burn::tensor::{Device, Int, Tensor, TensorData};
use fiducia::pack::RefineFrame;
use fiducia::preprocess::normalise_crop;
use fiducia::shape::Pose;
use fiducia_kernels::Affine;
use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::labels::Labels;
use crate::material::Material;
use crate::training::heatmap::target;
use crate::training::rng::{GreyJitter, item_rng, normal};

/// Usual spread of a normalised region, for noise and offsets.
const REGION_SPREAD: f32 = 1.0;
/// Augmentation strength of annotated images: only a few images have exact labels, so they are varied more.
const TEMPLATE_STRENGTH: f64 = 1.6;

/// Random transformations of training regions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Augment {
    /// Largest shift along x and y, normalised units.
    pub jitter: f64,
    /// Standard deviation of the rotation, degrees.
    pub rotation_deg: f64,
    /// Standard deviation of the logarithm of the scale.
    pub scale: f64,
}

impl Augment {
    /// As landmarks are trained: on all of a model, and on one that is added to it.
    pub const DEFAULT: Self = Self { jitter: 4.0, rotation_deg: 6.0, scale: 0.06 };
}

/// The task of a refine network: some landmarks of a set of images.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The images.
    pub m: &'a Material<'a>,
    /// Grid of a region.
    pub frame: &'a RefineFrame,
    /// Pose of each image.
    pub poses: &'a [Pose],
    /// Landmarks of the set that the network finds; its adapter `s` belongs to `landmarks[s]`.
    pub landmarks: &'a [usize],
    /// Random transformations of training regions.
    pub augment: Augment,
}

/// One region: an image, and the landmark of the task at its centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Index into the images.
    pub image: usize,
    /// Index into [`Task::landmarks`].
    pub slot: usize,
}

/// A fixed augmentation of a region: rotation and shift.
#[derive(Clone, Copy, Debug)]
pub struct Augmentation {
    /// Rotation, degrees.
    pub rotation_deg: f64,
    /// Shift along x and y, normalised units.
    pub shift: [f64; 2],
}

/// Regions cut out of images and normalised.
#[derive(Debug)]
pub struct Batch {
    /// The regions.
    pub regions: Vec<Region>,
    /// `[region][size · size]`.
    pub pixels: Vec<f32>,
    /// From region px to normalised units, one per region.
    pub frames: Vec<Affine>,
    size: usize,
}

impl Task<'_> {
    /// All landmarks of `images`.
    pub fn regions(&self, images: &[usize]) -> Vec<Region> {
        let slots = self.landmarks.len();
        images
            .iter()
            .flat_map(|&image| (0..slots).map(move |slot| Region { image, slot }))
            .collect()
    }

    /// The label of a region's landmark, normalised units.
    pub fn label(&self, labels: &Labels, region: Region) -> [f64; 2] {
        labels.points[region.image][self.landmarks[region.slot]]
    }

    /// Cuts `regions` around their labels with the random augmentation of step `step` of `stage`.
    pub fn draw(&self, labels: &Labels, regions: Vec<Region>, stage: &str, step: usize) -> Batch {
        self.cut(regions, |item, region, pixels| {
            let mut rng = item_rng(self.m.seed, stage, step, item);
            let strength = if self.m.is_annotated(region.image) { TEMPLATE_STRENGTH } else { 1.0 };
            let (turn, jitter) = (self.augment.rotation_deg * strength, self.augment.jitter);
            let angle = normal(&mut rng, turn).to_radians();
            let scale = (normal(&mut rng, self.augment.scale) * strength).exp();
            let shift = [0, 1]
                .map(|_: usize| normal(&mut rng, jitter / 3.0) + rng.random_range(-jitter..jitter));
            let frame = self.place(self.label(labels, region), region.image, angle, scale, shift);
            let grey = GreyJitter::draw(&mut rng, strength);
            self.sample(region.image, &frame, pixels);
            grey.before(pixels);
            normalise_crop(pixels);
            grey.after(pixels, REGION_SPREAD, &mut rng);
            frame
        })
    }

    /// Cuts `regions` around `centres` (`[image][landmark]`, normalised units) with a fixed augmentation.
    pub fn cut_fixed(
        &self,
        centres: &[Vec<[f64; 2]>],
        regions: Vec<Region>,
        augmentation: Augmentation,
    ) -> Batch {
        self.cut(regions, |_, region, pixels| {
            let centre = centres[region.image][self.landmarks[region.slot]];
            let angle = augmentation.rotation_deg.to_radians();
            let frame = self.place(centre, region.image, angle, 1.0, augmentation.shift);
            self.sample(region.image, &frame, pixels);
            normalise_crop(pixels);
            frame
        })
    }

    fn cut(
        &self,
        regions: Vec<Region>,
        one: impl Fn(usize, Region, &mut [f32]) -> Affine + Sync,
    ) -> Batch {
        let area = self.frame.size * self.frame.size;
        let mut pixels = vec![0.0; regions.len() * area];
        let frames = pixels
            .par_chunks_exact_mut(area)
            .enumerate()
            .zip(&regions)
            .map(|((item, pixels), region)| one(item, *region, pixels))
            .collect();
        Batch { regions, pixels, frames, size: self.frame.size }
    }

    /// Maps region px to normalised units of the image.
    fn place(
        &self,
        centre: [f64; 2],
        image: usize,
        angle: f64,
        scale: f64,
        shift: [f64; 2],
    ) -> Affine {
        let (pose, middle) = (&self.poses[image], (self.frame.size as f64 - 1.0) / 2.0);
        let scale = self.frame.unit_per_px * pose.scale * scale;
        let at = [centre[0] + shift[0], centre[1] + shift[1]];
        Affine::similarity(pose.angle + angle, scale, [middle, middle], at)
    }

    fn sample(&self, image: usize, frame: &Affine, pixels: &mut [f32]) {
        let pyramid = &self.m.pyramids[image];
        pyramid.fine.resample(&pyramid.from_unit().after(frame), pixels, [self.frame.size; 2]);
    }
}

impl Batch {
    /// The regions `which` only, each mapped by `rename`.
    pub fn part(&self, which: &[usize], rename: impl Fn(Region) -> Region) -> Self {
        let area = self.size * self.size;
        let pixels = |&r: &usize| self.pixels[r * area..(r + 1) * area].iter().copied();
        Self {
            regions: which.iter().map(|&r| rename(self.regions[r])).collect(),
            pixels: which.iter().flat_map(pixels).collect(),
            frames: which.iter().map(|&r| self.frames[r]).collect(),
            size: self.size,
        }
    }

    /// The pixels, `[regions, 1, size, size]`.
    pub fn tensor(&self, device: &Device) -> Tensor<4> {
        let shape = [self.regions.len(), 1, self.size, self.size];
        Tensor::from_data(TensorData::new(self.pixels.clone(), shape), device)
    }

    /// The adapter index of each region.
    pub fn slots(&self, device: &Device) -> Tensor<1, Int> {
        let slots: Vec<i64> = self.regions.iter().map(|r| r.slot as i64).collect();
        Tensor::from_data(TensorData::new(slots, [self.regions.len()]), device)
    }

    /// Target heat maps `[regions, size · size]` with `sigma` px around the labels, and the labels' weights;
    /// a label outside its region has weight 0.
    pub fn targets(&self, task: &Task<'_>, labels: &Labels, sigma: f64) -> (Vec<f32>, Vec<f32>) {
        let area = self.size * self.size;
        let mut maps = vec![0.0; self.regions.len() * area];
        let regions = maps.par_chunks_exact_mut(area).zip(&self.frames).zip(&self.regions);
        let weights = regions.map(|((map, frame), region)| {
            let back = frame.inverse().expect("regions keep some size");
            let inside =
                target(back.apply(task.label(labels, *region)), sigma, [self.size; 2], map);
            let weight = labels.weights[region.image][task.landmarks[region.slot]];
            if inside { weight as f32 } else { 0.0 }
        });
        let weights = weights.collect();
        (maps, weights)
    }
}
