//! Contents of the status page: the last images, their thumbnails, the loaded models.

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

/// Images on the page.
const MAX_ENTRIES: usize = 24;
/// Long edge of a thumbnail, px: the smallest on which the names of landmarks can be read.
const THUMBNAIL_PX: usize = 900;
const JPEG_QUALITY: u8 = 80;

/// An image and its report, to be drawn as a thumbnail.
pub(super) struct ThumbnailJob {
    pub(super) image: String,
    pub(super) radiograph: Radiograph,
    pub(super) report: Report,
}

/// A loaded model.
#[derive(Clone, Debug)]
pub(super) struct ModelState {
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) device: String,
}

/// One image of the status page.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its short name; no patient data.
    pub(super) image: String,
    pub(super) received: SystemTime,
    pub(super) outcome: String,
    pub(super) model: String,
    pub(super) device: String,
    /// From the image on the disk to its results on the disk.
    pub(super) took: Option<Duration>,
    /// Destinations that get results.
    pub(super) destinations: Vec<String>,
    /// The thumbnail, JPEG.
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
        entries.truncate(MAX_ENTRIES - 1);
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

/// The queue of thumbnails to draw. It holds one job, so that images do not accumulate in memory.
pub(super) fn thumbnail_queue() -> (SyncSender<ThumbnailJob>, Receiver<ThumbnailJob>) {
    sync_channel(1)
}

/// Draws thumbnails until the sender is dropped.
pub(super) fn draw(jobs: &Receiver<ThumbnailJob>, recent: &Recent) {
    for ThumbnailJob { image, radiograph, report } in jobs {
        let drawn = std::panic::catch_unwind(|| thumbnail(&radiograph, report));
        let Ok(Some(picture)) = drawn else { continue };
        if let Some(entry) = recent.lock().iter_mut().find(|e| e.image == image) {
            entry.picture = Some(Arc::new(picture));
        }
    }
}

/// The downsampled image with its landmarks, as JPEG. A refused image is drawn without landmarks.
fn thumbnail(radiograph: &Radiograph, mut report: Report) -> Option<Vec<u8>> {
    if !report.plausible {
        report.landmarks.clear();
    }
    let factor = radiograph.width.max(radiograph.height).div_ceil(THUMBNAIL_PX).max(1);
    let small = downsampled(radiograph, factor);
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
    JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY)
        .write_image(drawn.as_raw(), width, height, ExtendedColorType::Rgb8)
        .ok()?;
    Some(bytes)
}

/// Means of `factor` × `factor` px; incomplete blocks at the right and lower edge are cut off.
fn downsampled(radiograph: &Radiograph, factor: usize) -> Radiograph {
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
