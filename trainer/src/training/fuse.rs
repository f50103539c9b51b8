//! Fusion: one network with shared weights and a small adapter per landmark learns from the dedicated
//! networks what each of them knows ("landmarks are alike").

use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Tensor, TensorData};
use fiducia::Error;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::correspond::Labels;
use crate::nets::{AdapterForm, RefineNet, values};
use crate::training::checkpoint::Checkpoint;
use crate::training::lesson::{LOOKS, Lesson, Sight, heat_maps, learn, look};
use crate::training::regions::{Batch, Region, Task};

/// Share of the dedicated networks' heat maps in the targets; the rest are the labels.
const DISTIL: f32 = 0.6;
/// Width of the label heat maps at the start and in the end, px.
const SIGMA: [f64; 2] = [1.8, 1.4];

/// How the networks are fused.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FuseConfig {
    /// What each landmark owns.
    pub form: AdapterForm,
    /// Passes over the images.
    pub passes: usize,
    /// Images per step.
    pub batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Whether the dedicated networks teach; without it the labels alone do.
    pub distil: bool,
}

/// Trains the fused network, which starts from `start`.
///
/// # Errors
/// From the checkpoint folder.
pub fn fuse(
    task: &Task<'_>,
    labels: &Labels,
    singles: &[RefineNet],
    start: &RefineNet,
    config: &FuseConfig,
    checkpoint: &Checkpoint,
    tick: &(dyn Fn(f64) + Sync),
) -> Result<RefineNet, Error> {
    let kept: Option<Vec<usize>> = checkpoint.state()?;
    let done = kept.is_some();
    let ranks = kept.unwrap_or_else(|| ranks(task, labels, singles, start, config.form.rank()));
    task.m.device.seed(task.m.seed);
    let student = start.valid().train().adapted(config.form, &ranks, task.m.device);
    if !done {
        let singles: Vec<RefineNet> = singles.iter().map(Module::valid).collect();
        let teacher = |batch: &Batch| (taught(task, &singles, batch), DISTIL);
        let lesson = Lesson {
            stage: "fuse",
            images: &task.m.pupils(),
            bank: &[],
            batch: config.batch,
            passes: config.passes,
            learning_rate: config.learning_rate,
            sigma: SIGMA,
        };
        let distil = config.distil && !singles.is_empty();
        let pupil = learn(
            task,
            labels,
            &lesson,
            &student,
            if distil { Some(&teacher) } else { None },
            tick,
        );
        checkpoint.save(&[("fused", &pupil.average)], None, &ranks)?;
    }
    checkpoint.network("fused", student.valid())
}

/// The rank of every landmark: those on which its dedicated network and the shared one differ most get
/// the full rank, the others half of it. No label but the pseudo-labels' regions is used.
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
    let images = task.m.pupils();
    let views = &LOOKS[..1];
    let together = look(task, shared, &labels.points, &images, views);
    let difference = |(slot, single): (usize, &RefineNet)| {
        let one = [task.landmarks[slot]];
        let alone = Task { landmarks: &one, ..*task };
        let seen = look(&alone, single, &labels.points, &images, views);
        let apart =
            |(a, b): (&Vec<Sight>, &Vec<Sight>)| fiducia::distance(a[0].point, b[slot].point);
        seen.iter().zip(&together).map(apart).sum::<f64>()
    };
    let differences: Vec<f64> = singles.iter().enumerate().map(difference).collect();
    let usual = crate::correspond::median(differences.clone());
    differences.iter().map(|&d| if d > usual { full } else { full.div_ceil(2) }).collect()
}

/// What the dedicated networks see in a batch: each its own landmark, as probabilities.
fn taught(task: &Task<'_>, singles: &[RefineNet], batch: &Batch) -> Vec<f32> {
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
