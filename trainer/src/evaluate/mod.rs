//! Measures a pack on labelled images, by the runtime and not by the trainer's own forward pass.
//!
//! ```text
//! Labelled images ─predict→ Predictions ─summarise→ Summary ─table, report→ text, JSON, report folder
//! ```

mod predict;
mod metrics;
mod table;
mod report;
mod refusals;

pub use metrics::{
    LandmarkSummary, PercentHeight, Summary, THRESHOLDS, Unit, bootstrap_mean, mean, quantile,
    radial_error, standard_deviation, success_rate, summarise,
};
pub use predict::{Found, Prediction, predict};
pub use refusals::{
    Alteration, Figures, Foreign, Kind, Look, Refusals, Signals, Subject, refusal_table, refusals,
};
pub use report::{check_report_place, write_report};
pub use table::table;

use fiducia::{BackendInfo, ModelInfo, Report};

/// All that is known after a pack was run on a split.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Name of the data set.
    pub set: String,
    /// Name of the split.
    pub split: String,
    /// Images of the split that were left out on request.
    pub excluded: Vec<String>,
    /// The model that was run.
    pub model: ModelInfo,
    /// The device that ran it.
    pub backend: BackendInfo,
    /// The landmarks that were measured, in the order of every prediction.
    pub landmarks: Vec<String>,
    /// One per image, sorted by name.
    pub predictions: Vec<Prediction>,
    /// What the runtime reported for each prediction; `None` where it found no image to look at.
    pub reports: Vec<Option<Report>>,
    /// The figures.
    pub summary: Summary,
}
