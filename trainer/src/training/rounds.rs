//! Training a dedicated network on dynamic pseudo-labels: two networks learn on disjoint halves of the images, and after every round the labels move towards what both see. A last lesson trains the
//! network that is kept.

use burn::module::Module;
use fiducia::{Error, ShapeModel, distance};
use serde::{Deserialize, Serialize};

use crate::correspond::{CloseUps, Correspondences, Labels, median, towards, trust};
use crate::nets::RefineNet;
use crate::training::bank::Bank;
use crate::training::checkpoint::Checkpoint;
use crate::training::lesson::{LOOKS, Lesson, Pupil, Sight, learn, look};
use crate::training::regions::Task;

/// Disagreement of the two halves, or scatter of one network, that halves a label's weight, units.
const DOUBT: f64 = 1.5;
/// Way back to the template, or distance to the likely shape, that halves a label's weight, units.
const DOUBT_OUTSIDE: f64 = 3.0;
/// Distance to the anchor that halves a label's weight, units.
const DOUBT_ANCHOR: f64 = 2.0;
/// Share of the way from the anchor to the networks' opinion that a label may go in the end.
const LEASH: f64 = 0.7;
/// Largest move of a label in one round, units.
const MAX_MOVE: f64 = 1.5;
/// Networks that suddenly see a landmark this far from its label set the image aside for the round, units.
const JUMP: f64 = 5.0;
/// Rounds end when labels move less than this in the median, units.
const STILL: f64 = 0.05;
/// Rounds end when the halves agree no better than this share of the round before.
const NO_BETTER: f64 = 1.1;
/// Width of the prior when anchors are matched again with the bank, units.
const BANK_SIGMA: f64 = 2.5;
/// Share of the way that an anchor moves to where the bank matches it.
const BANK_SHARE: f64 = 0.5;
/// Width of the heat maps at the start, after the rounds, and in the end, px.
const SIGMAS: [f64; 3] = [2.5, 1.7, 1.4];

/// How a landmark, or all of them, are trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundsConfig {
    /// Rounds of label updating; 0 leaves the labels as they are.
    pub rounds: usize,
    /// Passes over the images in each round.
    pub passes: usize,
    /// Passes of the last lesson.
    pub last_passes: usize,
    /// Images per step.
    pub batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Most members of a landmark's template bank; 0 for none.
    pub bank: usize,
}

impl RoundsConfig {
    /// Images that are seen in all, for progress bars.
    pub fn regions(&self, m: &crate::training::Material<'_>) -> usize {
        let per_pass = |images: usize| images.div_ceil(self.batch) * self.batch;
        let images = m.pupils().len();
        self.rounds * self.passes * 2 * per_pass(images / 2) + self.last_passes * per_pass(images)
    }
}

/// What one round did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundLog {
    /// Number of the round, from 1.
    pub round: usize,
    /// Mean loss of the two halves in their last pass.
    pub loss: f64,
    /// Median move of the labels, units.
    pub moved: f64,
    /// Mean distance of what the two halves see, units.
    pub agreement: f64,
    /// Share of labels that were set aside.
    pub set_aside: f64,
    /// Mean number of members in the banks.
    pub bank: f64,
}

/// A trained network, the labels it ended with, and how they got there.
#[derive(Debug)]
pub struct Outcome {
    /// The averaged network.
    pub network: RefineNet,
    /// Labels; those of landmarks outside the task are as they were.
    pub labels: Labels,
    /// One entry per round.
    pub log: Vec<RoundLog>,
}

/// All that goes on from round to round besides the networks.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    labels: Labels,
    /// Where matching puts every landmark; labels stay near.
    anchors: Labels,
    /// One bank per landmark of the task.
    banks: Vec<Bank>,
    log: Vec<RoundLog>,
    /// Whether the rounds are over.
    settled: bool,
    /// Whether the last lesson is over.
    done: bool,
}

/// What labels are judged by, the same in every round.
struct Scene<'a> {
    task: &'a Task<'a>,
    places: &'a Correspondences,
    /// Shape of the labels before the first round.
    shape: &'a ShapeModel,
    /// One per landmark of the task; none where there is no bank.
    close_ups: &'a [CloseUps],
}

/// Trains from `start`, whose shape and weights every network takes over at the beginning.
///
/// # Errors
/// From the checkpoint folder.
pub fn train_in_rounds(
    task: &Task<'_>,
    places: &Correspondences,
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
        let one = |&l: &usize| places.close_ups(task.m, l, &centres(l));
        task.landmarks.iter().map(one).collect::<Result<Vec<_>, _>>()?
    } else {
        Vec::new()
    };
    let scene = Scene { task, places, shape: &shape, close_ups: &close_ups };
    while state.log.len() < config.rounds && !state.settled {
        let pupils = state.teach_halves(task, config, &halves, tick);
        let seen = pupils.each_ref().map(|p| sights(task, &state.labels, p));
        let loss = (pupils[0].loss + pupils[1].loss) / 2.0;
        state.update(&scene, config, &seen, loss);
        halves = pupils.map(|p| p.average);
        checkpoint.save(&[("even", &halves[0]), ("odd", &halves[1])], None, &state)?;
    }
    let lesson = Lesson {
        stage: "last",
        images: &task.m.pupils(),
        bank: &state.bank_images(),
        batch: config.batch,
        passes: config.last_passes,
        learning_rate: config.learning_rate,
        sigma: if config.rounds == 0 { [SIGMAS[0], SIGMAS[2]] } else { [SIGMAS[1], SIGMAS[2]] },
    };
    let pupil = learn(task, &state.labels, &lesson, start, None, tick);
    state.done = true;
    checkpoint.save(&[("kept", &pupil.average)], None, &state)?;
    // What a resumed run reads, so that both go on with the same bits.
    let network = checkpoint.network("kept", start.valid())?;
    Ok(state.outcome(network))
}

/// What a network sees on all images, `[image][slot]`.
fn sights(task: &Task<'_>, labels: &Labels, pupil: &Pupil) -> Vec<Vec<Sight>> {
    let all: Vec<usize> = (0..task.m.views.len()).collect();
    look(task, &pupil.average, &labels.points, &all, &LOOKS)
}

/// The images of each half: every second one.
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

    fn teach_halves(
        &self,
        task: &Task<'_>,
        config: &RoundsConfig,
        halves: &[RefineNet; 2],
        tick: &(dyn Fn(f64) + Sync),
    ) -> [Pupil; 2] {
        let round = self.log.len();
        let width =
            |r: usize| SIGMAS[0] + (SIGMAS[1] - SIGMAS[0]) * r as f64 / config.rounds.max(1) as f64;
        let banks = self.bank_images();
        let pupils = task.m.pupils();
        let teach = |which: usize| {
            let lesson = Lesson {
                stage: &format!("round {round} half {which}"),
                images: &half(&pupils, which),
                bank: &banks,
                batch: config.batch,
                passes: config.passes,
                learning_rate: config.learning_rate,
                sigma: [width(round), width(round + 1)],
            };
            learn(task, &self.labels, &lesson, &halves[which], None, tick)
        };
        let (even, odd) = rayon::join(|| teach(0), || teach(1));
        [even, odd]
    }

    /// Moves labels, anchors and banks by what the two halves see.
    fn update(
        &mut self,
        scene: &Scene<'_>,
        config: &RoundsConfig,
        seen: &[Vec<Vec<Sight>>; 2],
        loss: f64,
    ) {
        let Scene { task, places, shape, .. } = *scene;
        let round = self.log.len() + 1;
        let leash = LEASH * (round as f64 + 1.0) / (config.rounds as f64 + 1.0);
        let (mut moves, mut apart, mut aside) = (Vec::new(), Vec::new(), 0usize);
        let mut candidates = vec![Vec::new(); task.landmarks.len()];
        for n in task.m.pupils().into_iter().filter(|&n| !task.m.is_annotated(n)) {
            let opinions: Vec<Opinion> =
                seen[0][n].iter().zip(&seen[1][n]).map(Opinion::of).collect();
            let points: Vec<[f64; 2]> = opinions.iter().map(|o| o.point).collect();
            let back = places.way_back(n, task.landmarks, &points);
            let residual = self.residuals(task, shape, n, &points);
            for (slot, opinion) in opinions.iter().enumerate() {
                let l = task.landmarks[slot];
                let outside =
                    trust_of(back[slot], DOUBT_OUTSIDE) * trust_of(residual[slot], DOUBT_OUTSIDE);
                let sure = opinion.sure() * outside;
                apart.push(opinion.apart);
                let (old, anchor) = (self.labels.points[n][l], self.anchors.points[n][l]);
                if distance(opinion.point, old) > JUMP {
                    self.labels.weights[n][l] = 0.0;
                    aside += 1;
                    continue;
                }
                let goal = towards(anchor, opinion.point, leash);
                let next = towards(old, goal, (MAX_MOVE / distance(old, goal).max(1e-9)).min(1.0));
                moves.push(distance(old, next));
                self.labels.points[n][l] = next;
                self.labels.weights[n][l] = sure * trust(opinion.point, anchor, DOUBT_ANCHOR);
                candidates[slot].push((n, sure));
            }
        }
        if config.bank > 0 {
            self.update_banks(scene, config.bank, &candidates);
        }
        let agreement = apart.iter().sum::<f64>() / apart.len().max(1) as f64;
        let before = self.log.last().map_or(f64::INFINITY, |log| log.agreement);
        let moved = if moves.is_empty() { 0.0 } else { median(moves) };
        self.settled = moved < STILL || agreement > before * NO_BETTER;
        let members = self.banks.iter().map(|b| b.images().len()).sum::<usize>();
        self.log.push(RoundLog {
            round,
            loss,
            moved,
            agreement,
            set_aside: aside as f64 / apart.len().max(1) as f64,
            bank: members as f64 / self.banks.len().max(1) as f64,
        });
    }

    /// Admits the surest images and matches the anchors again with what they look like.
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
                    *anchor = towards(*anchor, point, BANK_SHARE);
                }
            }
        }
    }

    /// Distance of the task's `points` on image `n` to the shape that the labels make likely, units.
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

/// What both halves see of one landmark on one image.
struct Opinion {
    point: [f64; 2],
    /// Distance of the two, units.
    apart: f64,
    /// Mean scatter of the two, units.
    scatter: f64,
}

impl Opinion {
    fn of((a, b): (&Sight, &Sight)) -> Self {
        Self {
            point: towards(a.point, b.point, 0.5),
            apart: distance(a.point, b.point),
            scatter: (a.scatter + b.scatter) / 2.0,
        }
    }

    fn sure(&self) -> f64 {
        trust_of(self.apart, DOUBT) * trust_of(self.scatter, DOUBT)
    }
}

fn trust_of(distance: f64, doubt: f64) -> f64 {
    trust([distance, 0.0], [0.0; 2], doubt)
}
