//! What can go wrong.

use core::fmt;

/// Why there is no result.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More cells than fit the tile, or a line that is longer than its buffer.
    Full,
    /// A row is not as wide as the tile, or the tile has no rows.
    Shape,
    /// The heat map has no finite peak.
    NoPeak,
    /// A value is not a number, or out of the range of a report.
    Range,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "buffer full",
            Self::Shape => "row width differs from the tile width",
            Self::NoPeak => "heat map without a peak",
            Self::Range => "value out of range",
        })
    }
}

impl core::error::Error for Fault {}
