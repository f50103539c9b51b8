//! The rows of the ablation table: what is trained, and which row it is compared with.

use crate::nets::AdapterForm;
use crate::run::Stage;
use crate::run::config::RunConfig;
use crate::training::RoundsConfig;

/// One training variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// One network for all landmarks with private heads only; labels as matched.
    Joint,
    /// One network for all landmarks with gates, whose labels follow its predictions: the start of the
    /// dedicated networks.
    JointDynamic,
    /// The same, with labels from the broad match only.
    JointBroad,
    /// A dedicated network per landmark; labels as matched.
    SinglesStatic,
    /// The same with dynamic pseudo-labels.
    SinglesDynamic,
    /// The same, with a template bank.
    SinglesBank,
    /// The dedicated networks of [`Row::SinglesBank`], fused with adapters of this form.
    Fused(AdapterForm),
    /// As [`Row::Fused`] with the preset's form, but trained on the labels only, without teachers.
    FusedAlone,
    /// [`Row::Joint`], trained on the labels of all training images.
    SupervisedJoint,
    /// The fused network, trained on the labels of all training images.
    SupervisedFused,
}

impl Row {
    /// All rows, in the order of the table.
    pub const ALL: [Self; 14] = [
        Self::Joint,
        Self::JointDynamic,
        Self::JointBroad,
        Self::SinglesStatic,
        Self::SinglesDynamic,
        Self::SinglesBank,
        Self::Fused(AdapterForm::Head),
        Self::Fused(AdapterForm::Gate),
        Self::Fused(AdapterForm::Depthwise),
        Self::Fused(AdapterForm::LowRank(4)),
        Self::Fused(AdapterForm::LowRank(8)),
        Self::FusedAlone,
        Self::SupervisedJoint,
        Self::SupervisedFused,
    ];

    /// Name on the command line and in file names.
    pub fn name(self) -> String {
        match self {
            Self::Joint => "joint".to_owned(),
            Self::JointDynamic => "joint-dynamic".to_owned(),
            Self::JointBroad => "joint-broad".to_owned(),
            Self::SinglesStatic => "singles-static".to_owned(),
            Self::SinglesDynamic => "singles-dynamic".to_owned(),
            Self::SinglesBank => "singles-bank".to_owned(),
            Self::Fused(form) => format!("fused-{form}"),
            Self::FusedAlone => "fused-alone".to_owned(),
            Self::SupervisedJoint => "supervised-joint".to_owned(),
            Self::SupervisedFused => "supervised-fused".to_owned(),
        }
    }

    /// Title for readers of the table.
    pub fn title(self) -> String {
        match self {
            Self::Joint => "joint multi-head network, labels as matched".to_owned(),
            Self::JointDynamic => "joint network with gates, dynamic labels".to_owned(),
            Self::JointBroad => "the same, labels from the broad match only".to_owned(),
            Self::SinglesStatic => "one network per landmark, labels as matched".to_owned(),
            Self::SinglesDynamic => "one network per landmark, dynamic labels".to_owned(),
            Self::SinglesBank => {
                "one network per landmark, dynamic labels, template bank".to_owned()
            }
            Self::Fused(form) => format!("fused, adapter {form}"),
            Self::FusedAlone => "fused, without the dedicated networks as teachers".to_owned(),
            Self::SupervisedJoint => "joint, labels of all training images".to_owned(),
            Self::SupervisedFused => "fused, labels of all training images".to_owned(),
        }
    }

    /// The row that this row is compared with.
    pub fn against(self) -> Option<Self> {
        match self {
            Self::Joint | Self::SupervisedJoint => None,
            Self::JointDynamic | Self::SinglesStatic => Some(Self::Joint),
            Self::JointBroad => Some(Self::JointDynamic),
            Self::SinglesDynamic => Some(Self::SinglesStatic),
            Self::SinglesBank => Some(Self::SinglesDynamic),
            Self::Fused(_) | Self::FusedAlone => Some(Self::SinglesBank),
            Self::SupervisedFused => Some(Self::SupervisedJoint),
        }
    }

    /// Whether it is trained on the labels of all training images.
    pub fn supervised(self) -> bool {
        matches!(self, Self::SupervisedJoint | Self::SupervisedFused)
    }

    /// Whether it produces one model per landmark.
    pub fn dedicated(self) -> bool {
        matches!(self, Self::SinglesStatic | Self::SinglesDynamic | Self::SinglesBank)
    }

    /// The last stage of its run.
    pub fn until(self) -> Stage {
        if self.dedicated() { Stage::Single } else { Stage::Pack }
    }

    /// The configuration of this row; `full` is that of the full preset.
    pub fn config(self, full: &RunConfig) -> RunConfig {
        let mut config = full.clone();
        let rounds = |config: &mut RunConfig, change: &dyn Fn(&mut RoundsConfig)| {
            config.single.iter_mut().for_each(change);
        };
        match self {
            Self::Joint | Self::SupervisedJoint => {
                let passes = config.fuse.map_or(0, |f| f.passes);
                config.joint.form = AdapterForm::Head;
                config.joint.settle = None;
                // As long as the shared network and the fused one together.
                config.joint.passes += passes;
                (config.single, config.fuse) = (None, None);
            }
            Self::JointDynamic => (config.single, config.fuse) = (None, None),
            Self::JointBroad => {
                config.close_share = 0.0;
                (config.single, config.fuse) = (None, None);
            }
            Self::SinglesStatic => {
                config.joint.settle = None;
                rounds(&mut config, &|s| (s.rounds, s.bank) = (0, 0));
            }
            Self::SinglesDynamic => rounds(&mut config, &|s| s.bank = 0),
            Self::SinglesBank => {}
            Self::Fused(form) => config.fuse.iter_mut().for_each(|f| f.form = form),
            Self::FusedAlone => config.fuse.iter_mut().for_each(|f| f.distil = false),
            Self::SupervisedFused => {
                // All labels are known: the adapters are trained on them directly, without dedicated
                // networks.
                config.single = None;
                config.fuse.iter_mut().for_each(|f| f.distil = false);
            }
        }
        if self.supervised() { config.supervised() } else { config }
    }
}

impl std::str::FromStr for Row {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|row| row.name() == text)
            .ok_or_else(|| format!("`{text}`: expected one of {}", names()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::config::Preset;

    #[test]
    fn rows_that_share_a_stage_share_what_decides_it() {
        let full = Preset::Full.config("set".into(), vec!["a.png".into()], None, 0);
        let until = |row: Row, stage| row.config(&full).until(stage);
        let shared = |r: &Row| !r.supervised() && *r != Row::JointBroad;
        for row in Row::ALL.into_iter().filter(shared) {
            assert_eq!(until(row, Stage::Coarse), full.until(Stage::Coarse), "{}", row.name());
        }
        let fused = Row::Fused(AdapterForm::Gate);
        assert_eq!(until(fused, Stage::Single), until(Row::SinglesBank, Stage::Single));
        assert_ne!(until(Row::SinglesDynamic, Stage::Single), until(fused, Stage::Single));
        assert_ne!(until(Row::Joint, Stage::Joint), until(fused, Stage::Joint));
    }

    #[test]
    fn names_lead_back_to_rows() {
        for row in Row::ALL {
            assert_eq!(row.name().parse(), Ok(row));
        }
        assert!("fused-rank3".parse::<Row>().is_err());
    }
}
