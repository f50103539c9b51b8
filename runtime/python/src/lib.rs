//! The Python module `fiducia`: a detector for numpy arrays. `fiducia.pyi` documents its interface.

#[cfg(panic = "abort")]
compile_error!("the module turns panics into exceptions: build it with panic = \"unwind\"");

mod error;
mod image;
mod report;
mod detector;

use pyo3::prelude::*;

/// Detects anatomical landmarks on X-ray images. Not a medical device.
#[pymodule]
mod fiducia {
    #[pymodule_export]
    use crate::detector::Detector;
    #[pymodule_export]
    use crate::error::{Error, NoGpu, Refused, Unreadable, Untrusted};
    #[pymodule_export]
    use crate::report::{Landmark, Report};
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
