//! What the tests of several crates share.
//!
//! Without features it depends on nothing, so that the `no_std` crates can use it in their tests too.

mod rng;
mod skip;

pub use rng::Rng;
pub use skip::{is_gpu_required, record_skip, required_gpu};
