//! One landmark more for a trained model, from one click on one image; the shared weights stay frozen.
//!
//! ```text
//! pack ─detect→ pose and shape of every image
//! click ─correspond, close up→ Labels ─follower→ where the shape puts it, gross errors mended
//!   ─lessons, adapter alone→ private values ─detect→ calibration → patch
//! ```

mod follower;
mod patch;

use burn::module::Module;
use burn::tensor::Device;
use fiducia::{Error, Observation, Pack, Patch, Pose, distance};
use rayon::prelude::*;

use self::follower::{learn_follower, mend};
use self::patch::{assemble_patch, uncalibrated};
use crate::correspond::align::Framing;
use crate::correspond::{Correspondences, Labels, median, towards, trust};
use crate::data::Unlabelled;
use crate::nets::{RefineNet, Trunk};
use crate::progress::Progress;
use crate::quantise::frozen;
use crate::run::calibrate::calibration;
use crate::run::placed;
use crate::shares::observed;
use crate::training::lesson::{LOOKS, Lesson, learn, look};
use crate::training::regions::{Augment, Task};
use crate::training::{Annotated, Material};
use crate::view::View;

/// Share of the way from its broad match to its close match that a label goes.
const CLOSE_SHARE: f64 = 0.5;
/// Difference between label and network that halves a label's weight, units.
const DOUBT: f64 = 1.5;
/// Share of the way to the network's opinion that labels go between the lessons.
const LEASH: f64 = 0.5;
/// Images per step.
const BATCH: usize = 12;
/// Passes over the images in each of the two lessons.
const PASSES: usize = 12;
/// Highest learning rate.
const LEARNING_RATE: f64 = 4e-3;
/// Width of the heat maps at the start, between the lessons and in the end, px.
const SIGMAS: [f64; 3] = [2.5, 1.7, 1.4];
/// Least and largest shift of regions while learning, units: as far as the shape errs.
const JITTER: [f64; 2] = [4.0, 7.0];
/// How far off the annotator is taken to be, units.
const ANNOTATION_ERROR: f64 = 1.0;

/// What is to be added.
#[derive(Clone, Debug)]
pub struct NewLandmark {
    /// Its name.
    pub name: String,
    /// Index of the image that was clicked on.
    pub template: usize,
    /// The click, px of that image.
    pub point_px: [f64; 2],
    /// Seed of all randomness.
    pub seed: u64,
}

/// Trains the private values of a landmark for `pack` on `images`, which carry no labels; the patch file.
///
/// # Errors
/// [`fiducia::ErrorKind::Usage`] for a point outside its image or a landmark that the model has;
/// [`fiducia::ErrorKind::Unreadable`] for images that cannot be read or a model that `run` did not make.
pub fn add_landmark(
    pack: &Pack,
    images: &[Unlabelled],
    new: &NewLandmark,
    trunk: &Trunk,
    device: &Device,
    progress: &Progress,
) -> Result<Vec<u8>, Error> {
    let manifest = pack.manifest();
    manifest.expect_new(&new.name)?;
    let common = common(pack);
    let network = frozen(pack, std::slice::from_ref(&common), device)?;
    let views: Vec<View> =
        images.par_iter().map(|i| View::read(i, manifest.scale)).collect::<Result<_, _>>()?;
    let point = placed(&views[new.template], &new.name, new.point_px)?;
    let annotated = [Annotated { image: new.template, points: vec![point] }];
    let material = Material {
        views: &views,
        annotated: &annotated,
        trunk,
        device,
        seed: new.seed,
        framing: Framing(None),
        progress,
    };
    let seen = observe(pack, &manifest.landmarks[0], images, progress)?;
    let poses: Vec<Pose> = seen.iter().map(|o| o.pose).collect();
    let places = Correspondences::find(&material)?;
    let labels = first_labels(&material, &places, pack, &seen)?;
    let frame = manifest.refine;
    let mut task = Task {
        m: &material,
        frame: &frame,
        poses: &poses,
        landmarks: &[0],
        augment: Augment { jitter: JITTER[0], rotation_deg: 6.0, scale: 0.06 },
    };
    task.augment.jitter = jitter(pack, &labels, &seen);
    let (network, labels) = lessons(&task, network, labels);
    let values = network.adapters().swap_remove(0);
    let follower = learn_follower(&pack.shape(), &labels, &seen);

    let made = |calibration| assemble_patch(pack, new, images, &values, &follower, calibration);
    let patched = pack.with_patch(&Patch::from_bytes(made(uncalibrated())?)?)?;
    let seen = observe(&patched, &new.name, images, progress)?;
    made(calibration(&seen, &places, &labels, ANNOTATION_ERROR)[0])
}

/// The mean of the landmarks' private values: what they have in common, and what a new one starts from.
fn common(pack: &Pack) -> Vec<f32> {
    let own = pack.manifest().landmarks.len() - pack.patches().len();
    let mut sum = vec![0.0; pack.manifest().adapter_len()];
    for landmark in 0..own {
        sum.iter_mut().zip(pack.adapter(landmark)).for_each(|(s, v)| *s += v / own as f32);
    }
    sum
}

/// What the model sees on every image, looking closely at one landmark.
fn observe(
    pack: &Pack,
    name: &str,
    images: &[Unlabelled],
    progress: &Progress,
) -> Result<Vec<Observation>, Error> {
    let bar = progress.bar("detect", images.len());
    observed(pack, &[name.to_owned()], images, &bar)
}

/// Matched broadly, mended by the shape, then moved half way to where the landmark looks most like the
/// template's close up.
fn first_labels(
    m: &Material<'_>,
    places: &Correspondences,
    pack: &Pack,
    seen: &[Observation],
) -> Result<Labels, Error> {
    let mut labels = places.labels.clone();
    mend(&mut labels, &pack.shape(), seen);
    m.pin(&mut labels);
    let mut labels = places.closer(m, labels, CLOSE_SHARE)?;
    mend(&mut labels, &pack.shape(), seen);
    m.pin(&mut labels);
    Ok(labels)
}

/// How far regions are shifted while learning: twice as far as the shape usually errs.
fn jitter(pack: &Pack, labels: &Labels, seen: &[Observation]) -> f64 {
    let follower = learn_follower(&pack.shape(), labels, seen);
    let off = |(points, o): (&Vec<[f64; 2]>, &Observation)| {
        distance(points[0], follower.place(&o.pose, &o.amounts))
    };
    let usual = median(labels.points.iter().zip(seen).map(off).collect());
    (2.0 * usual).clamp(JITTER[0], JITTER[1])
}

/// Two lessons of the private values; between them the labels move towards what the network sees.
fn lessons(task: &Task<'_>, network: RefineNet, labels: Labels) -> (RefineNet, Labels) {
    let m = task.m;
    let pupils = m.pupils();
    let bar = m.progress.bar("learn", 2 * PASSES * pupils.len().div_ceil(BATCH));
    let no_bank = [Vec::new()];
    let lesson = |stage, sigma| Lesson {
        stage,
        images: &pupils,
        bank: &no_bank,
        batch: BATCH,
        passes: PASSES,
        learning_rate: LEARNING_RATE,
        sigma,
    };
    let tick = |_| bar.inc(1);
    let first = lesson("add-landmark 1", [SIGMAS[0], SIGMAS[1]]);
    let pupil = learn(task, &labels, &first, &network, None, &tick);
    let all: Vec<usize> = (0..m.views.len()).collect();
    let seen = look(task, &pupil.average, &labels.points, &all, &LOOKS);
    let mut moved = labels.clone();
    for (n, sight) in seen.iter().enumerate() {
        let old = labels.points[n][0];
        moved.points[n][0] = towards(old, sight[0].point, LEASH);
        moved.weights[n][0] = trust(sight[0].point, old, DOUBT);
    }
    m.pin(&mut moved);
    let second = lesson("add-landmark 2", [SIGMAS[1], SIGMAS[2]]);
    let start = pupil.average.train();
    let pupil = learn(task, &moved, &second, &start, None, &tick);
    bar.finish();
    (pupil.average, moved)
}
