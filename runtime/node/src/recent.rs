//! What the status page shows: the last images, small pictures of them, the models.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, SystemTime},
};

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};

use super::spool::{Job, Record};
use fiducia::{Radiograph, Report, overlay};

/// Images that are shown.
const SHOWN: usize = 24;
/// Long edge of a picture, px: the least on which names of landmarks can be read.
const PICTURE_PX: usize = 900;
const QUALITY: u8 = 80;

/// An image and what was found on it, to be drawn.
pub(super) struct Look {
    pub(super) image: String,
    pub(super) radiograph: Radiograph,
    pub(super) report: Report,
}

/// A model that is open.
#[derive(Clone, Debug)]
pub(super) struct ModelState {
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) device: String,
}

/// One image of the status page.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its short name; nothing of the patient.
    pub(super) image: String,
    pub(super) received: SystemTime,
    pub(super) outcome: String,
    pub(super) model: String,
    pub(super) device: String,
    /// From the image on the disk to its results on the disk.
    pub(super) took: Option<Duration>,
    /// Destinations that are owed something.
    pub(super) destinations: Vec<String>,
    /// JPEG.
    pub(super) picture: Option<Arc<Vec<u8>>>,
}

/// The last images, the newest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    entries: Mutex<VecDeque<Entry>>,
    models: Mutex<Vec<ModelState>>,
}

impl Recent {
    pub(super) fn add(&self, job: &Job, record: &Record, took: Duration) {
        self.push(Entry {
            image: record.image.clone(),
            received: job.received,
            outcome: record.outcome.clone(),
            model: record.model.clone().unwrap_or_default(),
            device: record.device.clone().unwrap_or_default(),
            took: Some(took),
            destinations: record.owed.keys().cloned().collect(),
            picture: None,
        });
    }

    pub(super) fn failed(&self, job: &Job) {
        self.push(Entry {
            image: job.key.short(),
            received: job.received,
            outcome: "failed".to_owned(),
            model: String::new(),
            device: String::new(),
            took: None,
            destinations: Vec::new(),
            picture: None,
        });
    }

    fn push(&self, entry: Entry) {
        let mut entries = self.lock();
        entries.retain(|e| e.image != entry.image);
        entries.truncate(SHOWN - 1);
        entries.push_front(entry);
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.lock().iter().cloned().collect()
    }

    pub(super) fn picture(&self, image: &str) -> Option<Arc<Vec<u8>>> {
        self.lock().iter().find(|e| e.image == image).and_then(|e| e.picture.clone())
    }

    pub(super) fn models(&self, models: Vec<ModelState>) {
        *self.models.lock().unwrap_or_else(PoisonError::into_inner) = models;
    }

    pub(super) fn open_models(&self) -> Vec<ModelState> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where pictures are asked for: one at a time, so that no images pile up.
pub(super) fn painter() -> (SyncSender<Look>, Receiver<Look>) {
    sync_channel(1)
}

/// Draws pictures until nobody asks for any.
pub(super) fn paint(looks: &Receiver<Look>, recent: &Recent) {
    for Look { image, radiograph, report } in looks {
        let drawn = std::panic::catch_unwind(|| picture(&radiograph, report));
        let Ok(Some(picture)) = drawn else { continue };
        if let Some(entry) = recent.lock().iter_mut().find(|e| e.image == image) {
            entry.picture = Some(Arc::new(picture));
        }
    }
}

/// The image, made smaller, with its landmarks. Of an image that was refused no point is shown.
fn picture(radiograph: &Radiograph, mut report: Report) -> Option<Vec<u8>> {
    if !report.plausible {
        report.landmarks.clear();
    }
    let factor = radiograph.width.max(radiograph.height).div_ceil(PICTURE_PX).max(1);
    let small = smaller(radiograph, factor);
    let k = factor as f64;
    for landmark in &mut report.landmarks {
        for v in [&mut landmark.x_px, &mut landmark.y_px] {
            *v = (*v - (k - 1.0) / 2.0) / k;
        }
        landmark.covariance_px2 = landmark.covariance_px2.map(|v| v / (k * k));
    }
    report.spacing_mm = report.spacing_mm.map(|s| s.map(|v| v * k));
    let drawn = overlay(&small, &report);
    let mut bytes = Vec::new();
    let (width, height) = drawn.dimensions();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .write_image(drawn.as_raw(), width, height, ExtendedColorType::Rgb8)
        .ok()?;
    Some(bytes)
}

/// Means of `factor` × `factor` px; what is left over at the right and lower edge is left out.
fn smaller(radiograph: &Radiograph, factor: usize) -> Radiograph {
    let [width, height] = [radiograph.width, radiograph.height].map(|edge| edge / factor);
    let mean = |i: usize| {
        let (x, y) = (i % width * factor, i / width * factor);
        let rows =
            (y..y + factor).map(|y| &radiograph.pixels[y * radiograph.width + x..][..factor]);
        let sum: u64 = rows.flatten().map(|&v| u64::from(v)).sum();
        (sum / (factor * factor) as u64) as u16
    };
    Radiograph {
        width,
        height,
        pixels: (0..width * height).map(mean).collect(),
        spacing_mm: radiograph.spacing_mm.map(|s| s.map(|v| v * factor as f64)),
        dicom: radiograph.dicom.clone(),
        name: radiograph.name.clone(),
        ..*radiograph
    }
}
