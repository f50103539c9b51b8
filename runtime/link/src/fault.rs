//! Why received bytes did not decode to a message.

use core::fmt;

use crate::VERSION;

/// Why the bytes between two delimiters were dropped. Each fault is counted, see [`Counts`](crate::Counts).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Transmission error: invalid COBS encoding, CRC mismatch, too short or too long.
    Damaged,
    /// An intact frame of an unsupported protocol version.
    Version(u8),
    /// An intact frame of an unknown kind.
    Kind(u8),
    /// An intact frame of this kind whose payload has a wrong length or an invalid value.
    Payload(u8),
    /// An intact frame that was received before, or that is too old to tell.
    Repeated,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("damaged frame"),
            Self::Version(version) => {
                write!(f, "unsupported protocol version {version}, expected {VERSION}")
            }
            Self::Kind(kind) => write!(f, "unknown frame kind {kind}"),
            Self::Payload(kind) => write!(f, "invalid payload in a frame of kind {kind}"),
            Self::Repeated => f.write_str("repeated frame"),
        }
    }
}

impl core::error::Error for Fault {}
