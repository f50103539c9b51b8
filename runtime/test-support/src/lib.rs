//! What the tests of several crates share.
//!
//! Without features it depends on nothing, so that the `no_std` crates can use it in their tests too.

mod rng;
mod skip;
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
