//! Trains a dedicated network on dynamic pseudo-labels (co-training): two networks learn on disjoint halves
//! of the images, and after every round the labels move towards the mean of their predictions. A last
//! training phase on all images trains the final network.

use burn::module::Module;
use fiducia::Error;
use fiducia::shape::{ShapeModel, distance};
use serde::{Deserialize, Serialize};

use crate::correspond::{CloseUps, Correspondences};
use crate::labels::{Labels, cauchy_weight, cauchy_weight_at, towards};
use crate::nets::RefineNet;
use crate::statistics::median;
use crate::training::bank::Bank;
use crate::training::checkpoint::Checkpoint;
use crate::training::phase::{
    AUGMENTATIONS, AugmentedPrediction, Phase, Student, learn, predict_augmented,
};
use crate::training::regions::Task;

/// Difference between the two halves, or scatter of one network, that halves a label's weight, normalised
/// units.
const HALF_WEIGHT: f64 = 1.5;
/// Round-trip error, or distance to the fitted shape, that halves a label's weight, normalised units.
const HALF_WEIGHT_OUTSIDE: f64 = 3.0;
/// Distance to the anchor that halves a label's weight, normalised units.
const HALF_WEIGHT_ANCHOR: f64 = 2.0;
/// Largest fraction of the way from the anchor to the teacher prediction, reached in the last round.
const DRIFT_LIMIT: f64 = 0.7;
/// Largest movement of a label in one round, normalised units.
const MAX_MOVE: f64 = 1.5;
/// Distance between teacher prediction and label above which the label is ignored for the round, normalised
/// units.
const JUMP: f64 = 5.0;
/// Rounds end when the median movement of the labels is below this, normalised units.
const STILL: f64 = 0.05;
/// Rounds end when the disagreement of the halves exceeds this multiple of the round before.
const NO_BETTER: f64 = 1.1;
/// Standard deviation of the prior when anchors are matched again with the bank, normalised units.
const BANK_SIGMA: f64 = 2.5;
/// Fraction of the way to its match with the bank that an anchor moves.
const BANK_FRACTION: f64 = 0.5;
/// Standard deviation of the target heat maps at the start, after the rounds, and at the end, px.
const SIGMAS: [f64; 3] = [2.5, 1.7, 1.4];

/// Configuration of the dedicated trainings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundsConfig {
    /// Rounds of label updates; with 0 the labels stay constant.
    pub rounds: usize,
    /// Passes over the images in each round.
    pub passes: usize,
    /// Passes of the last training phase.
    pub last_passes: usize,
    /// Images per step.
    pub batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Largest size of a landmark's template bank; 0 for none.
    pub bank: usize,
}

impl RoundsConfig {
    /// Total number of images processed, for progress bars.
    pub fn regions(&self, m: &crate::material::Material<'_>) -> usize {
        let per_pass = |images: usize| images.div_ceil(self.batch) * self.batch;
        let images = m.training_images().len();
        self.rounds * self.passes * 2 * per_pass(images / 2) + self.last_passes * per_pass(images)
    }
}

/// Statistics of one round.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundLog {
    /// Number of the round, from 1.
    pub round: usize,
    /// Mean loss of the two halves in their last pass.
    pub loss: f64,
    /// Median move of the labels, normalised units.
    pub moved: f64,
    /// Mean distance between the predictions of the two halves, normalised units.
    pub agreement: f64,
    /// Fraction of labels that were ignored in this round.
    pub set_aside: f64,
    /// Mean number of members in the banks.
    pub bank: f64,
}

/// A trained network, its final labels, and the history of the rounds.
#[derive(Debug)]
pub struct Outcome {
    /// The moving average of the network.
    pub network: RefineNet,
    /// Labels; those of landmarks outside the task are unchanged.
    pub labels: Labels,
    /// One entry per round.
    pub log: Vec<RoundLog>,
}

/// The state carried from round to round besides the networks.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    labels: Labels,
    /// Matched position of every landmark; labels stay within the drift limit around it.
    anchors: Labels,
    /// One bank per landmark of the task.
    banks: Vec<Bank>,
    log: Vec<RoundLog>,
    /// Whether the rounds are over.
    settled: bool,
    /// Whether the last training phase is over.
    done: bool,
}

/// The constant inputs of the label updates.
struct Scene<'a> {
    task: &'a Task<'a>,
    correspondences: &'a Correspondences,
    /// Shape of the labels before the first round.
    shape: &'a ShapeModel,
    /// One per landmark of the task; empty without a bank.
    close_ups: &'a [CloseUps],
}

/// Trains from `start`, from which every network takes its initial weights.
///
/// # Errors
/// Errors of the checkpoint folder.
pub fn train_in_rounds(
    task: &Task<'_>,
    correspondences: &Correspondences,
    labels: &Labels,
    config: &RoundsConfig,
    start: &RefineNet,
    checkpoint: &Checkpoint,
    tick: &(dyn Fn(f64) + Sync),
) -> Result<Outcome, Error> {
    let fresh = || State::new(labels, task.landmarks.len());
    let mut state: State = checkpoint.state()?.unwrap_or_else(fresh);
    if state.done {
        let network = checkpoint.network("kept", start.valid())?;
        return Ok(state.outcome(network));
    }
    let mut halves =
        [checkpoint.network("even", start.valid())?, checkpoint.network("odd", start.valid())?];
    let shape = crate::shape_fit::learn_shape(&labels.points, &labels.weights, task.m.points());
    let close_ups = if config.bank > 0 && config.rounds > 0 {
        let centres = |l: usize| labels.points.iter().map(|p| p[l]).collect::<Vec<_>>();
        let one = |&l: &usize| correspondences.close_ups(task.m, l, &centres(l));
        task.landmarks.iter().map(one).collect::<Result<Vec<_>, _>>()?
    } else {
        Vec::new()
    };
    let scene = Scene { task, correspondences, shape: &shape, close_ups: &close_ups };
    while state.log.len() < config.rounds && !state.settled {
        let students = state.train_halves(task, config, &halves, tick);
        let seen = students.each_ref().map(|p| predictions(task, &state.labels, p));
        let loss = (students[0].loss + students[1].loss) / 2.0;
        state.update(&scene, config, &seen, loss);
        halves = students.map(|p| p.average);
        checkpoint.save(&[("even", &halves[0]), ("odd", &halves[1])], None, &state)?;
    }
    let phase = Phase {
        stage: "last",
        images: &task.m.training_images(),
        bank: &state.bank_images(),
        batch: config.batch,
        passes: config.last_passes,
        learning_rate: config.learning_rate,
        sigma: if config.rounds == 0 { [SIGMAS[0], SIGMAS[2]] } else { [SIGMAS[1], SIGMAS[2]] },
    };
    let student = learn(task, &state.labels, &phase, start, None, tick);
    state.done = true;
    checkpoint.save(&[("kept", &student.average)], None, &state)?;
    // Read it back, so that resumed and uninterrupted runs continue with the same bits.
    let network = checkpoint.network("kept", start.valid())?;
    Ok(state.outcome(network))
}

/// The predictions of a network on all images, `[image][slot]`.
fn predictions(
    task: &Task<'_>,
    labels: &Labels,
    student: &Student,
) -> Vec<Vec<AugmentedPrediction>> {
    let all: Vec<usize> = (0..task.m.pyramids.len()).collect();
    predict_augmented(task, &student.average, &labels.points, &all, &AUGMENTATIONS)
}

/// Half number `which` of the images: every second one.
fn half(images: &[usize], which: usize) -> Vec<usize> {
    images.iter().copied().skip(which).step_by(2).collect()
}

impl State {
    fn new(labels: &Labels, slots: usize) -> Self {
        Self {
            labels: labels.clone(),
            anchors: labels.clone(),
            banks: vec![Bank::default(); slots],
            log: Vec::new(),
            settled: false,
            done: false,
        }
    }

    fn outcome(self, network: RefineNet) -> Outcome {
        Outcome { network, labels: self.labels, log: self.log }
    }

    fn bank_images(&self) -> Vec<Vec<usize>> {
        self.banks.iter().map(Bank::images).collect()
    }

    fn train_halves(
        &self,
        task: &Task<'_>,
        config: &RoundsConfig,
        halves: &[RefineNet; 2],
        tick: &(dyn Fn(f64) + Sync),
    ) -> [Student; 2] {
        let round = self.log.len();
        let width =
            |r: usize| SIGMAS[0] + (SIGMAS[1] - SIGMAS[0]) * r as f64 / config.rounds.max(1) as f64;
        let banks = self.bank_images();
        let images = task.m.training_images();
        let train = |which: usize| {
            let phase = Phase {
                stage: &format!("round {round} half {which}"),
                images: &half(&images, which),
                bank: &banks,
                batch: config.batch,
                passes: config.passes,
                learning_rate: config.learning_rate,
                sigma: [width(round), width(round + 1)],
            };
            learn(task, &self.labels, &phase, &halves[which], None, tick)
        };
        let (even, odd) = rayon::join(|| train(0), || train(1));
        [even, odd]
    }

    /// Updates labels, anchors and banks from the predictions of the two halves.
    fn update(
        &mut self,
        scene: &Scene<'_>,
        config: &RoundsConfig,
        seen: &[Vec<Vec<AugmentedPrediction>>; 2],
        loss: f64,
    ) {
        let Scene { task, correspondences, shape, .. } = *scene;
        let round = self.log.len() + 1;
        let drift_limit = DRIFT_LIMIT * (round as f64 + 1.0) / (config.rounds as f64 + 1.0);
        let (mut moves, mut disagreements, mut ignored) = (Vec::new(), Vec::new(), 0usize);
        let mut candidates = vec![Vec::new(); task.landmarks.len()];
        for n in task.m.training_images().into_iter().filter(|&n| !task.m.is_annotated(n)) {
            let teachers: Vec<TeacherPrediction> =
                seen[0][n].iter().zip(&seen[1][n]).map(TeacherPrediction::of).collect();
            let points: Vec<[f64; 2]> = teachers.iter().map(|t| t.point).collect();
            let back = correspondences.round_trip(n, task.landmarks, &points);
            let residual = self.residuals(task, shape, n, &points);
            for (slot, teacher) in teachers.iter().enumerate() {
                let l = task.landmarks[slot];
                let outside = cauchy_weight_at(back[slot], HALF_WEIGHT_OUTSIDE)
                    * cauchy_weight_at(residual[slot], HALF_WEIGHT_OUTSIDE);
                let confidence = teacher.confidence() * outside;
                disagreements.push(teacher.disagreement);
                let (old, anchor) = (self.labels.points[n][l], self.anchors.points[n][l]);
                if distance(teacher.point, old) > JUMP {
                    self.labels.weights[n][l] = 0.0;
                    ignored += 1;
                    continue;
                }
                let goal = towards(anchor, teacher.point, drift_limit);
                let next = towards(old, goal, (MAX_MOVE / distance(old, goal).max(1e-9)).min(1.0));
                moves.push(distance(old, next));
                self.labels.points[n][l] = next;
                self.labels.weights[n][l] =
                    confidence * cauchy_weight(teacher.point, anchor, HALF_WEIGHT_ANCHOR);
                candidates[slot].push((n, confidence));
            }
        }
        if config.bank > 0 {
            self.update_banks(scene, config.bank, &candidates);
        }
        let agreement = disagreements.iter().sum::<f64>() / disagreements.len().max(1) as f64;
        let before = self.log.last().map_or(f64::INFINITY, |log| log.agreement);
        let moved = if moves.is_empty() { 0.0 } else { median(moves) };
        self.settled = moved < STILL || agreement > before * NO_BETTER;
        let members = self.banks.iter().map(|b| b.images().len()).sum::<usize>();
        self.log.push(RoundLog {
            round,
            loss,
            moved,
            agreement,
            set_aside: ignored as f64 / disagreements.len().max(1) as f64,
            bank: members as f64 / self.banks.len().max(1) as f64,
        });
    }

    /// Adds the most confident images to the banks and matches the anchors again with their descriptors.
    fn update_banks(
        &mut self,
        &Scene { task, close_ups, .. }: &Scene<'_>,
        size: usize,
        candidates: &[Vec<(usize, f64)>],
    ) {
        for (slot, &l) in task.landmarks.iter().enumerate() {
            self.banks[slot].update(&candidates[slot], size);
            let member = |n: usize| (n, self.labels.points[n][l]);
            let members: Vec<_> = self.banks[slot].images().into_iter().map(member).collect();
            if members.is_empty() {
                continue;
            }
            let centres: Vec<[f64; 2]> = self.labels.points.iter().map(|p| p[l]).collect();
            let Some(found) = close_ups[slot].find(&members, &centres, BANK_SIGMA) else {
                continue;
            };
            for (n, &point) in found.iter().enumerate() {
                if !task.m.is_annotated(n) {
                    let anchor = &mut self.anchors.points[n][l];
                    *anchor = towards(*anchor, point, BANK_FRACTION);
                }
            }
        }
    }

    /// Distance of the task's `points` on image `n` to the shape fitted to all labels, normalised units.
    fn residuals(
        &self,
        task: &Task<'_>,
        shape: &ShapeModel,
        n: usize,
        points: &[[f64; 2]],
    ) -> Vec<f64> {
        let mut all = self.labels.points[n].clone();
        task.landmarks.iter().zip(points).for_each(|(&l, &p)| all[l] = p);
        let weights = vec![1.0; all.len()];
        let likely = shape.fit(&task.poses[n], &all, &weights);
        task.landmarks.iter().zip(points).map(|(&l, &p)| distance(likely[l], p)).collect()
    }
}

/// The teacher prediction of one landmark on one image, from both halves.
struct TeacherPrediction {
    point: [f64; 2],
    /// Distance between the two predictions, normalised units.
    disagreement: f64,
    /// Mean scatter of the two predictions, normalised units.
    scatter: f64,
}

impl TeacherPrediction {
    fn of((a, b): (&AugmentedPrediction, &AugmentedPrediction)) -> Self {
        Self {
            point: towards(a.point, b.point, 0.5),
            disagreement: distance(a.point, b.point),
            scatter: (a.scatter + b.scatter) / 2.0,
        }
    }

    fn confidence(&self) -> f64 {
        cauchy_weight_at(self.disagreement, HALF_WEIGHT)
            * cauchy_weight_at(self.scatter, HALF_WEIGHT)
    }
}
