//! The whole training: one annotated template and unlabelled images in, one pack out.

pub mod config;
pub mod device;
mod source;
mod stages;
pub mod calibrate;
mod rounds_plot;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fiducia::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use sha2::Digest;

use self::config::RunConfig;
use self::stages::Run;
use crate::correspond::Correspondences;
use crate::data::DataSet;
use crate::pack;
use crate::progress::Progress;
use crate::training::Material;

pub use self::source::{LEAST_IMAGES, Source, annotated_points, read_views, training_images};
pub(crate) use self::source::{images_sha256, placed};

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
    /// Folder of checkpoints that runs of several configurations share; `None` for the run's own.
    pub shared: Option<PathBuf>,
}

/// The stages of a run, in order. Each leaves a checkpoint and takes up those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Stage {
    /// From the template to first labels on every image.
    Match,
    /// The decoder that finds all landmarks coarsely.
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

/// Trains as far as `until` and returns the folder or, after [`Stage::Pack`], the model file; goes on where
/// an earlier run with the same configuration stopped.
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
    let places = Correspondences::find(&material)?;
    run_stages(&source, &material, &places, config, place, until)
}

/// The stages after the images have been read and matched, in a run folder that is open.
pub(crate) fn run_stages(
    source: &Source,
    material: &Material<'_>,
    places: &Correspondences,
    config: &RunConfig,
    place: &Place,
    until: Stage,
) -> Result<PathBuf, Error> {
    let run = Run::new(source, material, config, place);
    let reached = |stage: Stage| (until <= stage).then(|| place.out.clone());

    run.save("labels-matched.json", &places.labels)?;
    if let Some(out) = reached(Stage::Match) {
        return Ok(out);
    }
    let (coarse, labels) = run.coarse(places)?;
    if let Some(out) = reached(Stage::Coarse) {
        return Ok(out);
    }
    let poses = run.poses(&labels);
    let joint = run.joint(&labels, &poses)?;
    if let Some(out) = reached(Stage::Joint) {
        return Ok(out);
    }
    let singles = run.singles(places, &joint, &poses, &coarse)?;
    if let Some(out) = reached(Stage::Single) {
        return Ok(out);
    }
    let refine = run.fused(&joint, &singles, &poses)?;
    if let Some(out) = reached(Stage::Fuse) {
        return Ok(out);
    }
    let parts = run.calibrated(places, &coarse, &refine, &singles.labels)?;
    let model = place.out.join("model.fid");
    pack::write(&parts, &model)?;
    Ok(model)
}

/// What a run depends on; `config.json` in the run folder.
#[derive(PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    config: RunConfig,
    images: usize,
    images_sha256: String,
}

impl Record {
    /// A name for all that the record holds.
    pub(crate) fn sha256(&self) -> String {
        let json = serde_json::to_vec(self).expect("a record is plain data");
        hex(&sha2::Sha256::digest(&json))
    }

    /// How the pack was made, for the pack.
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

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Makes the run folder, or checks that it belongs to the same configuration and images.
pub(crate) fn open_run(out: &Path, record: &Record) -> Result<(), Error> {
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
