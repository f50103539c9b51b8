//! Errors of a GPU.

extern crate std;
use std::{fmt, string::String};

/// The class of an error.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GpuErrorKind {
    /// There is no such adapter.
    NoAdapter,
    /// The memory of the device is full.
    OutOfMemory,
    /// The device was lost: unplugged, reset by its driver, or stopped by a timeout.
    Lost,
    /// A size is beyond the limits of the device.
    TooLarge,
    /// The device computes wrong results.
    Wrong,
    /// The driver refused a shader or a call: a bug of fiducia or of the driver.
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
