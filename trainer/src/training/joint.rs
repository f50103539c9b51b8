//! Trains the refine network of all landmarks. During the training the labels follow its predictions within a
//! drift limit (dynamic pseudo-labels). Every dedicated network starts from it.

use burn::module::Module;
use fiducia::Error;
use fiducia::shape::distance;
use serde::{Deserialize, Serialize};

use crate::labels::{Labels, cauchy_weight, cauchy_weight_at, towards};
use crate::nets::{AdapterForm, RefineNet, values};
use crate::shape_fit::{learn_shape, regularise};
use crate::statistics::median;
use crate::training::checkpoint::Checkpoint;
use crate::training::coarse::pick;
use crate::training::phase::decode;
use crate::training::regions::{Batch, Task};
use crate::training::rounds::{Outcome, RoundLog};
use crate::training::schedule::{heat_map_sigma, learning_rate, optimiser};
use crate::training::step::Learner;

/// Name of the stage, for its random numbers.
const STAGE: &str = "joint";
/// Difference between two sources that halves a label's weight, normalised units.
const HALF_WEIGHT: f64 = 1.5;
/// Largest fraction of the way from the matched label to the teacher prediction that a label moves.
const DRIFT_LIMIT: f64 = 0.7;
/// Weight of the newest prediction in the running teacher prediction.
const NEWEST: f64 = 0.5;
/// Standard deviation of the target heat maps at the start and at the end, px.
const SIGMA: [f64; 2] = [2.5, 1.5];

/// Configuration of the joint training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct JointConfig {
    /// Private parameters of each landmark.
    pub form: AdapterForm,
    /// Passes over the images.
    pub passes: usize,
    /// Images per step; one annotated image is added.
    pub batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Passes before labels begin to follow the network; `None` for constant labels.
    pub settle: Option<usize>,
}

/// The state saved besides networks and optimiser.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    step: usize,
    labels: Labels,
    /// Called `opinion` in the checkpoint file.
    #[serde(rename = "opinion")]
    teacher: TeacherPrediction,
    log: Vec<RoundLog>,
}

/// The running mean of the network's predictions on augmented regions.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct TeacherPrediction {
    /// `[image][landmark]`, normalised units; `None` before the first prediction.
    points: Vec<Option<Vec<[f64; 2]>>>,
    /// Distance of the newest prediction from the running mean before it, `[image][landmark]`, normalised
    /// units. Called `wavering` in the checkpoint file.
    #[serde(rename = "wavering")]
    inconsistency: Vec<Vec<f64>>,
}

/// Trains the network from initial labels `start`; the task must contain all landmarks of the set.
///
/// # Errors
/// Errors of the checkpoint folder.
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
    let mut learner = Learner {
        average: checkpoint.network("average", network.valid())?,
        network: checkpoint.network("network", network)?,
        optimiser: checkpoint.optimiser(optimiser())?,
    };
    let per_pass = m.training_images().len().div_ceil(config.batch).max(1);
    let steps = config.passes * per_pass;
    while state.step < steps {
        let mut images = pick(m.seed, &m.training_images(), config.batch, STAGE, state.step);
        images.push(m.anchor(state.step));
        let batch = task.draw(&state.labels, task.regions(&images), STAGE, state.step);
        let sigma = heat_map_sigma(SIGMA[0], SIGMA[1], state.step, steps);
        let targets = batch.targets(task, &state.labels, sigma);
        let rate = learning_rate(config.learning_rate, state.step, steps);
        let (next, step) = learner.step(&batch, targets, rate, state.step, m.device);
        learner = next;
        if config.settle.is_some() {
            state.teacher.add(task, &batch, &values(&step.logits));
        }
        tick(step.loss);
        state.step += 1;
        if state.step.is_multiple_of(per_pass) {
            state.end_pass(task, start, config, state.step / per_pass, step.loss);
            let networks = [("network", &learner.network), ("average", &learner.average)];
            checkpoint.save(&networks, Some(&learner.optimiser), &state)?;
        }
    }
    Ok(Outcome { network: learner.average, labels: state.labels, log: state.log })
}

impl State {
    fn new(start: &Labels) -> Self {
        let (images, landmarks) = (start.points.len(), start.points[0].len());
        let teacher = TeacherPrediction {
            points: vec![None; images],
            inconsistency: vec![vec![0.0; landmarks]; images],
        };
        Self { step: 0, labels: start.clone(), teacher, log: Vec::new() }
    }

    /// Updates the labels after pass number `pass`, counted from 1.
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
        let fraction = (0.15 * (since + 1) as f64 + 0.1).min(DRIFT_LIMIT);
        let moved = self.move_labels(task, start, fraction);
        let model = learn_shape(&self.labels.points, &self.labels.weights, task.m.points());
        regularise(&mut self.labels, &model);
        task.m.pin(&mut self.labels);
        let inconsistency = self.teacher.inconsistency.iter().flatten();
        let agreement = inconsistency.sum::<f64>() / (start.points.len() * model.mean.len()) as f64;
        self.log.push(RoundLog { round: pass, loss, moved, agreement, set_aside: 0.0, bank: 0.0 });
    }

    /// Sets every label to `fraction` of the way from its matched position to the teacher prediction; returns
    /// the median movement, normalised units.
    fn move_labels(&mut self, task: &Task<'_>, start: &Labels, fraction: f64) -> f64 {
        let mut moves = Vec::new();
        for n in (0..self.labels.points.len()).filter(|&n| !task.m.is_annotated(n)) {
            let Some(teacher) = &self.teacher.points[n] else { continue };
            for l in 0..teacher.len() {
                let anchor = start.points[n][l];
                let next = towards(anchor, teacher[l], fraction);
                moves.push(distance(next, self.labels.points[n][l]));
                self.labels.points[n][l] = next;
                let inconsistency = self.teacher.inconsistency[n][l];
                self.labels.weights[n][l] = cauchy_weight(teacher[l], anchor, HALF_WEIGHT)
                    * cauchy_weight_at(inconsistency, HALF_WEIGHT);
            }
        }
        if moves.is_empty() { 0.0 } else { median(moves) }
    }
}

impl TeacherPrediction {
    /// Adds the network's predictions on a batch.
    fn add(&mut self, task: &Task<'_>, batch: &Batch, logits: &[f32]) {
        let landmarks = task.landmarks.len();
        let seen: Vec<[f64; 2]> =
            decode(task, batch, logits).into_iter().map(|(point, _)| point).collect();
        for (regions, seen) in batch.regions.chunks(landmarks).zip(seen.chunks(landmarks)) {
            let n = regions[0].image;
            let Some(running) = &mut self.points[n] else {
                self.points[n] = Some(seen.to_vec());
                continue;
            };
            for (l, point) in running.iter_mut().enumerate() {
                self.inconsistency[n][l] = distance(*point, seen[l]);
                *point = towards(*point, seen[l], NEWEST);
            }
        }
    }
}
