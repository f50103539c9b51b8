//! Training the refine network on regions of interest; its labels follow its own predictions, on a
//! leash, while it learns (dynamic pseudo-labels).

use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Int, Tensor, TensorData};
use fiducia::{Error, RefineFrame, ShapeModel, distance, normalise_crop};
use fiducia_kernels::{Affine, peak};
use rand::RngExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::correspond::{Labels, median, trust};
use crate::nets::{RefineNet, values};
use crate::shape_fit::{learn_shape, mend};
use crate::training::chance::{GreyJitter, chance, normal};
use crate::training::checkpoint::Checkpoint;
use crate::training::coarse::{Material, pick};
use crate::training::heatmap::{loss, target};
use crate::training::schedule::{heat_map_sigma, learning_rate};

/// Spread of a normalised region, for noise and offsets.
const REGION_SPREAD: f32 = 1.0;
/// Difference between two sources that halves a label's weight, units.
const DOUBT: f64 = 1.5;
/// Share of the way from the matched label to the network's opinion that a label may go.
const LEASH: f64 = 0.7;
/// Weight of the newest prediction in the network's opinion.
const NEWEST: f64 = 0.5;

/// How the refine network is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefineConfig {
    /// Passes over the unlabelled images.
    pub passes: usize,
    /// Unlabelled images per step; the template is one more.
    pub batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Passes before labels begin to follow the network.
    pub settle: usize,
    /// Largest shift of a region along x and y, units.
    pub jitter: f64,
    /// Standard deviation of the rotation, degrees.
    pub rotation_deg: f64,
    /// Standard deviation of the logarithm of the scale.
    pub scale: f64,
}

/// What a refine training must remember.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    step: usize,
    labels: Labels,
    opinion: Opinion,
}

/// The network's running opinion of every label, from predictions on augmented regions.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Opinion {
    /// `[image][landmark]`, units; `None` before the first prediction.
    points: Vec<Option<Vec<[f64; 2]>>>,
    /// Distance of the newest prediction to the opinion before it, units.
    wavering: Vec<Vec<f64>>,
}

/// Trains a refine network on `start`; returns it with the labels as they ended.
///
/// # Errors
/// From the checkpoint folder.
pub fn train_refine(
    m: &Material<'_>,
    start: &Labels,
    frame: &RefineFrame,
    config: &RefineConfig,
    checkpoint: &Checkpoint,
) -> Result<(RefineNet, Labels), Error> {
    m.device.seed(m.seed);
    let network = RefineNet::new(m.points.len(), m.device);
    let optimiser = AdamWConfig::new().with_weight_decay(1e-3).with_epsilon(1e-8).init();
    let (mut network, mut optimiser) = checkpoint.restore(network, optimiser)?;
    let fresh = || State {
        step: 0,
        labels: start.clone(),
        opinion: Opinion::new(m.views.len(), m.points.len()),
    };
    let mut state: State = checkpoint.state()?.unwrap_or_else(fresh);
    let per_pass = (m.views.len() - 1).div_ceil(config.batch).max(1);
    let steps = config.passes * per_pass;
    let bar = m.progress.bar("refine", steps);
    let mut shape = learn_shape(&state.labels.points, &state.labels.weights, m.points);
    while state.step < steps {
        bar.set_position(state.step as u64);
        let batch = Batch::draw(m, &state.labels, &shape, frame, config, state.step);
        let logits = network.forward(batch.regions(frame, m), batch.landmarks(m));
        let sigma = heat_map_sigma(3.3, 2.0, state.step, steps);
        let (targets, weights) = batch.targets(frame, sigma);
        let value = loss(logits.clone(), targets, &weights, m.device);
        state.opinion.hear(&batch, &values(&logits), frame);
        let gradients = GradientsParams::from_grads(value.backward(), &network);
        network = optimiser.step(
            learning_rate(config.learning_rate, state.step, steps),
            network,
            gradients,
        );
        bar.set_message(format!("loss {:.3}", value.into_scalar::<f32>()));
        state.step += 1;
        if state.step.is_multiple_of(per_pass) {
            let pass = state.step / per_pass;
            if pass > config.settle {
                let share = (0.15 * (pass - config.settle) as f64 + 0.1).min(LEASH);
                let moved = state.follow(start, share);
                shape = state.mend_by_shape(m);
                log::info!("refine pass {pass}: labels moved by {moved:.2} units in the median");
            }
            checkpoint.save(&network, &optimiser, &state)?;
        }
    }
    bar.finish();
    Ok((network, state.labels))
}

impl State {
    /// Takes every label `share` of the way from where matching put it to the network's opinion; the
    /// median move, units.
    fn follow(&mut self, start: &Labels, share: f64) -> f64 {
        let mut moves = Vec::new();
        for n in 0..self.labels.points.len() {
            let Some(opinion) = &self.opinion.points[n] else { continue };
            for l in 0..opinion.len() {
                let anchor = start.points[n][l];
                let next =
                    [0, 1].map(|axis| anchor[axis] + share * (opinion[l][axis] - anchor[axis]));
                moves.push(distance(next, self.labels.points[n][l]));
                self.labels.points[n][l] = next;
                let wavering = self.opinion.wavering[n][l];
                self.labels.weights[n][l] =
                    trust(opinion[l], anchor, DOUBT) * trust([wavering, 0.0], [0.0; 2], DOUBT);
            }
        }
        median(moves)
    }

    fn mend_by_shape(&mut self, m: &Material<'_>) -> ShapeModel {
        let model = learn_shape(&self.labels.points, &self.labels.weights, m.points);
        mend(&mut self.labels, &model);
        self.labels.pin(m.template, m.points);
        model
    }
}

impl Opinion {
    fn new(images: usize, landmarks: usize) -> Self {
        Self { points: vec![None; images], wavering: vec![vec![0.0; landmarks]; images] }
    }

    /// Takes in the network's logits on a batch.
    fn hear(&mut self, batch: &Batch, logits: &[f32], frame: &RefineFrame) {
        let cells = frame.size * frame.size;
        let landmarks = self.wavering[0].len();
        for (k, &n) in batch.images.iter().enumerate() {
            let seen: Vec<[f64; 2]> = (k * landmarks..(k + 1) * landmarks)
                .map(|r| {
                    let middle = (frame.size as f64 - 1.0) / 2.0;
                    let found = peak(
                        &logits[r * cells..(r + 1) * cells],
                        frame.size,
                        frame.size,
                        frame.peak_radius,
                    );
                    batch.frames[r].apply(found.map_or([middle; 2], |p| [p.x.into(), p.y.into()]))
                })
                .collect();
            match &mut self.points[n] {
                None => self.points[n] = Some(seen),
                Some(opinion) => {
                    for (l, point) in opinion.iter_mut().enumerate() {
                        self.wavering[n][l] = distance(*point, seen[l]);
                        *point =
                            [0, 1].map(|axis| point[axis] + NEWEST * (seen[l][axis] - point[axis]));
                    }
                }
            }
        }
    }
}

/// Regions of interest of all landmarks of some images.
struct Batch {
    images: Vec<usize>,
    /// `[image · landmark][size · size]`.
    pixels: Vec<f32>,
    /// From region px to units, one per region.
    frames: Vec<Affine>,
    /// Label of each region, units.
    points: Vec<[f64; 2]>,
    weights: Vec<f64>,
}

impl Batch {
    fn draw(
        m: &Material<'_>,
        labels: &Labels,
        shape: &ShapeModel,
        frame: &RefineFrame,
        config: &RefineConfig,
        step: usize,
    ) -> Self {
        let mut images = pick(m, config.batch, "refine batch", step);
        images.push(m.template);
        let (area, landmarks) = (frame.size * frame.size, m.points.len());
        let mut batch = Self {
            pixels: vec![0.0; images.len() * landmarks * area],
            frames: Vec::new(),
            points: images.iter().flat_map(|&n| labels.points[n].clone()).collect(),
            weights: images.iter().flat_map(|&n| labels.weights[n].clone()).collect(),
            images,
        };
        let draw = |((item, &n), pixels): ((usize, &usize), &mut [f32])| {
            let mut rng = chance(m.seed, "refine", step, item);
            // One image teaches the true positions: it is seen in more ways than the others.
            let strength = if n == m.template { 1.6 } else { 1.0 };
            let frames = frames(labels, n, shape, frame, config, strength, &mut rng);
            let jitter = GreyJitter::draw(&mut rng, strength);
            for (region, to_unit) in pixels.chunks_exact_mut(area).zip(&frames) {
                let view = &m.views[n];
                view.fine.resample(&view.from_unit().after(to_unit), region, [frame.size; 2]);
                jitter.before(region);
                normalise_crop(region);
                jitter.after(region, REGION_SPREAD, &mut rng);
            }
            frames
        };
        let chunks = batch.pixels.par_chunks_exact_mut(landmarks * area);
        let frames: Vec<Vec<Affine>> =
            batch.images.par_iter().enumerate().zip(chunks).map(draw).collect();
        batch.frames = frames.into_iter().flatten().collect();
        batch
    }

    fn regions(&self, frame: &RefineFrame, m: &Material<'_>) -> Tensor<4> {
        let shape = [self.frames.len(), 1, frame.size, frame.size];
        Tensor::from_data(TensorData::new(self.pixels.clone(), shape), m.device)
    }

    fn landmarks(&self, m: &Material<'_>) -> Tensor<1, Int> {
        let which: Vec<i64> = (0..self.frames.len()).map(|r| (r % m.points.len()) as i64).collect();
        Tensor::from_data(TensorData::new(which, [self.frames.len()]), m.device)
    }

    /// Heat maps `[regions, size · size]` and their weights.
    fn targets(&self, frame: &RefineFrame, sigma: f64) -> (Vec<f32>, Vec<f32>) {
        let area = frame.size * frame.size;
        let mut maps = vec![0.0; self.frames.len() * area];
        let regions =
            maps.par_chunks_exact_mut(area).zip(&self.frames).zip(&self.points).zip(&self.weights);
        let weights = regions.map(|(((map, to_unit), point), weight)| {
            let at = to_unit.inverse().expect("regions keep some size").apply(*point);
            if target(at, sigma, [frame.size; 2], map) { *weight as f32 } else { 0.0 }
        });
        let weights = weights.collect();
        (maps, weights)
    }
}

/// Frames of all regions of one image: upright in the pose of its labels, then turned, scaled and
/// shifted at random, as far as a coarse stage errs.
fn frames(
    labels: &Labels,
    n: usize,
    shape: &ShapeModel,
    frame: &RefineFrame,
    config: &RefineConfig,
    strength: f64,
    rng: &mut impl rand::Rng,
) -> Vec<Affine> {
    let pose = shape.pose(&labels.points[n], &labels.weights[n]);
    let middle = (frame.size as f64 - 1.0) / 2.0;
    let angle = pose.angle + (normal(rng, config.rotation_deg) * strength).to_radians();
    let scale = frame.unit_per_px * pose.scale * (normal(rng, config.scale) * strength).exp();
    let common = [normal(rng, config.jitter / 3.0), normal(rng, config.jitter / 3.0)];
    let place = |p: &[f64; 2]| {
        let shift = [0, 1]
            .map(|axis: usize| common[axis] + rng.random_range(-config.jitter..config.jitter));
        Affine::similarity(angle, scale, [middle, middle], [p[0] + shift[0], p[1] + shift[1]])
    };
    labels.points[n].iter().map(place).collect()
}
