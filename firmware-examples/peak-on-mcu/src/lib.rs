//! From heat map to report line on a microcontroller.
//!
//! ```text
//! rows from the board ─push→ Tile ─decode→ Measured ─line→ "sella 83.23 9.95 0.80"
//! ```
//!
//! The capacity of every buffer is part of its type, nothing is allocated, and data that does not fit is an error.
//! The decoder is the same kernel that the host runs.
#![no_std]

mod fault;
mod tile;
mod line;
pub mod scene;

pub use fault::Fault;
pub use line::{LINE_BYTES, Line, line};
pub use tile::{CELLS, Measured, Tile};
