//! The emulated board mps2-an386, a Cortex-M4F at 25 MHz: UART 0 is the link, UART 1 the console.
//!
//! The console shows the lines of the device. The emulator has no pins, so characters sent to the console replace
//! them: `1` and `0` set the input of the device, and `h` hangs the main loop.
#![no_std]
#![cfg(target_os = "none")]

mod registers;
mod clock;
mod uart;
mod run;

pub use run::run;
