//! What can go wrong, named so that a program can act on it and a person can mend it.

use std::fmt;

/// What went wrong, as a class; [`Error::kind`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The call itself is wrong: a flag, a missing output folder, an impossible spacing.
    Usage,
    /// An image or pack cannot be read: missing, no permission, damaged, of an unknown form.
    Unreadable,
    /// The image is readable, but not what the model was made for.
    Implausible,
    /// A GPU was asked for and none can be used.
    NoGpu,
    /// A pack or patch is not signed by the maker that was asked for.
    Untrusted,
    /// The GPU cannot hold the model or the image.
    GpuMemory,
    /// The GPU computes something else than it should: a driver to update, a device to replace.
    GpuWrong,
    /// The GPU went away while it was working; a new detector may find it again.
    GpuLost,
    /// A result could not be written.
    Unwritable,
    /// The inference engine failed on a valid pack and image: a fault of fiducia.
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

/// An error with its class and a sentence: what was wrong with which input, and what to do.
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

    /// The same error, its sentence opened by `place` (a file, a section, a landmark).
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
