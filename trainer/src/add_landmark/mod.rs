//! Adds one landmark to a trained model, from one click on one image. The shared weights stay frozen.
//!
//! ```text
//! model file ─detect→ pose and shape of every image
//! click ─correspond, close match→ Labels ─derived→ position predicted from the shape, gross errors corrected
//!   ─training phases, adapter only→ private values ─detect→ calibration → patch
//! ```

mod derived;
mod patch;

use burn::module::Module;
use burn::tensor::Device;
use fiducia::engine::Observation;
use fiducia::shape::{Pose, distance};
use fiducia::{Error, Pack, Patch};
use rayon::prelude::*;

use self::derived::{fit_derived, regularise};
use self::patch::assemble_patch;
use crate::correspond::Correspondences;
use crate::data::Unlabelled;
use crate::framing::Framing;
use crate::labels::{Labels, cauchy_weight, towards};
use crate::material::{Annotated, Material};
use crate::nets::{RefineNet, Trunk};
use crate::parallel::observe_all;
use crate::progress::Progress;
use crate::pyramid::ImagePyramid;
use crate::quantise::frozen;
use crate::run::calibrate::{UNCALIBRATED, calibration};
use crate::run::to_units;
use crate::statistics::median;
use crate::training::phase::{AUGMENTATIONS, Phase, learn, predict_augmented};
use crate::training::regions::{Augment, Task};

/// Fraction of the way from the broad match to the close match that a label moves.
const CLOSE_FRACTION: f64 = 0.5;
/// Difference between label and network that halves a label's weight, normalised units.
const HALF_WEIGHT: f64 = 1.5;
/// Fraction of the way to the network's prediction that labels move between the two phases.
const DRIFT_LIMIT: f64 = 0.5;
/// Images per step.
const BATCH: usize = 12;
/// Passes over the images in each of the two training phases.
const PASSES: usize = 12;
/// Highest learning rate.
const LEARNING_RATE: f64 = 4e-3;
/// Standard deviation of the target heat maps at the start, between the phases and at the end, px.
const SIGMAS: [f64; 3] = [2.5, 1.7, 1.4];
/// Least and largest random shift of the training regions, normalised units: the range of the shape model's
/// errors.
const JITTER: [f64; 2] = [4.0, 7.0];
/// Assumed error of the annotator, normalised units.
const ANNOTATION_ERROR: f64 = 1.0;

/// The landmark to add.
#[derive(Clone, Debug)]
pub struct NewLandmark {
    /// Its name.
    pub name: String,
    /// Index of the annotated image.
    pub template: usize,
    /// The annotated point `[x, y]`, px of that image; (0, 0) is the centre of the top-left pixel.
    pub point_px: [f64; 2],
    /// Seed of all random numbers.
    pub seed: u64,
}

/// Trains the private values of a new landmark for `pack` on `images`, which carry no labels; returns the
/// bytes of the patch file.
///
/// ```rust,no_run
/// use std::path::Path;
///
/// use fiducia::Pack;
/// use fiducia_trainer::add_landmark::{NewLandmark, add_landmark};
/// use fiducia_trainer::data::DataSet;
/// use fiducia_trainer::nets::Trunk;
/// use fiducia_trainer::progress::Progress;
/// use fiducia_trainer::run::device;
///
/// let pack = Pack::open(Path::new("models/head.fid"))?;
/// let images = DataSet::open(Path::new("data/head"))?.unlabelled(None)?;
/// let new = NewLandmark {
///     name: "pronasale".to_owned(),
///     template: 0,
///     point_px: [1520.0, 960.5],
///     seed: 0,
/// };
/// let trunk = Trunk::open(Path::new("models/efficientnet-lite0-f16.safetensors"))?;
/// let device = device::open(device::Choice::Cpu)?;
/// let patch = add_landmark(&pack, &images, &new, &trunk, &device, &Progress::terminal())?;
/// fiducia::atomic::write_atomically(Path::new("pronasale.fidp"), &patch)?;
/// # Ok::<(), fiducia::Error>(())
/// ```
///
/// # Errors
/// [`fiducia::ErrorKind::Usage`] for a point outside its image or a name that the model already has;
/// [`fiducia::ErrorKind::Unreadable`] for an image that cannot be read or a model that this trainer did not
/// make.
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
    let pyramids: Vec<ImagePyramid> = images
        .par_iter()
        .map(|i| ImagePyramid::read(i, manifest.scale))
        .collect::<Result<_, _>>()?;
    let point = to_units(&pyramids[new.template], &new.name, new.point_px)?;
    let annotated = [Annotated { image: new.template, points: vec![point] }];
    let material = Material {
        pyramids: &pyramids,
        annotated: &annotated,
        trunk,
        device,
        seed: new.seed,
        framing: Framing(None),
        progress,
    };
    let seen = observe(pack, &manifest.landmarks[0], images, progress)?;
    let poses: Vec<Pose> = seen.iter().map(|o| o.pose).collect();
    let correspondences = Correspondences::find(&material)?;
    let labels = first_labels(&material, &correspondences, pack, &seen)?;
    let frame = manifest.refine;
    let mut task = Task {
        m: &material,
        frame: &frame,
        poses: &poses,
        landmarks: &[0],
        augment: Augment::DEFAULT,
    };
    task.augment.jitter = jitter(pack, &labels, &seen);
    let (network, labels) = train_in_phases(&task, network, labels);
    let values = network.adapters().swap_remove(0);
    let derived = fit_derived(&pack.shape(), &labels, &seen);

    let made = |calibration| assemble_patch(pack, new, images, &values, &derived, calibration);
    let patched = pack.with_patch(&Patch::from_bytes(made(UNCALIBRATED)?)?)?;
    let seen = observe(&patched, &new.name, images, progress)?;
    made(calibration(&seen, &correspondences, &labels, ANNOTATION_ERROR)[0])
}

/// The mean of the landmarks' private values: the starting point of a new landmark.
fn common(pack: &Pack) -> Vec<f32> {
    let own = pack.manifest().landmarks.len() - pack.patches().len();
    let mut sum = vec![0.0; pack.manifest().adapter_len()];
    for landmark in 0..own {
        sum.iter_mut().zip(pack.adapter(landmark)).for_each(|(s, v)| *s += v / own as f32);
    }
    sum
}

/// Runs the model on every image, with the refine network for landmark `name` only.
fn observe(
    pack: &Pack,
    name: &str,
    images: &[Unlabelled],
    progress: &Progress,
) -> Result<Vec<Observation>, Error> {
    let bar = progress.bar("detect", images.len());
    observe_all(pack, &[name.to_owned()], images, &bar)
}

/// Labels from the broad match, regularised by the shape, then moved half way to the close match.
fn first_labels(
    m: &Material<'_>,
    correspondences: &Correspondences,
    pack: &Pack,
    seen: &[Observation],
) -> Result<Labels, Error> {
    let mut labels = correspondences.labels.clone();
    regularise(&mut labels, &pack.shape(), seen);
    m.pin(&mut labels);
    let mut labels = correspondences.with_close_match(m, labels, CLOSE_FRACTION)?;
    regularise(&mut labels, &pack.shape(), seen);
    m.pin(&mut labels);
    Ok(labels)
}

/// Random shift of the training regions, normalised units: twice the median error of the shape prediction,
/// within [`JITTER`].
fn jitter(pack: &Pack, labels: &Labels, seen: &[Observation]) -> f64 {
    let derived = fit_derived(&pack.shape(), labels, seen);
    let off = |(points, o): (&Vec<[f64; 2]>, &Observation)| {
        distance(points[0], derived.place(&o.pose, &o.amounts))
    };
    let usual = median(labels.points.iter().zip(seen).map(off).collect());
    (2.0 * usual).clamp(JITTER[0], JITTER[1])
}

/// Trains the private values in two phases; between them the labels move towards the network's predictions.
fn train_in_phases(task: &Task<'_>, network: RefineNet, labels: Labels) -> (RefineNet, Labels) {
    let m = task.m;
    let images = m.training_images();
    let bar = m.progress.bar("learn", 2 * PASSES * images.len().div_ceil(BATCH));
    let no_bank = [Vec::new()];
    let phase = |stage, sigma| Phase {
        stage,
        images: &images,
        bank: &no_bank,
        batch: BATCH,
        passes: PASSES,
        learning_rate: LEARNING_RATE,
        sigma,
    };
    let tick = |_| bar.inc(1);
    let first = phase("add-landmark 1", [SIGMAS[0], SIGMAS[1]]);
    let student = learn(task, &labels, &first, &network, None, &tick);
    let all: Vec<usize> = (0..m.pyramids.len()).collect();
    let seen = predict_augmented(task, &student.average, &labels.points, &all, &AUGMENTATIONS);
    let mut moved = labels.clone();
    for (n, prediction) in seen.iter().enumerate() {
        let old = labels.points[n][0];
        moved.points[n][0] = towards(old, prediction[0].point, DRIFT_LIMIT);
        moved.weights[n][0] = cauchy_weight(prediction[0].point, old, HALF_WEIGHT);
    }
    m.pin(&mut moved);
    let second = phase("add-landmark 2", [SIGMAS[1], SIGMAS[2]]);
    let start = student.average.train();
    let student = learn(task, &moved, &second, &start, None, &tick);
    bar.finish();
    (student.average, moved)
}
