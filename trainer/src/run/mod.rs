//! The complete training: one annotated template and unlabelled images to one model file.

pub mod config;
pub mod device;
mod source;
mod stages;
pub mod calibrate;
mod rounds_plot;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fiducia::pack::hex;
use fiducia::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use sha2::Digest;

use self::config::RunConfig;
use self::stages::Run;
use crate::correspond::Correspondences;
use crate::data::DataSet;
use crate::material::Material;
use crate::pack;
use crate::progress::Progress;

pub use self::source::{LEAST_IMAGES, Source, annotated_points, read_pyramids, training_images};
pub(crate) use self::source::{images_sha256, to_units};

/// Input and output paths and the device of a run; they do not affect the result.
#[derive(Clone, Debug)]
pub struct Place {
    /// Run folder: configuration, checkpoints, labels, `model.fid`.
    pub out: PathBuf,
    /// Initial weights of the trunk.
    pub weights: PathBuf,
    /// Model card for the model file; `None` for a short generated one.
    pub card: Option<PathBuf>,
    /// The training device.
    pub device: device::Choice,
    /// Folder of checkpoints shared by runs of several configurations; `None` for the run's own folder.
    pub shared: Option<PathBuf>,
}

/// The stages of a run, in order. Each saves a checkpoint and resumes from the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Stage {
    /// From the template to initial labels on every image.
    Match,
    /// The coarse decoder of all landmarks.
    Coarse,
    /// The refine network that all dedicated ones start from.
    Joint,
    /// A dedicated refine network for every landmark.
    Single,
    /// One refine network with an adapter for every landmark.
    Fuse,
    /// Limits and expected errors, and the model file.
    Pack,
}

/// Trains up to the stage `until` and returns the run folder or, after [`Stage::Pack`], the path of the model
/// file. Resumes an earlier run with the same configuration.
///
/// ```rust,no_run
/// use std::path::{Path, PathBuf};
///
/// use fiducia_trainer::data::DataSet;
/// use fiducia_trainer::progress::Progress;
/// use fiducia_trainer::run::config::Preset;
/// use fiducia_trainer::run::{Place, Stage, device, run};
///
/// let data = DataSet::open(Path::new("data/head"))?;
/// let template = data.template.clone().expect("set.json names a template");
/// let config = Preset::Full.config(data.name.clone(), vec![template], None, 0);
/// let place = Place {
///     out: PathBuf::from("runs/head"),
///     weights: PathBuf::from("models/efficientnet-lite0-f16.safetensors"),
///     card: None,
///     device: device::Choice::Cpu,
///     shared: None,
/// };
/// let model = run(&data, &config, &place, Stage::Pack, &Progress::terminal())?;
/// println!("{}", model.display());
/// # Ok::<(), fiducia::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Unreadable`] for images, labels or weights, [`ErrorKind::Usage`] where the run folder
/// holds a run of another configuration, [`ErrorKind::Unwritable`] where it cannot be written.
pub fn run(
    data: &DataSet,
    config: &RunConfig,
    place: &Place,
    until: Stage,
    progress: &Progress,
) -> Result<PathBuf, Error> {
    let source = Source::open(data, config, place, progress)?;
    let material = source.material(config, progress);
    open_run(&place.out, &source.record(config))?;
    let correspondences = Correspondences::find(&material)?;
    run_stages(&source, &material, &correspondences, config, place, until)
}

/// Runs the stages after reading and matching, in an open run folder.
pub(crate) fn run_stages(
    source: &Source,
    material: &Material<'_>,
    correspondences: &Correspondences,
    config: &RunConfig,
    place: &Place,
    until: Stage,
) -> Result<PathBuf, Error> {
    let run = Run::new(source, material, config, place);
    let reached = |stage: Stage| (until <= stage).then(|| place.out.clone());

    run.save("labels-matched.json", &correspondences.labels)?;
    if let Some(out) = reached(Stage::Match) {
        return Ok(out);
    }
    let (coarse, labels) = run.coarse(correspondences)?;
    if let Some(out) = reached(Stage::Coarse) {
        return Ok(out);
    }
    let poses = run.poses(&labels);
    let joint = run.joint(&labels, &poses)?;
    if let Some(out) = reached(Stage::Joint) {
        return Ok(out);
    }
    let singles = run.singles(correspondences, &joint, &poses, &coarse)?;
    if let Some(out) = reached(Stage::Single) {
        return Ok(out);
    }
    let refine = run.fused(&joint, &singles, &poses)?;
    if let Some(out) = reached(Stage::Fuse) {
        return Ok(out);
    }
    let parts = run.calibrated(correspondences, &coarse, &refine, &singles.labels)?;
    let model = place.out.join("model.fid");
    pack::write(&parts, &model)?;
    Ok(model)
}

/// The inputs of a run; `config.json` in the run folder.
#[derive(PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    config: RunConfig,
    images: usize,
    images_sha256: String,
}

impl Record {
    /// Hash of the whole record.
    pub(crate) fn sha256(&self) -> String {
        let json = serde_json::to_vec(self).expect("a record is plain data");
        hex(&sha2::Sha256::digest(&json))
    }

    /// The provenance section of the model file.
    pub(crate) fn provenance(&self) -> serde_json::Value {
        serde_json::json!({
            "tool": format!("fiducia-trainer {}", env!("CARGO_PKG_VERSION")),
            "config": self.config,
            "training_images": self.images,
            "training_images_sha256": self.images_sha256,
            "labels_used": self.config.templates,
        })
    }
}

/// Creates the run folder, or checks that it belongs to the same configuration and images.
pub(crate) fn open_run(out: &Path, record: &Record) -> Result<(), Error> {
    let file = out.join("config.json");
    if let Ok(bytes) = std::fs::read(&file) {
        return match serde_json::from_slice::<Record>(&bytes) {
            Ok(old) if old == *record => Ok(()),
            _ => {
                let what = "contains a run with another configuration or other images";
                let message = format!("{} {what}; choose another --out", out.display());
                Err(Error::new(ErrorKind::Usage, message))
            }
        };
    }
    std::fs::create_dir_all(out).map_err(|e| {
        let message = format!("cannot create run folder {}: {e}", out.display());
        Error::new(ErrorKind::Unwritable, message)
    })?;
    fiducia::atomic::write_atomically(
        &file,
        &serde_json::to_vec_pretty(record).expect("a record is plain data"),
    )
}
