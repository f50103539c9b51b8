//! Fusion: one network with shared weights and a small adapter per landmark is distilled from the dedicated
//! networks.

use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Tensor, TensorData};
use fiducia::Error;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::labels::Labels;
use crate::nets::{AdapterForm, RefineNet, values};
use crate::training::checkpoint::Checkpoint;
use crate::training::phase::{
    AUGMENTATIONS, AugmentedPrediction, Phase, heat_maps, learn, predict_augmented,
};
use crate::training::regions::{Batch, Region, Task};

/// Fraction of the dedicated networks' heat maps in the targets; the rest are the labels.
const DISTIL: f32 = 0.6;
/// Standard deviation of the label heat maps at the start and at the end, px.
const SIGMA: [f64; 2] = [1.8, 1.4];

/// Configuration of the fusion.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FuseConfig {
    /// Private parameters of each landmark.
    pub form: AdapterForm,
    /// Passes over the images.
    pub passes: usize,
    /// Images per step.
    pub batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Whether the dedicated networks are teachers; otherwise only the labels are used.
    pub distil: bool,
}

/// Trains the fused network, starting from `start`.
///
/// # Errors
/// Errors of the checkpoint folder.
pub fn fuse(
    task: &Task<'_>,
    labels: &Labels,
    singles: &[RefineNet],
    start: &RefineNet,
    config: &FuseConfig,
    checkpoint: &Checkpoint,
    tick: &(dyn Fn(f64) + Sync),
) -> Result<RefineNet, Error> {
    let saved: Option<Vec<usize>> = checkpoint.state()?;
    let done = saved.is_some();
    let ranks = saved.unwrap_or_else(|| ranks(task, labels, singles, start, config.form.rank()));
    task.m.device.seed(task.m.seed);
    let initial = start.valid().train().adapted(config.form, &ranks, task.m.device);
    if !done {
        let singles: Vec<RefineNet> = singles.iter().map(Module::valid).collect();
        let teacher = |batch: &Batch| (teacher_heat_maps(task, &singles, batch), DISTIL);
        let phase = Phase {
            stage: "fuse",
            images: &task.m.training_images(),
            bank: &[],
            batch: config.batch,
            passes: config.passes,
            learning_rate: config.learning_rate,
            sigma: SIGMA,
        };
        let distil = config.distil && !singles.is_empty();
        let trained =
            learn(task, labels, &phase, &initial, if distil { Some(&teacher) } else { None }, tick);
        checkpoint.save(&[("fused", &trained.average)], None, &ranks)?;
    }
    checkpoint.network("fused", initial.valid())
}

/// The rank of every landmark: full rank where its dedicated network differs from the shared one by more than
/// the median, half of it otherwise. Only pseudo-labels are used.
fn ranks(
    task: &Task<'_>,
    labels: &Labels,
    singles: &[RefineNet],
    shared: &RefineNet,
    full: usize,
) -> Vec<usize> {
    let landmarks = task.landmarks.len();
    if full == 0 || singles.is_empty() {
        return vec![full; landmarks];
    }
    let images = task.m.training_images();
    let augmentations = &AUGMENTATIONS[..1];
    let together = predict_augmented(task, shared, &labels.points, &images, augmentations);
    let total_difference = |(slot, single): (usize, &RefineNet)| {
        let one = [task.landmarks[slot]];
        let alone = Task { landmarks: &one, ..*task };
        let seen = predict_augmented(&alone, single, &labels.points, &images, augmentations);
        let difference = |(a, b): (&Vec<AugmentedPrediction>, &Vec<AugmentedPrediction>)| {
            fiducia::shape::distance(a[0].point, b[slot].point)
        };
        seen.iter().zip(&together).map(difference).sum::<f64>()
    };
    let differences: Vec<f64> = singles.iter().enumerate().map(total_difference).collect();
    let usual = crate::statistics::median(differences.clone());
    differences.iter().map(|&d| if d > usual { full } else { full.div_ceil(2) }).collect()
}

/// The dedicated networks' heat maps for a batch, each for its own landmark, as probabilities, `[region][size
/// · size]`.
fn teacher_heat_maps(task: &Task<'_>, singles: &[RefineNet], batch: &Batch) -> Vec<f32> {
    let area = task.frame.size * task.frame.size;
    let mut soft = vec![0.0; batch.regions.len() * area];
    let one = |(slot, single): (usize, &RefineNet)| {
        let which: Vec<usize> =
            (0..batch.regions.len()).filter(|&r| batch.regions[r].slot == slot).collect();
        let part = batch.part(&which, |r| Region { slot: 0, ..r });
        (which, probabilities(task, &heat_maps(task, single, &part), area))
    };
    let all: Vec<(Vec<usize>, Vec<f32>)> = singles.par_iter().enumerate().map(one).collect();
    for (which, maps) in all {
        for (&r, map) in which.iter().zip(maps.chunks_exact(area)) {
            soft[r * area..(r + 1) * area].copy_from_slice(map);
        }
    }
    soft
}

fn probabilities(task: &Task<'_>, logits: &[f32], area: usize) -> Vec<f32> {
    let device = task.m.device.clone().inner();
    let data = TensorData::new(logits.to_vec(), [logits.len() / area, area]);
    values(&softmax(Tensor::<2>::from_data(data, &device), 1))
}
