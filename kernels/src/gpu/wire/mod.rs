//! The records that host and shaders share: what is uploaded and what is read back.
//!
//! `tests/reflect.rs` compares their layout with that of the shaders' types.

mod picture;
mod pose;
mod results;

pub use picture::Picture;
pub use pose::PoseStep;
pub(in crate::gpu) use results::{COVARIANCE_CELLS, PLACE_STEPS};
pub use results::{Fine, Found, Row};
