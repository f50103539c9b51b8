//! The parts of a bench: emulated board, line, runtime, expected text.
//!
//! ```text
//! Runtime ─TCP→ Line ─TCP→ Board, UART 0        Board, UART 1 ─TCP→ lines of the console
//! ```
//!
//! Where the programs are is told by the environment: `FIDUCIA` names the runtime's binary,
//! `FIDUCIA_FIRMWARE` the folder of the firmware.
// Tests stand on it: a bench that cannot be set up is a failed test.
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

/// A program or folder that the environment names.
fn named(variable: &str) -> PathBuf {
    env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set; see .ci/run")).into()
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
