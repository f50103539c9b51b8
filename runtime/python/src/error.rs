//! Exceptions: `ValueError` and `TypeError` for invalid arguments, as usual in Python, and our own for the rest.

use fiducia::ErrorKind;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

create_exception!(
    fiducia,
    Error,
    PyException,
    "Base class of all errors except invalid arguments."
);
create_exception!(
    fiducia,
    Refused,
    Error,
    "The image does not look like the images that the model was trained on; `reasons` says why."
);
create_exception!(fiducia, Unreadable, Error, "A model or key cannot be read.");
create_exception!(fiducia, Untrusted, Error, "The model is not signed with the given key.");
create_exception!(fiducia, NoGpu, Error, "A GPU was requested, but there is none.");

/// The exception for an error of the library.
pub(crate) fn raised(error: &fiducia::Error) -> PyErr {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::Usage => PyValueError::new_err(message),
        ErrorKind::Unreadable => Unreadable::new_err(message),
        ErrorKind::Untrusted => Untrusted::new_err(message),
        ErrorKind::NoGpu => NoGpu::new_err(message),
        _ => Error::new_err(message),
    }
}

/// [`Refused`] with `message` and the attribute `reasons`.
pub(crate) fn refused(py: Python<'_>, message: String, reasons: &[String]) -> PyErr {
    let error = Refused::new_err(message);
    let reasons = PyTuple::new(py, reasons);
    match reasons.and_then(|reasons| error.value(py).setattr("reasons", reasons)) {
        Ok(()) => error,
        Err(other) => other,
    }
}
