//! Errors: a class that a program can act on, and a message that tells a person what to do.

use std::fmt;

/// Class of an [`Error`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The call is wrong: an option, a missing output folder, an impossible spacing.
    Usage,
    /// An image or pack cannot be read: missing, no permission, damaged, unknown format.
    Unreadable,
    /// The image is readable, but unlike the model's training set.
    Implausible,
    /// A GPU was asked for and none can be used.
    NoGpu,
    /// A pack or patch is not signed with the required key.
    Untrusted,
    /// The GPU cannot hold the model or the image.
    GpuMemory,
    /// The GPU computes wrong values: update the driver or replace the device.
    GpuWrong,
    /// The GPU was lost while it was working; a new detector may find it again.
    GpuLost,
    /// A result could not be written.
    Unwritable,
    /// The inference engine failed on a valid pack and image: a bug in fiducia.
    Engine,
}

impl ErrorKind {
    /// Exit code of the binaries: 2 usage (and unwritable results), 3 unreadable or corrupt input,
    /// 4 image not plausible for the model, 5 no GPU although asked for, 6 not signed as asked for,
    /// 1 internal fault (a GPU that fails while it runs among them).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage | Self::Unwritable => 2,
            Self::Unreadable => 3,
            Self::Implausible => 4,
            Self::NoGpu => 5,
            Self::Untrusted => 6,
            Self::Engine | Self::GpuMemory | Self::GpuLost | Self::GpuWrong => 1,
        }
    }
}

/// An error: its class, and a message that names the input, what is wrong with it and what to do.
///
/// ```
/// use std::path::Path;
///
/// use fiducia::{ErrorKind, Pack};
///
/// let error = Pack::open(Path::new("missing.fid")).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unreadable);
/// assert_eq!(error.kind().exit_code(), 3);
/// assert!(error.to_string().contains("missing.fid"));
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// An error of class `kind`; `message` starts lower case and names the input.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The same error, its message prefixed with `place` (a file, a section, a landmark).
    pub fn at(self, place: impl fmt::Display) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
