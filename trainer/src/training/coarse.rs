//! Trains the coarse decoder on pseudo-labels. During the training the labels are matched again around the
//! network's predictions.

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use fiducia::Error;
use fiducia::pack::FullImageInput;
use fiducia::preprocess::{full_image_frame, normalise_whole};
use fiducia::shape::{ShapeModel, distance};
use fiducia_kernels::{Affine, peak};
use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::correspond::Correspondences;
use crate::labels::{Labels, cauchy_weight, towards};
use crate::material::Material;
use crate::nets::{CoarseDecoder, TrunkFeatures, TrunkRunner};
use crate::pyramid::ImagePyramid;
use crate::shape_fit::{learn_shape, regularise};
use crate::training::checkpoint::Checkpoint;
use crate::training::heatmap::{loss, target};
use crate::training::rng::{GreyJitter, item_rng, normal};
use crate::training::schedule::{heat_map_sigma, learning_rate, optimiser};
use crate::training::step::descend;

/// Usual spread of the backbone's input, for noise and offsets.
const INPUT_SPREAD: f32 = 0.5;
/// Steps between checkpoints.
const SAVE_EVERY: usize = 20;
/// Standard deviation of the prior when labels are matched again around a prediction, normalised units.
const REMATCH_SIGMA: f64 = 5.0;
/// Largest change of a label in one update, normalised units.
const MAX_MOVE: f64 = 4.0;
/// Difference between prediction and match that halves a label's weight, normalised units.
const HALF_WEIGHT: f64 = 2.5;

/// Configuration of the coarse training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoarseConfig {
    /// Optimiser steps.
    pub steps: usize,
    /// Unlabelled images per step; one template is added.
    pub batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// How many times labels are matched again, evenly distributed over the steps.
    pub updates: usize,
    /// Standard deviation of the rotation, degrees.
    pub rotation_deg: f64,
    /// Standard deviation of the logarithm of the scale.
    pub scale: f64,
    /// Standard deviation of the shift along x and y, normalised units.
    pub shift: f64,
}

/// The state saved besides network and optimiser.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    step: usize,
    labels: Labels,
}

/// Trains a decoder; returns it with the labels after the last update.
///
/// # Errors
/// From the trunk, or from the checkpoint folder.
pub fn train_coarse(
    material: &Material<'_>,
    correspondence: &Correspondences,
    frame: &FullImageInput,
    config: &CoarseConfig,
    checkpoint: &Checkpoint,
) -> Result<(CoarseDecoder, Labels), Error> {
    material.device.seed(material.seed);
    let network = CoarseDecoder::new(material.landmarks(), material.device);
    let mut network = checkpoint.network("network", network)?;
    let mut optimiser = checkpoint.optimiser(optimiser())?;
    let fresh = || State { step: 0, labels: correspondence.labels.clone() };
    let mut state: State = checkpoint.state()?.unwrap_or_else(fresh);
    if state.step == 0 {
        regularise_labels(&mut state.labels, material);
    }
    let runner = material.trunk.runner(frame.width, frame.height)?;
    let update_every = (config.steps / (config.updates + 1)).max(1);
    let bar = material.progress.bar("coarse", config.steps);
    while state.step < config.steps {
        bar.set_position(state.step as u64);
        if state.step > 0
            && state.step.is_multiple_of(update_every)
            && state.step / update_every <= config.updates
        {
            let predicted = predict(&network, material, frame, &runner)?;
            let moved = update_labels(&mut state.labels, &predicted, correspondence, material);
            log::info!(
                "coarse step {}: labels moved by {moved:.2} units in the median",
                state.step
            );
        }
        let batch = Batch::draw(material, &state.labels, frame, config, state.step, &runner)?;
        let (next, value) =
            learn(network, &mut optimiser, batch, material, frame, config, state.step);
        network = next;
        state.step += 1;
        if state.step.is_multiple_of(10) {
            bar.set_message(format!("loss {value:.3}"));
        }
        if state.step.is_multiple_of(SAVE_EVERY) || state.step == config.steps {
            checkpoint.save(&[("network", &network)], Some(&optimiser), &state)?;
        }
    }
    bar.finish();
    let predicted = predict(&network, material, frame, &runner)?;
    update_labels(&mut state.labels, &predicted, correspondence, material);
    Ok((network, state.labels))
}

fn learn(
    network: CoarseDecoder,
    optimiser: &mut ModuleOptimizer,
    batch: Batch,
    material: &Material<'_>,
    frame: &FullImageInput,
    config: &CoarseConfig,
    step: usize,
) -> (CoarseDecoder, f32) {
    let logits = network.forward(CoarseDecoder::tensors(&batch.features, material.device));
    let [n, landmarks, h, w] = logits.dims();
    let sigma = heat_map_sigma(1.2, 0.7, step, config.steps);
    let (targets, weights) = batch.targets(frame, sigma);
    let value = loss(logits.reshape([n * landmarks, h * w]), targets, &weights, material.device);
    let rate = learning_rate(config.learning_rate, step, config.steps);
    descend(network, optimiser, value, rate)
}

/// Trunk features of augmented images, and the landmarks' positions in them, px of the input.
struct Batch {
    features: Vec<TrunkFeatures>,
    points: Vec<Vec<[f64; 2]>>,
    weights: Vec<Vec<f64>>,
}

impl Batch {
    fn draw(
        m: &Material<'_>,
        labels: &Labels,
        frame: &FullImageInput,
        config: &CoarseConfig,
        step: usize,
        runner: &TrunkRunner,
    ) -> Result<Self, Error> {
        let mut images = pick(m.seed, &m.training_images(), config.batch, "coarse batch", step);
        images.push(m.anchor(step));
        let draw = |(item, &n): (usize, &usize)| {
            let mut rng = item_rng(m.seed, "coarse", step, item);
            let pyramid = &m.pyramids[n];
            let to_unit = augmented(pyramid, frame, config, &mut rng);
            let jitter = GreyJitter::draw(&mut rng, 1.0);
            let mut input = pyramid.sample(&pyramid.full, &to_unit, [frame.width, frame.height]);
            jitter.before(&mut input);
            normalise_whole(frame, &mut input, &mut Vec::new());
            jitter.after(&mut input, INPUT_SPREAD, &mut rng);
            let back = to_unit.inverse().expect("augmentations keep some size");
            let points = labels.points[n].iter().map(|&p| back.apply(p)).collect();
            Ok((runner.run(&input)?, points, labels.weights[n].clone()))
        };
        let drawn: Result<Vec<_>, Error> = images.par_iter().enumerate().map(draw).collect();
        let mut batch = Self { features: vec![], points: vec![], weights: vec![] };
        for (features, points, weights) in drawn? {
            batch.features.push(features);
            batch.points.push(points);
            batch.weights.push(weights);
        }
        Ok(batch)
    }

    /// Heat maps `[n · landmarks, cells]` and their weights; a landmark outside the image has weight 0.
    fn targets(&self, frame: &FullImageInput, sigma: f64) -> (Vec<f32>, Vec<f32>) {
        let cells = [frame.width / frame.stride, frame.height / frame.stride];
        let to_cell = |v: f64| (v - (frame.stride as f64 - 1.0) / 2.0) / frame.stride as f64;
        let mut maps =
            vec![0.0; self.points.iter().map(Vec::len).sum::<usize>() * cells[0] * cells[1]];
        let all = self.points.iter().flatten().zip(self.weights.iter().flatten());
        let weights = all.zip(maps.chunks_exact_mut(cells[0] * cells[1])).map(|((p, w), map)| {
            if target([to_cell(p[0]), to_cell(p[1])], sigma, cells, map) { *w as f32 } else { 0.0 }
        });
        let weights = weights.collect();
        (maps, weights)
    }
}

/// The `count` images of step `step`: a random order per pass, each image once per pass.
pub(crate) fn pick(
    seed: u64,
    images: &[usize],
    count: usize,
    stage: &str,
    step: usize,
) -> Vec<usize> {
    let at = |i: usize| {
        let (pass, place) = (i / images.len(), i % images.len());
        let mut rng = item_rng(seed, stage, pass, 0);
        let mut order = images.to_vec();
        for k in (1..order.len()).rev() {
            order.swap(k, rng.random_range(0..=k));
        }
        order[place]
    };
    (step * count..(step + 1) * count).map(at).collect()
}

/// Maps pixels of the backbone's input to normalised units of the image, with random rotation, scale and
/// shift.
fn augmented(
    pyramid: &ImagePyramid,
    frame: &FullImageInput,
    config: &CoarseConfig,
    rng: &mut impl rand::Rng,
) -> Affine {
    let middle = [(frame.width as f64 - 1.0) / 2.0, (frame.height as f64 - 1.0) / 2.0];
    let angle = normal(rng, config.rotation_deg).clamp(-25.0, 25.0).to_radians();
    let scale = normal(rng, config.scale).clamp(-0.25, 0.25).exp();
    let turn = Affine::similarity(angle, scale, middle, middle);
    let shift = Affine::shift(normal(rng, config.shift), normal(rng, config.shift));
    shift.after(&plain(pyramid, frame)).after(&turn)
}

/// Maps pixels of the backbone's input to normalised units of the image, as the runtime does.
fn plain(pyramid: &ImagePyramid, frame: &FullImageInput) -> Affine {
    let unit_per_px = [pyramid.to_unit.m[0][0], pyramid.to_unit.m[1][1]];
    pyramid.to_unit.after(&full_image_frame(frame, pyramid.size_px, unit_per_px))
}

/// The backbone's input for an image, as in the runtime.
pub(super) fn backbone_input(pyramid: &ImagePyramid, frame: &FullImageInput) -> Vec<f32> {
    let size = [frame.width, frame.height];
    let mut input = pyramid.sample(&pyramid.full, &plain(pyramid, frame), size);
    normalise_whole(frame, &mut input, &mut Vec::new());
    input
}

/// The network's predictions on every image, normalised units.
fn predict(
    network: &CoarseDecoder,
    m: &Material<'_>,
    frame: &FullImageInput,
    runner: &TrunkRunner,
) -> Result<Vec<Vec<[f64; 2]>>, Error> {
    let network = network.valid();
    let device = m.device.clone().inner();
    let cells = [frame.width / frame.stride, frame.height / frame.stride];
    let one = |pyramid: &ImagePyramid| {
        let (to_unit, input) = (plain(pyramid, frame), backbone_input(pyramid, frame));
        let logits = network.forward(CoarseDecoder::tensors(&[runner.run(&input)?], &device));
        let values = crate::nets::values(&logits);
        let half = (frame.stride as f64 - 1.0) / 2.0;
        let decode = |map: &[f32]| {
            let at = peak(map, cells[0], cells[1], frame.peak_radius)
                .map_or([0.0; 2], |p| [f64::from(p.x), f64::from(p.y)]);
            to_unit.apply(at.map(|v| v * frame.stride as f64 + half))
        };
        Ok(values.chunks_exact(cells[0] * cells[1]).map(decode).collect())
    };
    m.pyramids.par_iter().map(one).collect()
}

/// Moves every label towards a new match around the prediction; returns the median movement, normalised
/// units.
fn update_labels(
    labels: &mut Labels,
    predicted: &[Vec<[f64; 2]>],
    correspondence: &Correspondences,
    m: &Material<'_>,
) -> f64 {
    let Some(matched) = correspondence.match_again(predicted, REMATCH_SIGMA) else { return 0.0 };
    let mut moves = Vec::new();
    for n in 0..labels.points.len() {
        for l in 0..labels.points[n].len() {
            let old = labels.points[n][l];
            let full = distance(matched[n][l], old);
            let fraction = (MAX_MOVE / full.max(1e-9)).min(1.0);
            labels.points[n][l] = towards(old, matched[n][l], fraction);
            labels.weights[n][l] = cauchy_weight(matched[n][l], predicted[n][l], HALF_WEIGHT);
            moves.push(full * fraction);
        }
    }
    regularise_labels(labels, m);
    crate::statistics::median(moves)
}

fn regularise_labels(labels: &mut Labels, m: &Material<'_>) {
    let model: ShapeModel = learn_shape(&labels.points, &labels.weights, m.points());
    regularise(labels, &model);
    m.pin(labels);
}
