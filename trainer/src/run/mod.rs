//! The whole training: one annotated template and unlabelled images in, one pack out.

pub mod config;
pub mod device;
pub mod calibrate;

use std::path::{Path, PathBuf};

use fiducia::{
    Backend, Calibration, Detector, Error, ErrorKind, Manifest, Observation, Pack, Plausibility,
    RefineFrame, Scale, ShapeModel, WholeFrame,
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use self::calibrate::{calibration, plausibility};
use self::config::RunConfig;
use crate::correspond::{Labels, correspond, median};
use crate::data::{DataSet, Template, Unlabelled};
use crate::nets::{CoarseDecoder, RefineNet, Trunk};
use crate::pack::{self, Parts};
use crate::progress::Progress;
use crate::shape_fit::learn_shape;
use crate::training::checkpoint::Checkpoint;
use crate::training::{Material, train_coarse, train_refine};
use crate::view::{FINE, View};

/// Height of the backbone's input, px; its width follows from the images.
const WHOLE_HEIGHT: f64 = 240.0;
/// Height of an image whose spacing is unknown, units.
const RELATIVE_HEIGHT: f64 = 240.0;
/// Side of a region of interest, px.
const REGION: usize = 96;
/// Fewer images than this show too little variation.
pub(crate) const LEAST_IMAGES: usize = 8;

/// Where a run reads, writes and computes; none of it changes the configuration.
#[derive(Clone, Debug)]
pub struct Place {
    /// Run folder: configuration, checkpoints, labels, `model.fid`.
    pub out: PathBuf,
    /// Initial weights of the trunk.
    pub weights: PathBuf,
    /// Model card to put into the pack; a short one is written where it is `None`.
    pub card: Option<PathBuf>,
    /// Where networks are trained.
    pub device: device::Choice,
}

/// Trains a model and writes `model.fid`; goes on where an earlier run with the same configuration stopped.
///
/// # Errors
/// [`ErrorKind::Unreadable`] for images, labels or weights, [`ErrorKind::Usage`] where the run folder
/// holds a run of another configuration, [`ErrorKind::Unwritable`] where it cannot be written.
pub fn run(
    data: &DataSet,
    config: &RunConfig,
    place: &Place,
    progress: &Progress,
) -> Result<PathBuf, Error> {
    let (images, template) = training_images(data, &config.template, config.split.as_deref())?;
    let record =
        Record { config: config.clone(), images: images.len(), images_sha256: hash(&images)? };
    open_run(&place.out, &record)?;
    let at = at_template(&images, &template);
    let (views, scale) = read_views(&images, progress)?;
    let points = template_points(&views[at], &template)?;
    let trunk = Trunk::open(&place.weights)?;
    let device = device::open(place.device)?;
    let material = Material {
        views: &views,
        template: at,
        points: &points,
        trunk: &trunk,
        device: &device,
        seed: config.seed,
        progress,
    };
    let (whole, region) = frames(&views, scale);

    let correspondence = correspond(&views, at, &points, &trunk, progress)?;
    save_labels(&place.out, "labels-matched.json", &correspondence.labels)?;
    let checkpoint = |stage| Checkpoint::new(&place.out, stage);
    let (coarse, labels) =
        train_coarse(&material, &correspondence, &whole, &config.coarse, &checkpoint("coarse"))?;
    save_labels(&place.out, "labels-coarse.json", &labels)?;
    let (refine, labels_end) =
        train_refine(&material, &labels, &region, &config.refine, &checkpoint("refine"))?;
    save_labels(&place.out, "labels-refine.json", &labels_end)?;

    let shape = learn_shape(&labels_end.points, &labels_end.weights, &points);
    let manifest = manifest(config, &template, scale, whole, region, &shape);
    let mut parts = assemble(manifest, &coarse, &refine, &trunk, shape);
    parts.provenance = record.provenance();
    parts.card = card(place, config, &images)?;
    let seen = observe(&parts, &images, progress)?;
    parts.manifest.plausibility = plausibility(&seen);
    parts.calibration =
        calibration(&seen, &correspondence.registered_on_images(), &correspondence.labels.points);
    let model = place.out.join("model.fid");
    pack::write(&parts, &model)?;
    Ok(model)
}

/// What a run depends on; `config.json` in the run folder.
#[derive(PartialEq, Serialize, Deserialize)]
struct Record {
    config: RunConfig,
    images: usize,
    images_sha256: String,
}

impl Record {
    /// How the pack was made, for the pack.
    fn provenance(&self) -> serde_json::Value {
        serde_json::json!({
            "tool": format!("fiducia-trainer {}", env!("CARGO_PKG_VERSION")),
            "config": self.config,
            "training_images": self.images,
            "training_images_sha256": self.images_sha256,
            "labels_used": format!("{} only", self.config.template),
        })
    }
}

/// Makes the run folder, or checks that it belongs to the same configuration and images.
fn open_run(out: &Path, record: &Record) -> Result<(), Error> {
    let file = out.join("config.json");
    if let Ok(bytes) = std::fs::read(&file) {
        return match serde_json::from_slice::<Record>(&bytes) {
            Ok(old) if old == *record => Ok(()),
            _ => {
                let what = "holds a run of another configuration or of other images";
                let message = format!("{} {what}; choose another --out", out.display());
                Err(Error::new(ErrorKind::Usage, message))
            }
        };
    }
    std::fs::create_dir_all(out).map_err(|e| {
        let message = format!("cannot make run folder {}: {e}", out.display());
        Error::new(ErrorKind::Unwritable, message)
    })?;
    fiducia::write_atomically(
        &file,
        &serde_json::to_vec_pretty(record).expect("a record is plain data"),
    )
}

/// The unlabelled images of `split`, the template among them, and the template with its points.
///
/// # Errors
/// [`ErrorKind::Usage`] for an unknown template or split, or fewer than 8 images.
pub fn training_images(
    data: &DataSet,
    template: &str,
    split: Option<&str>,
) -> Result<(Vec<Unlabelled>, Template), Error> {
    let template = data.template(template)?;
    let mut images = data.unlabelled(split)?;
    if !images.iter().any(|i| i.name == template.image.name) {
        images.push(template.image.clone());
    }
    if images.len() < LEAST_IMAGES {
        let message = format!(
            "{}: {} images are too few to learn from; at least {LEAST_IMAGES}",
            data.name,
            images.len()
        );
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok((images, template))
}

/// Which of `images` is the template.
pub fn at_template(images: &[Unlabelled], template: &Template) -> usize {
    images
        .iter()
        .position(|i| i.name == template.image.name)
        .expect("the template is among the images")
}

/// The template's landmarks, units.
///
/// # Errors
/// [`ErrorKind::Usage`] for a landmark outside the image.
pub fn template_points(view: &View, template: &Template) -> Result<Vec<[f64; 2]>, Error> {
    let outside = |p: &[f64; 2]| {
        (0..2).any(|axis| p[axis] < -0.5 || p[axis] > view.size_px[axis] as f64 - 0.5)
    };
    if let Some(l) = template.points_px.iter().position(outside) {
        let (name, [x, y]) = (&template.landmarks[l], template.points_px[l]);
        let message =
            format!("{}: landmark {name} at ({x}, {y}) lies outside the image", view.name);
        return Err(Error::new(ErrorKind::Usage, message));
    }
    Ok(template.points_px.iter().map(|&p| view.to_unit.apply(p)).collect())
}

/// Reads and reduces all images; the unit is the millimetre where every image has a spacing.
///
/// # Errors
/// As [`View::read`].
pub fn read_views(images: &[Unlabelled], progress: &Progress) -> Result<(Vec<View>, Scale), Error> {
    let scale = scale_of(images)?;
    let bar = progress.bar("read", images.len());
    let read = |image: &Unlabelled| {
        bar.inc(1);
        View::read(image, scale, whole_unit(scale))
    };
    let views: Result<Vec<View>, Error> = images.par_iter().map(read).collect();
    Ok((views?, scale))
}

/// Millimetres where every image has a spacing, else relative units.
fn scale_of(images: &[Unlabelled]) -> Result<Scale, Error> {
    let mut heights = Vec::new();
    for image in images {
        match image.spacing_mm() {
            Some(spacing) => heights.push(image.size_px()?[1] as f64 * spacing[1]),
            None => return Ok(Scale::ImageHeight { field_height: RELATIVE_HEIGHT }),
        }
    }
    Ok(Scale::Millimetres { field_height: median(heights) })
}

fn whole_unit(scale: Scale) -> f64 {
    match scale {
        Scale::Millimetres { field_height } | Scale::ImageHeight { field_height } => {
            field_height / WHOLE_HEIGHT
        }
    }
}

/// Grids of the two networks: as wide as the usual image.
fn frames(views: &[View], scale: Scale) -> (WholeFrame, RefineFrame) {
    let unit_per_px = whole_unit(scale);
    let edge = |units: f64| {
        ((units / unit_per_px / Trunk::MULTIPLE as f64).round() as usize).max(2) * Trunk::MULTIPLE
    };
    let usual = |axis: usize| {
        median(views.iter().map(|v| v.size_px[axis] as f64 * v.to_unit.m[axis][axis]).collect())
    };
    let whole = WholeFrame {
        width: edge(usual(0)),
        height: edge(usual(1)),
        unit_per_px,
        stride: CoarseDecoder::STRIDE,
        norm_radius: 40,
        peak_radius: 2,
    };
    (whole, RefineFrame { size: REGION, unit_per_px: FINE, stride: 1, peak_radius: 5 })
}

fn manifest(
    config: &RunConfig,
    template: &Template,
    scale: Scale,
    whole: WholeFrame,
    refine: RefineFrame,
    shape: &ShapeModel,
) -> Manifest {
    Manifest {
        name: config.name.clone(),
        landmarks: template.landmarks.clone(),
        scale,
        whole,
        refine,
        adapter: RefineNet::adapter_inputs(),
        shape_modes: shape.modes.len(),
        plausibility: Plausibility {
            min_coarse_mass: 0.0,
            max_pose_residual: 1e9,
            scale_range: [1e-3, 1e3],
            max_rotation: 10.0,
            max_shape_residual: 1e9,
        },
    }
}

/// A pack without limits or calibration.
fn assemble(
    manifest: Manifest,
    coarse: &CoarseDecoder,
    refine: &RefineNet,
    trunk: &Trunk,
    shape: ShapeModel,
) -> Parts {
    let open =
        Calibration { gain: 1.0, floor: 0.0, max_expected_error: 1e9, max_shape_residual: 1e9 };
    Parts {
        backbone: coarse.export(trunk, &manifest.whole),
        refine: refine.export(manifest.refine.size),
        adapters: refine.adapters(),
        calibration: vec![open; manifest.landmarks.len()],
        shape,
        provenance: serde_json::Value::Null,
        card: String::new(),
        manifest,
    }
}

/// What the runtime sees on every training image.
fn observe(
    parts: &Parts,
    images: &[Unlabelled],
    progress: &Progress,
) -> Result<Vec<Observation>, Error> {
    let pack = Pack::from_bytes(pack::to_bytes(parts)?)?;
    let mut detector = Detector::new(&pack, Backend::Cpu)?;
    let bar = progress.bar("calibrate", images.len());
    let one = |image: &Unlabelled| {
        bar.inc(1);
        detector.observe(&image.read()?)
    };
    images.iter().map(one).collect()
}

/// SHA-256 over the names and contents of the training images.
fn hash(images: &[Unlabelled]) -> Result<String, Error> {
    let mut list = Sha256::new();
    for image in images {
        list.update(image.name.as_bytes());
        list.update([0]);
        list.update(Sha256::digest(image.bytes()?));
    }
    Ok(list.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

fn card(place: &Place, config: &RunConfig, images: &[Unlabelled]) -> Result<String, Error> {
    if let Some(path) = &place.card {
        return std::fs::read_to_string(path).map_err(|e| {
            Error::new(ErrorKind::Unreadable, format!("model card {}: {e}", path.display()))
        });
    }
    Ok(format!(
        "# {}\n\nTrained from one annotated image ({}) and {} unlabelled images by fiducia-trainer {}.\n\
         Not evaluated. Research use; not a medical device.\n",
        config.name,
        config.template,
        images.len() - 1,
        env!("CARGO_PKG_VERSION")
    ))
}

fn save_labels(out: &Path, name: &str, labels: &Labels) -> Result<(), Error> {
    let json = serde_json::to_vec(labels).expect("labels are plain data");
    fiducia::write_atomically(&out.join(name), &json)
}
