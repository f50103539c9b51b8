//! The exit code and the message of a command that failed.

use fiducia::Error;

/// Why a command failed.
pub(crate) struct Failure {
    pub(crate) exit_code: u8,
    pub(crate) message: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { exit_code: error.kind().exit_code(), message: error.to_string() }
    }
}
