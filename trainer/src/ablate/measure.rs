//! Radial errors of trained models on labelled images, by the runtime.

use std::path::{Path, PathBuf};

use fiducia::{Backend, Detector, Error, ErrorKind, Pack};

use crate::data::Labelled;
use crate::parallel::map_chunks;
use crate::run::Stage;

use super::Row;

/// What was measured for one row on one set of test images.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Measured {
    /// Radial errors `[image][landmark]`, mm, or px where the set has no scale.
    pub errors: Vec<Vec<f64>>,
    /// Total size of all model files, bytes.
    pub bytes: u64,
}

/// The model files of a row under its run folder.
pub(super) fn models(row: Row, out: &Path) -> Result<Vec<PathBuf>, Error> {
    if row.until() == Stage::Pack {
        return Ok(vec![out.join("model.fid")]);
    }
    let folder = out.join("singles");
    let list = || -> std::io::Result<Vec<PathBuf>> {
        std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut models = list().map_err(|e| {
        Error::new(ErrorKind::Unreadable, format!("cannot list {}: {e}", folder.display()))
    })?;
    models.sort();
    Ok(models)
}

/// Runs `models`, which together find `landmarks`, on `images`; calls `done` after each image.
pub(super) fn measure(
    models: &[PathBuf],
    landmarks: &[String],
    images: &[Labelled],
    done: &(dyn Fn() + Sync),
) -> Result<Measured, Error> {
    let packs: Vec<Pack> = models.iter().map(|m| Pack::open(m)).collect::<Result<_, _>>()?;
    let detectors = || packs.iter().map(|p| Detector::new(p, Backend::Cpu)).collect();
    let errors = map_chunks(images, detectors, |detectors: &mut Vec<Detector>, image| {
        let errors = errors(detectors, landmarks, image);
        done();
        errors
    })?;
    let bytes = packs.iter().map(|p| p.file_len() as u64).sum();
    Ok(Measured { errors, bytes })
}

/// Errors of all landmarks on one image, which is read only once, `[landmark]`.
fn errors(
    detectors: &mut [Detector],
    landmarks: &[String],
    labelled: &Labelled,
) -> Result<Vec<f64>, Error> {
    let radiograph = labelled.image.read()?;
    let scale = radiograph.spacing_mm.unwrap_or([1.0; 2]);
    let mut errors = vec![f64::NAN; landmarks.len()];
    for detector in detectors {
        for found in detector.detect(&radiograph)?.landmarks {
            let Some(l) = landmarks.iter().position(|name| *name == found.name) else { continue };
            let [x, y] = labelled.points_px[l];
            errors[l] = ((found.x_px - x) * scale[0]).hypot((found.y_px - y) * scale[1]);
        }
    }
    Ok(errors)
}
