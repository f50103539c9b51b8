//! The result of a detection and its written forms: JSON (schema `fiducia.report/1`), CSV, text table.

use serde::Serialize;

use crate::MmSource;

/// Landmarks found on one image. Serialises to the documented JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always `fiducia.report/1`.
    pub schema: &'static str,
    /// The image as it was named by the caller.
    pub image: String,
    /// `[width, height]` of the image, px.
    pub size_px: [usize; 2],
    /// `[x, y]` spacing, mm per px, where it is known.
    pub spacing_mm: Option<[f64; 2]>,
    /// Where the scale came from.
    pub mm_source: MmSource,
    /// The model that was run.
    pub model: ModelInfo,
    /// The device that ran it.
    pub backend: BackendInfo,
    /// Wall time per stage.
    pub timings_ms: Timings,
    /// False where the image does not look like what the model was trained on: do not use the points.
    pub plausible: bool,
    /// Why the image is not plausible, or which landmarks are doubtful; empty where nothing is amiss.
    pub reasons: Vec<String>,
    /// One entry per landmark, in the order of the pack.
    pub landmarks: Vec<Landmark>,
}

/// Which model produced a report.
#[derive(Clone, Debug, Serialize)]
pub struct ModelInfo {
    /// Name in the pack's manifest.
    pub name: String,
    /// SHA-256 of the whole pack file, hexadecimal.
    pub sha256: String,
}

/// Which device produced a report.
#[derive(Clone, Debug, Serialize)]
pub struct BackendInfo {
    /// `cpu` or `gpu`.
    pub kind: &'static str,
    /// Name of the processor or adapter.
    pub device: String,
    /// Engine or driver and its version.
    pub driver: String,
    /// Why this backend was taken, where the caller left the choice (`auto`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen_because: Option<String>,
}

/// Wall time per stage, ms.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Timings {
    /// Windowing, reduction and resampling of the whole image.
    pub preprocess: f64,
    /// The shared backbone, once per image.
    pub backbone: f64,
    /// Cutting the regions of interest.
    pub crop: f64,
    /// The refine network on all regions.
    pub refine: f64,
    /// Peaks, pose, plausibility.
    pub decode: f64,
    /// All of it.
    pub total: f64,
}

/// One landmark on one image.
#[derive(Clone, Debug, Serialize)]
pub struct Landmark {
    /// Name in the pack's manifest.
    pub name: String,
    /// Position, px of the image file.
    pub x_px: f64,
    /// Position, px of the image file.
    pub y_px: f64,
    /// Position, mm from the centre of the top-left pixel; null without a trustworthy scale.
    pub x_mm: Option<f64>,
    /// Position, mm; null without a trustworthy scale.
    pub y_mm: Option<f64>,
    /// Expected radial error, mm; null without a trustworthy scale.
    pub expected_error_mm: Option<f64>,
    /// Expected radial error, px (mean of x and y where the spacing differs).
    pub expected_error_px: f64,
    /// Covariance of the position `[xx, xy, yy]`, px².
    pub covariance_px2: [f64; 3],
    /// False where the expected error or the distance to the shape model is out of the usual range.
    pub confident: bool,
}

/// The reports as CSV, one row per landmark.
pub fn csv(_reports: &[Report]) -> String {
    String::new()
}

/// One report as a text table.
pub fn table(_report: &Report) -> String {
    String::new()
}
