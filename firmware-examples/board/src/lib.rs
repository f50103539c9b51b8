//! The emulated board mps2-an386, a Cortex-M4F at 25 MHz: UART 0 is the link, UART 1 the console.
//!
//! On the console lines are shown; the characters `1` and `0` stand for the input of the device, since the
//! emulator has no pins, and `h` for a loop that gets stuck.
#![no_std]
#![cfg(target_os = "none")]

mod registers;
mod clock;
mod uart;
mod run;

pub use run::run;
