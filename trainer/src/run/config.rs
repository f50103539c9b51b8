//! The configuration of a run; stored beside its results and compared on resume.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::Stage;
use crate::nets::AdapterForm;
use crate::training::coarse::CoarseConfig;
use crate::training::regions::Augment;
use crate::training::{FuseConfig, JointConfig, RoundsConfig};

/// How much time a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// A quick check of data and template: one network for all landmarks.
    Fast,
    /// Dedicated networks for every landmark, then fusion: the configuration of the shipped models.
    Full,
}

/// Everything that affects the result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Name of the data set and of the model.
    pub name: String,
    /// File names of the annotated images: one for one-shot training.
    pub templates: Vec<String>,
    /// Split that the images come from; `None` for all images.
    pub split: Option<String>,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Variation of the cropping of the images: standard deviation of the anatomical position of their upper
    /// and lower edges, normalised units; `None` where it is unknown.
    pub framing: Option<f64>,
    /// Assumed error of the annotator, normalised units; part of the expected errors.
    pub annotation_error: f64,
    /// Training of the coarse decoder.
    pub coarse: CoarseConfig,
    /// Fraction of the way from its broad match to its close match that a label moves before the joint
    /// training, 0 to 1; with 0 there is no close match at that point.
    pub close_share: f64,
    /// Random transformations of the training regions.
    pub augment: Augment,
    /// Training of the shared network that all other networks start from.
    pub joint: JointConfig,
    /// Training of the dedicated networks; `None` for none.
    pub single: Option<RoundsConfig>,
    /// Training of the fused network; `None` to keep the shared one.
    pub fuse: Option<FuseConfig>,
}

impl Preset {
    /// The configuration of this preset for one-shot or few-shot training.
    ///
    /// ```rust
    /// use fiducia_trainer::run::config::Preset;
    ///
    /// let templates = vec!["125.jpg".to_owned()];
    /// let mut config = Preset::Full.config("head".to_owned(), templates, Some("train".to_owned()), 0);
    /// config.coarse.steps = 300;
    /// assert!(config.single.is_some() && config.fuse.is_some());
    /// // The quick preset trains no dedicated networks.
    /// let fast = Preset::Fast.config("head".to_owned(), vec!["125.jpg".to_owned()], None, 0);
    /// assert!(fast.single.is_none());
    /// ```
    pub fn config(
        self,
        name: String,
        templates: Vec<String>,
        split: Option<String>,
        seed: u64,
    ) -> RunConfig {
        let full = self == Self::Full;
        RunConfig {
            name,
            templates,
            split,
            seed,
            framing: None,
            annotation_error: 1.0,
            coarse: CoarseConfig {
                steps: if full { 900 } else { 240 },
                batch: 7,
                learning_rate: 3e-3,
                updates: 2,
                rotation_deg: 8.0,
                scale: 0.08,
                shift: 10.0,
            },
            close_share: 0.5,
            augment: Augment::DEFAULT,
            joint: JointConfig {
                form: AdapterForm::Gate,
                passes: if full { 12 } else { 4 },
                batch: 5,
                learning_rate: 4e-3,
                settle: Some(2),
            },
            single: full.then_some(RoundsConfig {
                rounds: 3,
                passes: 3,
                last_passes: 8,
                batch: 12,
                learning_rate: 6e-4,
                bank: 8,
            }),
            fuse: full.then_some(FuseConfig {
                form: AdapterForm::LowRank(8),
                passes: 10,
                batch: 5,
                learning_rate: 1.2e-3,
                distil: true,
            }),
        }
    }
}

impl RunConfig {
    /// The part of the configuration that affects the stages up to `stage`.
    pub fn until(&self, stage: Stage) -> Self {
        let mut config = self.clone();
        if stage < Stage::Joint {
            config.close_share = 0.0;
            config.joint =
                JointConfig { form: AdapterForm::Head, passes: 0, settle: None, ..self.joint };
        }
        if stage < Stage::Single {
            config.single = None;
        }
        if stage < Stage::Fuse {
            config.fuse = None;
        }
        config
    }

    /// The same configuration for a set whose images are all annotated: labels never change.
    pub fn supervised(mut self) -> Self {
        self.coarse.updates = 0;
        self.joint.settle = None;
        if let Some(single) = &mut self.single {
            single.rounds = 0;
        }
        self
    }
}
