//! A short distillation after quantisation. The scales of the few-bit differences and the common values are
//! optimised until the heat maps are closest to those of the original model. The codes do not change, so the
//! file size stays the same. It also recovers part of the error of the 8-bit weights.

use burn::module::{Module, Param};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use fiducia::{Backend, Detector, Error, Pack};

use super::deltas::{Coded, groups};
use super::frozen;
use crate::data::Unlabelled;
use crate::nets::values;
use crate::parallel::map_chunks;
use crate::progress::Progress;
use crate::training::heatmap::loss;
use crate::training::schedule::learning_rate;

/// Most images used; more do not improve the result.
const MOST_IMAGES: usize = 48;
/// Images per step.
const BATCH: usize = 3;
/// Passes over the images.
const PASSES: usize = 5;
/// Highest learning rate; a change of 1 scales by e, or moves a common value by the usual size of its
/// differences.
const LEARNING_RATE: f64 = 0.01;

/// Changes of the scales (as logarithms) and of the common values (relative to their usual difference).
#[derive(Module, Debug)]
struct Moves {
    by: Param<Tensor<1>>,
}

/// Optimises `coded`, which belongs to the shared weights of `after`, to reproduce the heat maps of `before`
/// on `images`.
///
/// # Errors
/// Where a pack does not compile or was not made by this trainer, or an image cannot be read.
pub(super) fn distil<'a>(
    coded: Coded<'a>,
    before: &Pack,
    after: &Pack,
    images: &[Unlabelled],
    progress: &Progress,
) -> Result<Coded<'a>, Error> {
    let device = Device::flex().autodiff();
    let landmarks = coded.landmarks.len();
    let adapters: Vec<Vec<f32>> = (0..landmarks).map(|l| before.adapter(l)).collect();
    let teacher = frozen(before, &adapters, &device)?.valid();
    let mut student = frozen(after, &coded.values(), &device)?;

    let step_by = images.len().div_ceil(MOST_IMAGES).max(1);
    let images: Vec<&Unlabelled> = images.iter().step_by(step_by).collect();
    let regions = map_chunks(
        &images,
        || Detector::new(before, Backend::Cpu),
        |detector, image| {
            detector.observe(&image.read()?)?;
            Ok(detector.regions().to_vec())
        },
    )?;

    let size = before.manifest().refine.size;
    let every: Vec<i64> = (0..landmarks as i64).collect();
    let input = |pixels: &[f32], device: &Device| -> (Tensor<4>, Tensor<1, Int>) {
        let count = pixels.len() / (size * size);
        let which = every.repeat(count / landmarks);
        let pixels = TensorData::new(pixels.to_vec(), [count, 1, size, size]);
        let which = TensorData::new(which, [count]);
        (Tensor::from_data(pixels, device), Tensor::from_data(which, device))
    };
    let taught = |pixels: &Vec<f32>| {
        let (seen, slots) = input(pixels, &device.clone().inner());
        values(&softmax(teacher.forward(seen, slots), 1))
    };
    let targets: Vec<Vec<f32>> = regions.iter().map(taught).collect();

    let groups_len = groups(coded.inputs).count();
    let count = landmarks * groups_len + coded.common.len();
    let mut moves =
        Moves { by: Param::from_data(TensorData::new(vec![0.0f32; count], [count]), &device) };
    let (sizes, mut now) = (sizes(&coded), coded.clone());
    let mut optimiser = AdamConfig::new().init();
    let steps = PASSES * regions.len().div_ceil(BATCH);
    let bar = progress.bar("distil", steps);
    for step in 0..steps {
        let batch = || (0..BATCH).map(|k| (step * BATCH + k) % regions.len());
        let pixels: Vec<f32> = batch().flat_map(|n| regions[n].iter().copied()).collect();
        let goal: Vec<f32> = batch().flat_map(|n| targets[n].iter().copied()).collect();
        let (seen, slots) = input(&pixels, &device);
        let weights = vec![1.0; BATCH * landmarks];
        let gradients = loss(student.forward(seen, slots), goal, &weights, &device).backward();
        let gradient = chain(&now, &sizes, &student.adapter_gradients(&gradients));
        let mut taken = GradientsParams::new();
        let data = TensorData::new(gradient, [count]);
        taken.register(moves.by.id, Tensor::<1>::from_data(data, &device.clone().inner()));
        moves = optimiser.step(learning_rate(LEARNING_RATE, step, steps), moves, taken);
        now = moved(&coded, &sizes, &moves);
        student = student.with_adapters(&now.values(), &device);
        bar.inc(1);
    }
    bar.finish();
    Ok(now)
}

/// The gradient with respect to the changes at `now`, from that of the adapter values (`[landmark]`, one
/// slice each).
fn chain(now: &Coded<'_>, sizes: &[f32], slices: &[Vec<f32>]) -> Vec<f32> {
    let mut gradient = Vec::new();
    for (own, slice) in now.landmarks.iter().zip(slices) {
        for (group, range) in own.iter().zip(groups(now.inputs)) {
            let levels = group.codes.iter().map(|&c| now.coding.level(c));
            let along = slice[range].iter().zip(levels).map(|(g, level)| g * level).sum::<f32>();
            gradient.push(along * group.scale);
        }
    }
    let sum = |i: usize| slices.iter().map(|s| s[i]).sum::<f32>();
    gradient.extend(sizes.iter().enumerate().map(|(i, size)| sum(i) * size));
    gradient
}

/// `coded` with the changes applied.
fn moved<'a>(coded: &Coded<'a>, sizes: &[f32], moves: &Moves) -> Coded<'a> {
    let mut by = values(&moves.by.val()).into_iter();
    let mut next = coded.clone();
    for (group, by) in next.landmarks.iter_mut().flatten().zip(by.by_ref()) {
        group.scale *= by.exp();
    }
    for ((value, size), by) in next.common.iter_mut().zip(sizes).zip(by) {
        *value += size * by;
    }
    next
}

/// Usual size of the differences from each common value: the mean scale of its group over the landmarks.
fn sizes(coded: &Coded<'_>) -> Vec<f32> {
    let count = coded.landmarks.len().max(1) as f32;
    let size = |(k, range): (usize, std::ops::Range<usize>)| {
        let mean = coded.landmarks.iter().map(|own| own[k].scale).sum::<f32>() / count;
        std::iter::repeat_n(mean, range.len())
    };
    groups(coded.inputs).enumerate().flat_map(size).collect()
}
