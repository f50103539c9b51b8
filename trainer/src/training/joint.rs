//! Training the refine network of all landmarks together. Its labels follow its own predictions, on a
//! leash, while it learns (dynamic pseudo-labels); every dedicated network starts from it.

use burn::module::Module;
use burn::optim::GradientsParams;
use fiducia::{Error, distance};
use serde::{Deserialize, Serialize};

use crate::correspond::{Labels, median, towards, trust};
use crate::nets::{AdapterForm, RefineNet, values};
use crate::shape_fit::{learn_shape, mend};
use crate::training::average::follow;
use crate::training::checkpoint::Checkpoint;
use crate::training::coarse::pick;
use crate::training::heatmap::loss;
use crate::training::lesson::decode;
use crate::training::regions::{Batch, Task};
use crate::training::rounds::{Outcome, RoundLog};
use crate::training::schedule::{heat_map_sigma, learning_rate, optimiser};

/// Name of the stage, for its randomness.
const STAGE: &str = "joint";
/// Difference between two sources that halves a label's weight, units.
const DOUBT: f64 = 1.5;
/// Share of the way from the matched label to the network's opinion that a label may go.
const LEASH: f64 = 0.7;
/// Weight of the newest prediction in the network's opinion.
const NEWEST: f64 = 0.5;
/// Width of the heat maps at the start and in the end, px.
const SIGMA: [f64; 2] = [2.5, 1.5];

/// How the network of all landmarks is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct JointConfig {
    /// What each landmark owns.
    pub form: AdapterForm,
    /// Passes over the images.
    pub passes: usize,
    /// Images per step; an annotated one is one more.
    pub batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Passes before labels begin to follow the network; `None` leaves them as they are.
    pub settle: Option<usize>,
}

/// What the training must remember besides network and optimiser.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    step: usize,
    labels: Labels,
    opinion: Opinion,
    log: Vec<RoundLog>,
}

/// The network's running opinion of every label, from predictions on augmented regions.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Opinion {
    /// `[image][landmark]`, units; `None` before the first prediction.
    points: Vec<Option<Vec<[f64; 2]>>>,
    /// Distance of the newest prediction to the opinion before it, units.
    wavering: Vec<Vec<f64>>,
}

/// Trains on `start`; the task must hold all landmarks of the set.
///
/// # Errors
/// From the checkpoint folder.
pub fn train_jointly(
    task: &Task<'_>,
    start: &Labels,
    config: &JointConfig,
    checkpoint: &Checkpoint,
    tick: &(dyn Fn(f64) + Sync),
) -> Result<Outcome, Error> {
    let m = task.m;
    m.device.seed(m.seed);
    let network = RefineNet::new(m.landmarks(), config.form, m.device);
    let fresh = || State::new(start);
    let mut state: State = checkpoint.state()?.unwrap_or_else(fresh);
    let mut average = checkpoint.network("average", network.valid())?;
    let mut network = checkpoint.network("network", network)?;
    let mut optimiser = checkpoint.optimiser(optimiser())?;
    let per_pass = m.pupils().len().div_ceil(config.batch).max(1);
    let steps = config.passes * per_pass;
    while state.step < steps {
        let mut images = pick(m.seed, &m.pupils(), config.batch, STAGE, state.step);
        images.push(m.anchor(state.step));
        let batch = task.draw(&state.labels, task.regions(&images), STAGE, state.step);
        let logits = network.forward(batch.tensor(m.device), batch.slots(m.device));
        let sigma = heat_map_sigma(SIGMA[0], SIGMA[1], state.step, steps);
        let (targets, weights) = batch.targets(task, &state.labels, sigma);
        let value = loss(logits.clone(), targets, &weights, m.device);
        if config.settle.is_some() {
            state.opinion.hear(task, &batch, &values(&logits));
        }
        let gradients = GradientsParams::from_grads(value.backward(), &network);
        let rate = learning_rate(config.learning_rate, state.step, steps);
        network = optimiser.step(rate, network, gradients);
        average = follow(average, &network, state.step);
        let value = f64::from(value.into_scalar::<f32>());
        tick(value);
        state.step += 1;
        if state.step.is_multiple_of(per_pass) {
            state.end_pass(task, start, config, state.step / per_pass, value);
            let networks = [("network", &network), ("average", &average)];
            checkpoint.save(&networks, Some(&optimiser), &state)?;
        }
    }
    Ok(Outcome { network: average, labels: state.labels, log: state.log })
}

impl State {
    fn new(start: &Labels) -> Self {
        let (images, landmarks) = (start.points.len(), start.points[0].len());
        let opinion =
            Opinion { points: vec![None; images], wavering: vec![vec![0.0; landmarks]; images] };
        Self { step: 0, labels: start.clone(), opinion, log: Vec::new() }
    }

    /// Moves the labels after pass number `pass`, counted from 1.
    fn end_pass(
        &mut self,
        task: &Task<'_>,
        start: &Labels,
        config: &JointConfig,
        pass: usize,
        loss: f64,
    ) {
        let Some(since) = config.settle.and_then(|settle| pass.checked_sub(settle + 1)) else {
            return;
        };
        let share = (0.15 * (since + 1) as f64 + 0.1).min(LEASH);
        let moved = self.follow(task, start, share);
        let model = learn_shape(&self.labels.points, &self.labels.weights, task.m.points());
        mend(&mut self.labels, &model);
        task.m.pin(&mut self.labels);
        let wavering = self.opinion.wavering.iter().flatten();
        let agreement = wavering.sum::<f64>() / (start.points.len() * model.mean.len()) as f64;
        self.log.push(RoundLog { round: pass, loss, moved, agreement, set_aside: 0.0, bank: 0.0 });
    }

    /// Takes every label `share` of the way from where matching put it to the network's opinion; the
    /// median move, units.
    fn follow(&mut self, task: &Task<'_>, start: &Labels, share: f64) -> f64 {
        let mut moves = Vec::new();
        for n in (0..self.labels.points.len()).filter(|&n| !task.m.is_annotated(n)) {
            let Some(opinion) = &self.opinion.points[n] else { continue };
            for l in 0..opinion.len() {
                let anchor = start.points[n][l];
                let next = towards(anchor, opinion[l], share);
                moves.push(distance(next, self.labels.points[n][l]));
                self.labels.points[n][l] = next;
                let wavering = self.opinion.wavering[n][l];
                self.labels.weights[n][l] =
                    trust(opinion[l], anchor, DOUBT) * trust([wavering, 0.0], [0.0; 2], DOUBT);
            }
        }
        if moves.is_empty() { 0.0 } else { median(moves) }
    }
}

impl Opinion {
    /// Takes in the network's logits on a batch.
    fn hear(&mut self, task: &Task<'_>, batch: &Batch, logits: &[f32]) {
        let landmarks = task.landmarks.len();
        let seen: Vec<[f64; 2]> =
            decode(task, batch, logits).into_iter().map(|(point, _)| point).collect();
        for (regions, seen) in batch.regions.chunks(landmarks).zip(seen.chunks(landmarks)) {
            let n = regions[0].image;
            let Some(opinion) = &mut self.points[n] else {
                self.points[n] = Some(seen.to_vec());
                continue;
            };
            for (l, point) in opinion.iter_mut().enumerate() {
                self.wavering[n][l] = distance(*point, seen[l]);
                *point = towards(*point, seen[l], NEWEST);
            }
        }
    }
}
