//! Evaluates model files on labelled images, with the runtime itself and not the trainer's own forward pass.
//!
//! ```text
//! Labelled images ─predict→ Predictions ─merge→ Predictions of several models ─summarise→ Summary
//!   ─table, report→ text, JSON, report folder
//! Predictions of two models ─paired→ Paired ─compare→ text, JSON
//! ```

mod predict;
mod merge;
mod metrics;
mod measures;
mod reliability;
mod table;
mod report;
mod paired;
mod compare;
mod refusals;

pub use compare::{Comparison, Side};
pub use measures::{MeasureFigures, measure_figures};
pub use merge::{Part, check_disjoint, merge};
pub use metrics::{
    LandmarkSummary, PercentHeight, Summary, THRESHOLDS, Unit, bootstrap_mean, expected_error,
    radial_error, radial_errors, success_rate, summarise,
};
pub use paired::{Errors, Paired, PairedLandmark, paired};
pub use predict::{Found, Prediction, predict};
pub use refusals::{
    Alteration, Figures, Foreign, ImageOutcome, Kind, Refusals, Signals, Subject, refusal_table,
    refusals,
};
pub use reliability::{Bin, Group, Reliability, reliability};
pub use report::{check_report_place, write_report};
pub use table::table;

use fiducia::report::ModelInfo;
use fiducia::{BackendInfo, Report};

/// The evaluation of one model, or of several that find different landmarks, on a split.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Name of the data set.
    pub set: String,
    /// Name of the split.
    pub split: String,
    /// Images of the split that were excluded on request.
    pub excluded: Vec<String>,
    /// The models that were run; one, unless several were merged.
    pub models: Vec<ModelInfo>,
    /// The device that ran it.
    pub backend: BackendInfo,
    /// The landmarks that were measured, in the order of every prediction.
    pub landmarks: Vec<String>,
    /// One per image, sorted by name.
    pub predictions: Vec<Prediction>,
    /// The runtime's report for each prediction; `None` where it could not analyse the image.
    pub reports: Vec<Option<Report>>,
    /// The metrics.
    pub summary: Summary,
}
