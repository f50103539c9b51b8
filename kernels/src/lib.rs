//! What each step of the fiducia runtime computes, as allocation-free reference code.
//!
//! Every kernel takes slices and writes slices, never allocates and never panics on sizes that
//! its documentation allows. The crate is `no_std`, so the same numbers come out on a host, on
//! the edge board and on a micro-controller.
//!
//! Coordinates: `(0, 0)` is the centre of the top-left pixel, x to the right, y down.
//! Planes are row-major, `plane[y * width + x]`.
#![no_std]

mod math;

mod affine;
mod box_mean;
mod warp;
mod local_norm;
mod crop_norm;
mod peak;

pub use affine::Affine;
pub use box_mean::{BoxMean, box_mean};
pub use crop_norm::crop_norm;
pub use local_norm::{LocalNorm, local_norm};
pub use peak::{Peak, peak};
pub use warp::{sample, warp};
