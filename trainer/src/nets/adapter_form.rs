//! The private parameters (adapter) of a landmark in a refine network.

use std::fmt;
use std::str::FromStr;

use fiducia::pack::AdapterInput;
use serde::{Deserialize, Serialize};

/// Largest rank of a low-rank path.
pub const MAX_RANK: usize = 32;

/// The private parameters of a landmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AdapterForm {
    /// Only the head: 68 values.
    Head,
    /// Scale and shift of the bottleneck maps, and the head: 196 values.
    Gate,
    /// The gate, the head and a low-rank path `maps + U V maps` of this rank at the bottleneck (residual
    /// adapter, Rebuffi et al. 2018): 128 more values per rank.
    LowRank(usize),
    /// The gate, the head and a private 3 × 3 depthwise convolution of the bottleneck maps: 576 more values
    /// (private convolutions as in GU2Net).
    Depthwise,
}

impl AdapterForm {
    /// The form of a model with these adapter tensors, derived from their names and ranks.
    pub fn of(inputs: &[AdapterInput]) -> Self {
        let named = |name: &str| inputs.iter().find(|i| i.input == name);
        match (named("path_down"), named("taps"), named("gate_scale")) {
            (Some(path), ..) => Self::LowRank(path.shape.first().copied().unwrap_or(0)),
            (_, Some(_), _) => Self::Depthwise,
            (.., Some(_)) => Self::Gate,
            _ => Self::Head,
        }
    }

    /// Rank of the low-rank path; 0 where there is none.
    pub fn rank(self) -> usize {
        if let Self::LowRank(rank) = self { rank } else { 0 }
    }
}

impl fmt::Display for AdapterForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Gate => f.write_str("gate"),
            Self::LowRank(rank) => write!(f, "rank{rank}"),
            Self::Depthwise => f.write_str("depthwise"),
        }
    }
}

impl From<AdapterForm> for String {
    fn from(form: AdapterForm) -> Self {
        form.to_string()
    }
}

impl FromStr for AdapterForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rank = || text.strip_prefix("rank")?.parse().ok();
        match (text, rank()) {
            ("head", _) => Ok(Self::Head),
            ("gate", _) => Ok(Self::Gate),
            ("depthwise", _) => Ok(Self::Depthwise),
            (_, Some(rank)) if (1..=MAX_RANK).contains(&rank) => Ok(Self::LowRank(rank)),
            _ => {
                Err(format!("`{text}`: expected head, gate, depthwise or rank1 to rank{MAX_RANK}"))
            }
        }
    }
}

impl TryFrom<String> for AdapterForm {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
