//! The C interface of fiducia. cbindgen generates `fiducia.h` from [`border`] and [`types`]; the comment at the top
//! of the header and the README of the crate state what C programs can rely on.
//!
//! ```text
//! C ─border→ checked arguments ─handles→ Pack, Detector, Report of fiducia ─border→ status, message, structs
//! ```

#[cfg(panic = "abort")]
compile_error!("libfiducia turns panics into error codes: build it with panic = \"unwind\"");

pub mod types;
mod failure;
mod handles;
mod guard;
pub mod border;
