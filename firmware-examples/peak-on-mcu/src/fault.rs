//! What can go wrong.

use core::fmt;

/// Why there is no result.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More cells than the tile holds, or a longer line than its buffer.
    Full,
    /// A row is not as wide as the tile, or there is none.
    Shape,
    /// The heat map holds no finite peak.
    NoPeak,
    /// A value is no number, or beyond what a report can say.
    Range,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the buffer is full",
            Self::Shape => "the rows do not fit the width",
            Self::NoPeak => "the heat map has no peak",
            Self::Range => "the value is out of range",
        })
    }
}

impl core::error::Error for Fault {}
