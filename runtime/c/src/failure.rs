//! The error of a call: a status and a message.

use fiducia::{Error, ErrorKind};

use crate::types::Status;

/// A failed call.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) message: String,
}

impl Failure {
    /// An invalid argument.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { status: Status::Usage, message: message.into() }
    }

    /// An internal error.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self { status: Status::Internal, message: message.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Usage => Status::Usage,
            ErrorKind::Unreadable => Status::Unreadable,
            ErrorKind::Implausible => Status::Refused,
            ErrorKind::NoGpu => Status::NoGpu,
            ErrorKind::Untrusted => Status::Untrusted,
            ErrorKind::GpuMemory => Status::GpuMemory,
            ErrorKind::GpuWrong => Status::GpuWrong,
            ErrorKind::GpuLost => Status::GpuLost,
            // The C interface writes no files, so any other kind is an internal error.
            _ => Status::Internal,
        };
        Self { status, message: error.to_string() }
    }
}
