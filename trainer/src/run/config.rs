//! The configuration of a run; saved beside its artefacts and compared on resume.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::training::coarse::CoarseConfig;
use crate::training::refine::RefineConfig;

/// How much time a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Minutes: enough to see whether data and template work.
    Fast,
    /// Tens of minutes on two cores: what the shipped models are trained with.
    Full,
}

/// Everything that decides what a run computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Name of the data set and of the model.
    pub name: String,
    /// File name of the annotated image.
    pub template: String,
    /// Split that the unlabelled images come from; all images where it is `None`.
    pub split: Option<String>,
    /// Seed of all randomness.
    pub seed: u64,
    /// Training of the coarse decoder.
    pub coarse: CoarseConfig,
    /// Training of the refine network.
    pub refine: RefineConfig,
}

impl Preset {
    /// The trainings of this preset.
    pub fn trainings(self) -> (CoarseConfig, RefineConfig) {
        let (steps, passes) = match self {
            Self::Fast => (240, 3),
            Self::Full => (900, 12),
        };
        let coarse = CoarseConfig {
            steps,
            batch: 7,
            learning_rate: 3e-3,
            updates: 2,
            rotation_deg: 8.0,
            scale: 0.08,
            shift: 10.0,
        };
        let refine = RefineConfig {
            passes,
            batch: 5,
            learning_rate: 4e-3,
            settle: 2,
            jitter: 4.0,
            rotation_deg: 6.0,
            scale: 0.06,
        };
        (coarse, refine)
    }
}
