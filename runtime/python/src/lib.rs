//! The Python module `fiducia`: a detector that takes numpy arrays. What it looks like from Python stands in
//! `fiducia.pyi`.

#[cfg(panic = "abort")]
compile_error!("the module turns panics into exceptions: build it with panic = \"unwind\"");

mod error;
mod image;
mod report;
mod detector;

use pyo3::prelude::*;

/// Finds anatomical landmarks on X-ray images. Not a medical device.
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
