//! Helpers for the tests of several crates.
//!
//! Without features it has no dependencies, so that the tests of the `no_std` crates can use it too.

mod rng;
mod skip;
pub mod http;
#[cfg(feature = "toy")]
pub mod checksums;
#[cfg(feature = "toy")]
pub mod dicom_files;
#[cfg(feature = "toy")]
pub mod graph;
#[cfg(feature = "toy")]
pub mod shipped;
#[cfg(feature = "toy")]
pub mod signing;
#[cfg(feature = "toy")]
pub mod toy;

pub use rng::Rng;
pub use skip::{is_gpu_required, record_skip, required_gpu};
