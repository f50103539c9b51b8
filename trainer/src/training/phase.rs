//! A training phase of a refine network: some passes over some images with constant labels; and test-time
//! augmentation.

use burn::module::Module;
use fiducia::shape::distance;
use fiducia_kernels::peak;
use rand::RngExt;
use rayon::prelude::*;

use crate::labels::Labels;
use crate::nets::{RefineNet, values};
use crate::training::coarse::pick;
use crate::training::regions::{Augmentation, Batch, Region, Task};
use crate::training::rng::item_rng;
use crate::training::schedule::{heat_map_sigma, learning_rate, optimiser};
use crate::training::step::Learner;

/// Regions that are evaluated together.
const CHUNK: usize = 38;
/// The test-time augmentations.
pub const AUGMENTATIONS: [Augmentation; 4] = [
    Augmentation { rotation_deg: 0.0, shift: [0.0, 0.0] },
    Augmentation { rotation_deg: 5.0, shift: [1.5, -1.0] },
    Augmentation { rotation_deg: -5.0, shift: [-1.0, 1.5] },
    Augmentation { rotation_deg: 0.0, shift: [-1.5, -1.5] },
];

/// Configuration of a training phase.
#[derive(Clone, Debug)]
pub struct Phase<'a> {
    /// Name of the phase, for its random numbers.
    pub stage: &'a str,
    /// Training images, besides the template.
    pub images: &'a [usize],
    /// Images of the template bank, per landmark of the task.
    pub bank: &'a [Vec<usize>],
    /// Images per step; one template is added.
    pub batch: usize,
    /// Passes over the images.
    pub passes: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Standard deviation of the target heat maps at the start and at the end, px.
    pub sigma: [f64; 2],
}

/// A network after a training phase.
#[derive(Debug)]
pub struct Student {
    /// Its weights.
    pub network: RefineNet,
    /// Their moving average, used for inference.
    pub average: RefineNet,
    /// Mean loss of the last pass.
    pub loss: f64,
}

/// Computes soft targets for a batch, `[region][size · size]`, and their weight against the labels, 0 to 1.
pub type Teacher<'a> = &'a (dyn Fn(&Batch) -> (Vec<f32>, f32) + Sync);

/// The prediction of a network for one landmark on one image, combined over augmentations.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AugmentedPrediction {
    /// Mean position, normalised units.
    pub point: [f64; 2],
    /// Mean distance of the single predictions from it, normalised units.
    pub scatter: f64,
    /// Mean expected error of the heat maps, normalised units.
    pub spread: f64,
}

/// Trains a copy of `network` on `labels`; calls `tick` with the loss after every step.
pub fn learn(
    task: &Task<'_>,
    labels: &Labels,
    phase: &Phase<'_>,
    network: &RefineNet,
    teacher: Option<Teacher<'_>>,
    tick: &(dyn Fn(f64) + Sync),
) -> Student {
    let device = task.m.device;
    // A plain clone would share the batch-norm statistics with the original network.
    let network = network.valid().train();
    let mut learner = Learner { average: network.valid(), network, optimiser: optimiser() };
    let per_pass = phase.images.len().div_ceil(phase.batch).max(1);
    let steps = phase.passes * per_pass;
    let mut losses = vec![0.0; per_pass];
    for step in 0..steps {
        let regions = regions(task, phase, step);
        let batch = task.draw(labels, regions, phase.stage, step);
        let sigma = heat_map_sigma(phase.sigma[0], phase.sigma[1], step, steps);
        let (mut targets, weights) = batch.targets(task, labels, sigma);
        if let Some(teacher) = teacher {
            let (soft, fraction) = teacher(&batch);
            let blend = |(t, s): (&mut f32, f32)| *t += fraction * (s - *t);
            targets.iter_mut().zip(soft).for_each(blend);
        }
        let rate = learning_rate(phase.learning_rate, step, steps);
        let (next, done) = learner.step(&batch, (targets, weights), rate, step, device);
        learner = next;
        losses[step % per_pass] = done.loss;
        tick(done.loss);
    }
    let loss = losses.iter().sum::<f64>() / per_pass as f64;
    Student { network: learner.network, average: learner.average, loss }
}

/// The regions of one step: images in a new order every pass, one template, and members of the bank for every
/// landmark that has any.
fn regions(task: &Task<'_>, phase: &Phase<'_>, step: usize) -> Vec<Region> {
    let mut images = pick(task.m.seed, phase.images, phase.batch, phase.stage, step);
    images.push(task.m.anchor(step));
    let mut regions = task.regions(&images);
    let mut rng = item_rng(task.m.seed, phase.stage, step, usize::MAX);
    for (slot, members) in phase.bank.iter().enumerate() {
        let draws = if members.is_empty() { 0 } else { phase.batch.div_ceil(6) };
        for _ in 0..draws {
            regions.push(Region { image: members[rng.random_range(0..members.len())], slot });
        }
    }
    regions
}

/// Predictions of `network` for the task's landmarks on `images`, in regions around `centres`
/// (`[image][landmark]`, normalised units): `[image of the list][slot]`.
pub fn predict_augmented(
    task: &Task<'_>,
    network: &RefineNet,
    centres: &[Vec<[f64; 2]>],
    images: &[usize],
    augmentations: &[Augmentation],
) -> Vec<Vec<AugmentedPrediction>> {
    let network = network.valid();
    let regions = task.regions(images);
    let chunk = |regions: &[Region]| {
        let seen: Vec<Vec<([f64; 2], f64)>> = augmentations
            .iter()
            .map(|augmentation| {
                let batch = task.cut_fixed(centres, regions.to_vec(), *augmentation);
                decode(task, &batch, &heat_maps(task, &network, &batch))
            })
            .collect();
        (0..regions.len())
            .map(|r| gather(seen.iter().map(|s| s[r])))
            .collect::<Vec<AugmentedPrediction>>()
    };
    let predictions: Vec<AugmentedPrediction> =
        regions.par_chunks(CHUNK).flat_map_iter(chunk).collect();
    predictions.chunks(task.landmarks.len()).map(<[AugmentedPrediction]>::to_vec).collect()
}

/// Logits of `network` (in inference form) on a batch.
pub fn heat_maps(task: &Task<'_>, network: &RefineNet, batch: &Batch) -> Vec<f32> {
    let device = task.m.device.clone().inner();
    values(&network.forward(batch.tensor(&device), batch.slots(&device)))
}

/// Position and expected error of each heat map, normalised units.
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

fn gather(
    augmentations: impl ExactSizeIterator<Item = ([f64; 2], f64)> + Clone,
) -> AugmentedPrediction {
    let count = augmentations.len() as f64;
    let mean = |axis: usize| augmentations.clone().map(|(p, _)| p[axis]).sum::<f64>() / count;
    let point = [mean(0), mean(1)];
    AugmentedPrediction {
        point,
        scatter: augmentations.clone().map(|(p, _)| distance(p, point)).sum::<f64>() / count,
        spread: augmentations.map(|(_, s)| s).sum::<f64>() / count,
    }
}
