//! One lesson of a refine network: some passes over some images with fixed labels; and what a network
//! sees when it looks at images in several ways.

use burn::module::Module;
use burn::optim::GradientsParams;
use fiducia::distance;
use fiducia_kernels::peak;
use rand::RngExt;
use rayon::prelude::*;

use crate::correspond::Labels;
use crate::nets::{RefineNet, values};
use crate::training::average::follow;
use crate::training::chance::chance;
use crate::training::coarse::pick;
use crate::training::heatmap::loss;
use crate::training::regions::{Batch, Look, Region, Task};
use crate::training::schedule::{heat_map_sigma, learning_rate, optimiser};

/// Regions that are looked at together.
const CHUNK: usize = 38;
/// How a region is looked at: test-time augmentation.
pub const LOOKS: [Look; 4] = [
    Look { rotation_deg: 0.0, shift: [0.0, 0.0] },
    Look { rotation_deg: 5.0, shift: [1.5, -1.0] },
    Look { rotation_deg: -5.0, shift: [-1.0, 1.5] },
    Look { rotation_deg: 0.0, shift: [-1.5, -1.5] },
];

/// What a lesson consists of.
#[derive(Clone, Debug)]
pub struct Lesson<'a> {
    /// Name that its randomness depends on.
    pub stage: &'a str,
    /// Images to learn from, besides the template.
    pub images: &'a [usize],
    /// Images of the template bank, per landmark of the task.
    pub bank: &'a [Vec<usize>],
    /// Images per step; the template is one more.
    pub batch: usize,
    /// Passes over the images.
    pub passes: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Width of the target heat maps at the start and at the end, px.
    pub sigma: [f64; 2],
}

/// A network after a lesson.
#[derive(Debug)]
pub struct Pupil {
    /// Its weights.
    pub network: RefineNet,
    /// Their running average.
    pub average: RefineNet,
    /// Mean loss of the last pass.
    pub loss: f64,
}

/// Soft targets for a batch, `[region][size · size]`, and how much they count against labels, 0 to 1.
pub type Teacher<'a> = &'a (dyn Fn(&Batch) -> (Vec<f32>, f32) + Sync);

/// What a network sees of one landmark on one image.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Sight {
    /// Mean position over all looks, units.
    pub point: [f64; 2],
    /// Mean distance of the looks from it, units.
    pub scatter: f64,
    /// Mean expected error of the heat maps, units.
    pub spread: f64,
}

/// Trains `network` on `labels`; `tick` is told after every step.
pub fn learn(
    task: &Task<'_>,
    labels: &Labels,
    lesson: &Lesson<'_>,
    network: &RefineNet,
    teacher: Option<Teacher<'_>>,
    tick: &(dyn Fn(f64) + Sync),
) -> Pupil {
    let device = task.m.device;
    let mut optimiser = optimiser();
    // A plain clone would share its running statistics with the network it came from.
    let mut network = network.valid().train();
    let mut average = network.valid();
    let per_pass = lesson.images.len().div_ceil(lesson.batch).max(1);
    let steps = lesson.passes * per_pass;
    let mut losses = vec![0.0; per_pass];
    for step in 0..steps {
        let regions = regions(task, lesson, step);
        let batch = task.draw(labels, regions, lesson.stage, step);
        let sigma = heat_map_sigma(lesson.sigma[0], lesson.sigma[1], step, steps);
        let (mut targets, weights) = batch.targets(task, labels, sigma);
        if let Some(teacher) = teacher {
            let (soft, share) = teacher(&batch);
            let blend = |(t, s): (&mut f32, f32)| *t += share * (s - *t);
            targets.iter_mut().zip(soft).for_each(blend);
        }
        let logits = network.forward(batch.tensor(device), batch.slots(device));
        let value = loss(logits, targets, &weights, device);
        let gradients = GradientsParams::from_grads(value.backward(), &network);
        let rate = learning_rate(lesson.learning_rate, step, steps);
        network = optimiser.step(rate, network, gradients);
        average = follow(average, &network, step);
        losses[step % per_pass] = f64::from(value.into_scalar::<f32>());
        tick(losses[step % per_pass]);
    }
    Pupil { network, average, loss: losses.iter().sum::<f64>() / per_pass as f64 }
}

/// The regions of one step: images in a new order every pass, the template, and one member of the bank
/// for every landmark that has any.
fn regions(task: &Task<'_>, lesson: &Lesson<'_>, step: usize) -> Vec<Region> {
    let mut images = pick(task.m.seed, lesson.images, lesson.batch, lesson.stage, step);
    images.push(task.m.anchor(step));
    let mut regions = task.regions(&images);
    let mut rng = chance(task.m.seed, lesson.stage, step, usize::MAX);
    for (slot, members) in lesson.bank.iter().enumerate() {
        let draws = if members.is_empty() { 0 } else { lesson.batch.div_ceil(6) };
        for _ in 0..draws {
            regions.push(Region { image: members[rng.random_range(0..members.len())], slot });
        }
    }
    regions
}

/// What `network` sees of the task's landmarks on `images`, cut around `centres`:
/// `[image of the list][slot]`.
pub fn look(
    task: &Task<'_>,
    network: &RefineNet,
    centres: &[Vec<[f64; 2]>],
    images: &[usize],
    looks: &[Look],
) -> Vec<Vec<Sight>> {
    let network = network.valid();
    let regions = task.regions(images);
    let chunk = |regions: &[Region]| {
        let seen: Vec<Vec<([f64; 2], f64)>> = looks
            .iter()
            .map(|look| {
                let batch = task.view(centres, regions.to_vec(), *look);
                decode(task, &batch, &heat_maps(task, &network, &batch))
            })
            .collect();
        (0..regions.len()).map(|r| gather(seen.iter().map(|s| s[r]))).collect::<Vec<Sight>>()
    };
    let sights: Vec<Sight> = regions.par_chunks(CHUNK).flat_map_iter(chunk).collect();
    sights.chunks(task.landmarks.len()).map(<[Sight]>::to_vec).collect()
}

/// Logits of `network` (in inference form) on a batch.
pub fn heat_maps(task: &Task<'_>, network: &RefineNet, batch: &Batch) -> Vec<f32> {
    let device = task.m.device.clone().inner();
    values(&network.forward(batch.tensor(&device), batch.slots(&device)))
}

/// Position and expected error in each heat map, units.
pub(super) fn decode(task: &Task<'_>, batch: &Batch, logits: &[f32]) -> Vec<([f64; 2], f64)> {
    let size = task.frame.size;
    let middle = (size as f64 - 1.0) / 2.0;
    let one = |(map, frame): (&[f32], &fiducia_kernels::Affine)| {
        let unit = frame.determinant().abs().sqrt();
        match peak(map, size, size, task.frame.peak_radius) {
            Some(p) => (frame.apply([p.x.into(), p.y.into()]), f64::from(p.expected_error) * unit),
            None => (frame.apply([middle; 2]), middle * unit),
        }
    };
    logits.chunks_exact(size * size).zip(&batch.frames).map(one).collect()
}

fn gather(looks: impl ExactSizeIterator<Item = ([f64; 2], f64)> + Clone) -> Sight {
    let count = looks.len() as f64;
    let mean = |axis: usize| looks.clone().map(|(p, _)| p[axis]).sum::<f64>() / count;
    let point = [mean(0), mean(1)];
    Sight {
        point,
        scatter: looks.clone().map(|(p, _)| distance(p, point)).sum::<f64>() / count,
        spread: looks.map(|(_, s)| s).sum::<f64>() / count,
    }
}
