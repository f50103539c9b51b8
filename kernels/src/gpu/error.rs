//! What can go wrong on a GPU, named so that a caller can act on it.

extern crate std;
use std::{fmt, string::String};

/// What went wrong, as a class.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GpuErrorKind {
    /// There is no adapter as asked for.
    NoAdapter,
    /// The device cannot hold what it was asked to.
    OutOfMemory,
    /// The device went away: unplugged, reset by its driver, or stopped for taking too long.
    Lost,
    /// A size is beyond what the device offers.
    TooLarge,
    /// The device computes something else than it should.
    Wrong,
    /// The driver refused a shader or a call: a fault of fiducia or of the driver.
    Refused,
}

/// An error with its class and a sentence.
#[derive(Clone, Debug)]
pub struct GpuError {
    kind: GpuErrorKind,
    message: String,
}

impl GpuError {
    /// An error of class `kind`; `message` starts lower case.
    pub fn new(kind: GpuErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The class of the error.
    pub fn kind(&self) -> GpuErrorKind {
        self.kind
    }
}

impl fmt::Display for GpuError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for GpuError {}
