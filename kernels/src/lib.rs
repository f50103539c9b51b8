//! The steps of the fiducia runtime, as allocation-free reference implementations.
//!
//! Every kernel reads slices and writes slices, never allocates, and never panics on sizes that its documentation allows.
//! The crate is `no_std`, so that a host, an edge board and a micro-controller compute the same numbers. A kernel that
//! has a shader is two files with one name, such as `conv.rs` and `conv.wgsl`; the shader is tested against the kernel.
//!
//! Two features add modules for larger machines: `gpu` runs the shaders, `simd` computes convolutions with vector
//! instructions.
//!
//! Coordinates: `(0, 0)` is the centre of the top-left pixel, x to the right, y down.
//! Planes are row-major, `plane[y * width + x]`.
#![no_std]
#![cfg_attr(not(feature = "gpu"), forbid(unsafe_code))]

// The macros of the test-support crate name it.
#[cfg(test)]
extern crate std;

mod math;

mod affine;
mod grey_window;
mod box_mean;
mod warp;
mod local_norm;
mod crop_norm;
mod precision;
mod epilogue;
mod conv;
mod transposed;
mod matmul;
mod quantise;
mod matmul_int8;
mod elementwise;
mod pool;
mod resample;
mod peak;
pub mod pose;

#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(feature = "simd")]
pub mod simd;

pub use affine::Affine;
pub use box_mean::{BoxMean, box_mean};
pub use conv::{Conv, conv};
pub use crop_norm::crop_norm;
pub use elementwise::{Axes, Elementwise, MAX_AXES, Operation, elementwise};
pub use epilogue::{Activation, Epilogue, Skip};
pub use grey_window::{GreyWindow, grey_window, histogram};
pub use local_norm::{LocalNorm, local_norm};
pub use matmul::{Matmul, matmul};
pub use matmul_int8::{Int8, conv_int8, matmul_int8};
pub use peak::{Peak, peak};
pub use pool::{Pool, PoolKind, pool};
pub use pose::Pose;
pub use precision::Precision;
pub use quantise::quantise;
pub use resample::{Resample, resample};
pub use transposed::transposed;
pub use warp::{sample, warp};
