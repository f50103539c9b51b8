//! The C interface of fiducia. What a C program sees is `fiducia.h`, which cbindgen writes from [`border`] and
//! [`types`]; what it may rely on stands in the comment at the top of that header and in the crate's README.
//!
//! ```text
//! C ─border→ checked arguments ─handles→ fiducia's Pack, Detector, Report ─border→ status, message, structs
//! ```

#[cfg(panic = "abort")]
compile_error!("libfiducia turns panics into error codes: build it with panic = \"unwind\"");

pub mod types;
mod failure;
mod handles;
mod guard;
pub mod border;
