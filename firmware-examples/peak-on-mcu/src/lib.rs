//! From heat map to report line on a micro-controller.
//!
//! ```text
//! rows from the board ─push→ Tile ─decode→ Measured ─line→ "sella 83.23 9.95 0.80"
//! ```
//!
//! Buffers have their capacity in the type, nothing is allocated, and whatever does not fit is an
//! error. The decoding is the kernel that the host runs.
#![no_std]

mod fault;
mod tile;
mod line;
pub mod scene;

pub use fault::Fault;
pub use line::{LINE_BYTES, Line, line};
pub use tile::{CELLS, Measured, Tile};
