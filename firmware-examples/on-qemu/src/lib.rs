//! The parts of a test bench: emulated board, serial line, runtime, golden files.
//!
//! ```text
//! Runtime ─TCP→ Line ─TCP→ Board, UART 0        Board, UART 1 ─TCP→ lines of the console
//! ```
//!
//! Two environment variables name the programs: `FIDUCIA`, the program `fiducia`, and `FIDUCIA_FIRMWARE`, the folder
//! of the firmware images.
// Only tests use this crate: a bench that cannot be set up is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::arithmetic_side_effects)]

mod board;
mod line;
mod runtime;
mod golden;
mod sizes;

pub use board::Board;
pub use golden::assert_golden;
pub use line::Line;
pub use runtime::Runtime;
pub use sizes::Sizes;

use std::{env, path::PathBuf};

/// The path in an environment variable.
fn named(variable: &str) -> PathBuf {
    env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set; see .ci/run")).into()
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
