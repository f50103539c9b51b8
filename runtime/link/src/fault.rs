//! Why received bytes gave no message.

use core::fmt;

/// What was wrong with the bytes between two delimiters. Each is counted, see [`Counts`](crate::Counts).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not what was sent: the stuffing or the CRC does not fit, or it is too short or too long.
    Damaged,
    /// A whole frame of a version that is not spoken here.
    Version(u8),
    /// A whole frame of an unknown kind.
    Kind(u8),
    /// A whole frame of this kind whose payload is not what the kind has.
    Payload(u8),
    /// A whole frame that came before, or too late to tell.
    Repeated,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("a damaged frame"),
            Self::Version(version) => write!(f, "a frame of version {version}"),
            Self::Kind(kind) => write!(f, "a frame of the unknown kind {kind}"),
            Self::Payload(kind) => write!(f, "a frame of kind {kind} with an impossible payload"),
            Self::Repeated => f.write_str("a frame that came before"),
        }
    }
}

impl core::error::Error for Fault {}
